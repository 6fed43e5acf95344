# SPDX-License-Identifier: Apache-2.0

"""Scripts that only one has at a time, with the real flock and shell."""

import fcntl
import shutil
import time

import pytest

from manila_drivers import exception
from manila_drivers.transport import command
from manila_drivers.transport import local
from manila_drivers.transport import script

pytestmark = pytest.mark.skipif(shutil.which('flock') is None,
                                reason='flock is missing')


@pytest.fixture
def host():
    # Whoever runs this is as good as root here.
    return local.Local('env')


def _sh(text, **parts):
    return command.Command.of('sh', '-c', text, root=True, **parts)


def test_all_of_a_script_is_under_the_lock(host, tmp_path):
    path = str(tmp_path / 'lock')
    ask = f'flock -n {path} true && echo free || echo taken'
    results = script.run(host, [_sh(ask), _sh(ask)], lock=script.Lock(path))
    assert [one.stdout for one in results] == ['taken\n', 'taken\n']
    assert host.run(_sh(ask)).stdout == 'free\n'


def test_somebody_else_is_waited_for_and_then_nothing_is_run(host, tmp_path):
    path, made = tmp_path / 'lock', tmp_path / 'made'
    with open(path, 'w') as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        begun = time.monotonic()
        with pytest.raises(exception.Busy, match='busy with something else'):
            script.run(host, [_sh(f'touch {made}')],
                       lock=script.Lock(str(path), 1))
        assert time.monotonic() - begun >= 1
    assert not made.exists()
    script.run(host, [_sh(f'touch {made}')], lock=script.Lock(str(path), 1))
    assert made.exists()


def test_those_that_only_look_share_it(host, tmp_path):
    path = tmp_path / 'lock'
    with open(path, 'w') as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        script.run(host, [_sh('true')],
                   lock=script.Lock(str(path), 1, shared=True))
        with pytest.raises(exception.Busy):
            script.run(host, [_sh('true')], lock=script.Lock(str(path), 1))


def test_what_goes_on_in_the_background_has_no_lock(host, tmp_path):
    path = str(tmp_path / 'lock')
    script.run(host, [_sh('(sleep 30) </dev/null >/dev/null 2>&1 & echo $! '
                          f'>{tmp_path}/pid')], lock=script.Lock(path))
    try:
        script.run(host, [_sh('true')], lock=script.Lock(path, 1))
    finally:
        host.run(_sh(f'kill "$(cat {tmp_path}/pid)"'))


def test_a_command_that_exits_as_flock_does_is_a_command(host, tmp_path):
    with pytest.raises(exception.BackendError) as caught:
        script.run(host, [_sh('exit 75')],
                   lock=script.Lock(str(tmp_path / 'lock')))
    assert not isinstance(caught.value, exception.Busy)
    assert caught.value.status == 75


def test_a_lock_that_cannot_be_made_is_no_lock(host, tmp_path):
    with pytest.raises(exception.BackendError):
        script.run(host, [_sh('true')],
                   lock=script.Lock(str(tmp_path / 'no' / 'lock')))

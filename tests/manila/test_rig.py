# SPDX-License-Identifier: Apache-2.0

"""The rig itself: any driver, any release, restarts, crashes, the client."""

from collections.abc import Iterator
import dataclasses
import os
import pathlib
import re
import signal
import subprocess
import sys

import pytest

from manila_drivers.testing.manila import config
from manila_drivers.testing.manila import environment
from manila_drivers.testing.manila import life
from manila_drivers.testing.manila import process
from manila_drivers.testing.manila import releases
from manila_drivers.testing.manila import scene
from tests import patience
from tests.manila.conftest import awaited
from tests.manila.conftest import REPOSITORY

DUMMY = {
    'share_driver': 'manila.tests.share.drivers.dummy.DummyDriver',
    # It sleeps in every call, to look like a real one.
    'dummy_driver_default_driver_method_delay': 0,
    'dummy_driver_driver_methods_delays': ','.join(
        '%s:0' % method for method in (
            'create_share', 'delete_share', 'extend_share', 'shrink_share',
            'update_access', 'create_snapshot', 'delete_snapshot',
            'create_share_from_snapshot', 'manage_existing', 'unmanage',
            'ensure_share', 'ensure_shares', 'get_share_stats'))}


@pytest.fixture
def manila(place: environment.Environment,
           tmp_path: pathlib.Path) -> Iterator[process.Manila]:
    """Manila's own driver for tests; not started."""
    with_dummy = process.Manila(place, releases.NEWEST, config.Settings(
        tmp_path, {'dummy': DUMMY}))
    yield with_dummy
    if with_dummy.running:
        with_dummy.kill()


def _play(manila: process.Manila) -> scene.Scene:
    # This driver takes every rule, and all that it takes over is 1 GiB.
    return scene.play(manila, scene.Profile(
        'dummy', invalid=None, manages=False))


def test_a_driver_that_is_not_ours(manila: process.Manila) -> None:
    manila.start()
    play = _play(manila)
    life.whole(play)
    assert not any(step.asked or step.calls for step in play.journal.steps)


def test_state_outlives_a_crash(manila: process.Manila) -> None:
    manila.start()
    endpoint, pid = manila.endpoint, manila.pid
    play = _play(manila)
    life.make_type(play)
    share = life.create(play)
    manila.kill()
    manila.start()
    assert (manila.endpoint, manila.pid != pid) == (endpoint, True)
    assert play.client.share(share)['id'] == share


def test_a_backend_is_added_between_starts(manila: process.Manila) -> None:
    manila.start()
    manila.stop()
    manila.settings = dataclasses.replace(
        manila.settings, backends={'dummy': DUMMY, 'second': DUMMY})
    assert set(manila.start().ready) == {'scheduler', 'dummy', 'second'}


def test_stopping_ends_the_process_cleanly(manila: process.Manila) -> None:
    manila.start()
    manila.stop()
    assert manila.status().stopped
    assert 'Traceback' not in manila.log()
    with pytest.raises(ProcessLookupError):
        os.kill(manila.pid, 0)


def test_a_process_that_hangs_is_killed(
        manila: process.Manila, monkeypatch: pytest.MonkeyPatch) -> None:
    manila.start()
    os.kill(manila.pid, signal.SIGSTOP)
    monkeypatch.setattr(process, 'STOP_SECONDS', 0.5)
    with pytest.raises(process.ManilaFailure, match=r'did not stop in 0.5 s'):
        manila.stop()
    assert not manila.running


def test_a_class_that_does_not_exist(manila: process.Manila) -> None:
    manila.settings = dataclasses.replace(
        manila.settings, backends={'typo': {'share_driver': 'no.such.Class'}})
    with pytest.raises(process.ManilaFailure, match=r'No module named .no.'):
        manila.start()
    assert not manila.running


def test_the_openstack_client_works(manila: process.Manila,
                                    place: environment.Environment) -> None:
    """The command that the demonstration tells people to use."""
    manila.start()
    life.make_type(_play(manila))
    command = [place.tool('openstack'), '--os-auth-type', 'none',
               '--os-endpoint', manila.endpoint, 'share', 'create', 'NFS',
               '1', '--name', 'mine', '--share-type', 'default', '--wait',
               '-f', 'value', '-c', 'status']
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.stdout.strip(), done.returncode) == ('available', 0), (
        done.stderr)


@pytest.mark.parametrize(('ending', 'code'), [
    (signal.SIGINT, 0), (signal.SIGKILL, -signal.SIGKILL)])
def test_a_file_of_backends_is_enough(
        tmp_path: pathlib.Path, ending: signal.Signals, code: int) -> None:
    """Manila ends when the command that was given a file does."""
    file, output = tmp_path / 'backends.conf', tmp_path / 'output'
    file.write_text('\n'.join(['[dummy]', *(
        '%s = %s' % option for option in DUMMY.items())]))
    with output.open('wb') as out:
        rig = subprocess.Popen(
            [sys.executable, '-m', 'manila_drivers.testing.manila', file,
             '--work', tmp_path], stdout=out, stderr=out,
            env={**os.environ, 'PYTHONPATH': str(REPOSITORY)})
    try:
        text = awaited(output, 'To stop it', rig)
    finally:
        rig.send_signal(ending)
        assert rig.wait(patience.seconds(60)) == code
    assert re.search('openstack --os-auth-type none .* --share-type dummy',
                     text)
    awaited(tmp_path / 'status.json', '"stopped": true')


def test_a_release_that_has_no_threads(place: environment.Environment,
                                       tmp_path: pathlib.Path) -> None:
    with pytest.raises(ValueError, match=r'21.0 does not run on threads'):
        process.Manila(place, releases.named('21.0'),
                       config.Settings(tmp_path, {}), 'threads')

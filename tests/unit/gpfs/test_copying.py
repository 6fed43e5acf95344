#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#         http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.

"""The scripts that copy snapshots, run by the shell of this machine."""

import os
import shutil
import stat
import subprocess
import time
import types

import pytest

from manila_drivers import model
from manila_drivers.ibm.gpfs import commands
from manila_drivers.ibm.gpfs import copying
from manila_drivers.ibm.gpfs import settings

pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, ('flock', 'setsid'))),
    reason='flock and setsid are missing: package util-linux')

MMLSATTR = """#!/bin/sh
echo "file name:            $2"
{}
"""


class Scripts:
    """A directory with a share, its snapshot and programs of its own."""

    def __init__(self, place):
        self.place = place
        self.state = place / '.manila'
        self.source = place / 'old' / '.snapshots' / 'snap'
        self.target = place / 'new'
        self.source.mkdir(parents=True)
        self.target.mkdir()
        self.bin = place / 'bin'
        self.bin.mkdir()
        self.program('mmlsattr', MMLSATTR.format(
            'echo "snapshot name:        snap  "'))

    def program(self, name, text):
        file = self.bin / name
        file.write_text(text)
        file.chmod(stat.S_IRWXU)

    def run(self, script, *words):
        return subprocess.run(
            ['/bin/sh', '-c', copying.SCRIPTS[script], script,
             str(self.state), 'new', *map(str, words)],
            env={**os.environ, 'LC_ALL': 'C',
                 'PATH': f'{self.bin}:{os.environ["PATH"]}'},
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=60, check=False)

    def start(self, *copy):
        return self.run(copying.START, self.source, self.target,
                        self.bin / 'mmlsattr', *copy)

    def job(self):
        return copying.Job.of(self.run(copying.STATE).stdout)

    def ended(self):
        deadline = time.monotonic() + 30
        while (found := self.job()).state == 'running':
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return found


@pytest.fixture
def scripts(tmp_path):
    made = Scripts(tmp_path)
    yield made
    made.run(copying.STOP)


@pytest.mark.parametrize('said', [
    'echo "snapshot name:        snap"', 'echo "snapshot name: snap   "',
    'echo "snapshot name:        old:snap"'])
def test_a_snapshot_is_copied(scripts, said):
    scripts.program('mmlsattr', MMLSATTR.format(said))
    assert scripts.start('cp', '-a').returncode == 0
    assert scripts.ended().done
    assert scripts.run(copying.STOP).returncode == 0
    assert list(scripts.state.iterdir()) == []
    assert scripts.job().state == 'none'


@pytest.mark.parametrize('said', [
    'echo "snapshot name:        "', 'echo "snapshot name:        other"',
    'echo "snapshot name:        another-snap"', 'exit 1', ''])
def test_what_gpfs_does_not_call_that_snapshot_is_not_copied(scripts, said):
    """Also if it does not say anything."""
    scripts.program('mmlsattr', MMLSATTR.format(said))
    done = scripts.start('cp', '-a')
    assert done.returncode == 2
    assert 'is no snapshot' in done.stderr
    assert scripts.job().state == 'none'


def test_a_script_is_shown_by_its_name():
    """As errors and the log quote it."""
    site = types.SimpleNamespace(
        settings=types.SimpleNamespace(state_directory='/base/.manila'),
        commands=commands.Commands(settings.Settings('b', '/base', ())))
    made = copying.Copying(site, None, None)
    cmd = made.stop(model.Share('1', name='share-1'))
    assert str(cmd) == 'manila-copy-stop /base/.manila share-1'
    assert cmd.words()[:3] == ['sh', '-c', copying.SCRIPTS[copying.STOP]]


def test_a_copy_is_ended_where_it_runs(scripts):
    """Its number is anybody's on another host."""
    scripts.program('slow', '#!/bin/sh\nsleep 60\n')
    assert scripts.start('slow').returncode == 0
    assert scripts.job().state == 'running'
    deadline = time.monotonic() + 30
    while not (scripts.state / 'new.pid').exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    group = int((scripts.state / 'new.pid').read_text())
    scripts.program('uname', '#!/bin/sh\necho elsewhere\n')
    done = scripts.run(copying.STOP)
    assert done.returncode == 1
    assert f'runs on {os.uname().nodename}' in done.stderr
    os.killpg(group, 0)
    assert scripts.job().state == 'running'
    (scripts.bin / 'uname').unlink()
    assert scripts.run(copying.STOP).returncode == 0
    assert list(scripts.state.iterdir()) == []


def test_a_copy_that_has_just_begun_is_ended(scripts):
    """An older one has left its number behind, which is anybody's now."""
    scripts.program('slow', '#!/bin/sh\nsleep 60\n')
    scripts.program('setsid', '#!/bin/sh\nsleep 1\nexec '
                    f'{shutil.which("setsid")} "$@"\n')
    scripts.state.mkdir()
    with subprocess.Popen(['sleep', '60'], start_new_session=True) as other:
        (scripts.state / 'new.pid').write_text(f'{other.pid}\n')
        (scripts.state / 'new.lock').touch()
        assert scripts.start('slow').returncode == 0
        assert scripts.run(copying.STOP).returncode == 0
        assert other.poll() is None
        other.kill()
    assert list(scripts.state.iterdir()) == []

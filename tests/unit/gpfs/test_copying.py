# SPDX-License-Identifier: Apache-2.0

"""The scripts that copy snapshots, run by the shell of this machine."""

from concurrent import futures
import os
import shutil
import signal
import stat
import subprocess
import time

import pytest

from manila_drivers.ibm.gpfs import cloning
from manila_drivers.ibm.gpfs import commands
from manila_drivers.ibm.gpfs import copy_scripts
from manila_drivers.ibm.gpfs import errors
from manila_drivers.ibm.gpfs import settings
from tests import patience

# With CI=true what is missing is a failure.
ON_A_DESK = not os.environ.get('CI')

pytestmark = pytest.mark.skipif(
    ON_A_DESK and not all(map(shutil.which, ('flock', 'setsid'))),
    reason='flock and setsid are missing: package util-linux')

MMLSATTR = """#!/bin/sh
echo "file name:            $2"
{}
"""
MARK = 'manila%3A1 from old%3Asnap'

# What another host has: its name, and locks that say nothing of the first.
ELSEWHERE = {
    'uname': '#!/bin/sh\necho elsewhere\n',
    'flock': '#!/bin/sh\ncase $1$2$3 in -n9) ;; -w*) shift 3; "$@" ;;'
             ' *) shift 2; "$@" ;; esac\n'}


class Scripts:
    """A directory with a share, its snapshot and programs of its own."""

    def __init__(self, place):
        self.place = place
        self.state = place / '.manila'
        self.job_files = self.state / 'new'
        self.source = place / 'old' / '.snapshots' / 'snap'
        self.target = place / 'new'
        self.source.mkdir(parents=True)
        self.target.mkdir()
        self.bin = place / 'bin'
        self.bin.mkdir()
        self.elsewhere = place / 'elsewhere'
        self.elsewhere.mkdir()
        for name, text in ELSEWHERE.items():
            self.program(name, text, self.elsewhere)
        self.program('mmlsattr', MMLSATTR.format(
            'echo "snapshot name:        snap  "'))
        self.marked(MARK)

    def marked(self, comment):
        """The fileset has this comment."""
        self.program('mmlsfileset', f"#!/bin/sh\necho 'x:{comment}:off'\n")

    def program(self, name, text, place=None):
        file = (place or self.bin) / name
        file.write_text(text)
        file.chmod(stat.S_IRWXU)

    def run(self, script, *words, elsewhere=False):
        places = [self.elsewhere] if elsewhere else []
        return subprocess.run(
            ['/bin/sh', '-c', copy_scripts.SCRIPTS[script], script,
             str(self.state), 'new', *map(str, words)],
            env={**os.environ, 'LC_ALL': 'C', 'PATH': ':'.join(
                map(str, [*places, self.bin, os.environ['PATH']]))},
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=patience.seconds(60), check=False)

    def start(self, *copy, number=1, **where):
        return self.run(copy_scripts.START, number, self.source,
                        self.target, f'{self.bin}/', 'gpfs0', '1', *copy,
                        **where)

    def stop(self, **where):
        return self.run(copy_scripts.STOP, 5, **where)

    def job(self, **where):
        return cloning.Job.of(self.run(copy_scripts.STATE, **where).stdout)

    def ended(self, **where):
        wait(lambda: self.job(**where).state != 'running')
        return self.job(**where)

    def leader(self, number=1):
        file = self.job_files / str(number) / 'pid'
        wait(lambda: file.exists() and file.read_text())
        return int(file.read_text())


def wait(until):
    deadline = time.monotonic() + patience.seconds(30)
    while not until():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def scripts(tmp_path, monkeypatch):
    monkeypatch.setattr(copy_scripts, 'SCRIPTS', {
        name: text.replace(f'"$next" {copy_scripts.BEAT} ', '"$next" 0.2 ')
        for name, text in copy_scripts.SCRIPTS.items()})
    made = Scripts(tmp_path)
    yield made
    made.stop()


@pytest.mark.parametrize('said', [
    'echo "snapshot name:        snap"', 'echo "snapshot name: snap   "',
    'echo "snapshot name:        old:snap"'])
def test_a_snapshot_is_copied(scripts, said):
    (scripts.source / 'file').write_text('content')
    scripts.program('mmlsattr', MMLSATTR.format(said))
    done = scripts.start('cp', '-aT')
    assert (done.returncode, done.stderr) == (0, '')
    assert scripts.ended().done
    assert (scripts.target / 'file').read_text() == 'content'
    assert scripts.stop().returncode == 0
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
    make = commands.Commands(settings.GpfsSettings('b', '/base', ()))
    cmd = make.end_copy('gpfs0', 'share-1')
    assert str(cmd) == 'manila-copy-stop /base/.manila share-1 30'
    assert cmd.words()[:3] == [
        'sh', '-c', copy_scripts.SCRIPTS[copy_scripts.STOP]]


SLOW = '#!/bin/sh\nsleep 60\n'


def listed(scripts, **where):
    return scripts.run(copy_scripts.LIST, **where)


def test_all_copies_are_listed(scripts):
    assert (listed(scripts).stdout, listed(scripts).returncode) == ('', 0)
    scripts.program('slow', SLOW)
    assert scripts.start('slow').returncode == 0
    scripts.leader()
    (scripts.state / 'another' / '1').mkdir(parents=True)
    (scripts.state / 'another' / '1' / 'rc').write_text('0\n')
    (scripts.state / 'empty').mkdir()
    assert listed(scripts).stdout.splitlines() == [
        'another ended 1 0', 'empty none 0', 'new running 1']
    assert listed(scripts, elsewhere=True).stdout.splitlines()[
        2].startswith('new elsewhere 1 ')
    for line in listed(scripts).stdout.splitlines():
        cloning.Job.of(line.partition(' ')[2])


def test_copies_that_cannot_be_listed_are_not_none(scripts):
    scripts.state.write_text('no directory')
    assert listed(scripts).returncode != 0
    scripts.state = scripts.place / 'not-mounted' / '.manila'
    assert listed(scripts).returncode != 0


def test_another_host_does_not_take_a_living_copy_for_dead(scripts):
    """Its locks say nothing of ours; the heartbeat does."""
    scripts.program('slow', SLOW)
    assert scripts.start('slow').returncode == 0
    assert scripts.job().state == 'running'
    first = scripts.job(elsewhere=True)
    assert first.state == 'elsewhere'
    assert first.host.rpartition('-')[0] == os.uname().nodename
    wait(lambda: scripts.job(elsewhere=True).beat != first.beat)


def test_an_attempt_is_begun_once(scripts):
    scripts.program('slow', SLOW)
    assert scripts.start('slow').returncode == 0
    for elsewhere in False, True:
        assert scripts.start('touch', elsewhere=elsewhere).returncode == 0
    # One that nobody has come to yet is not begun either.
    assert scripts.start('touch', number=3).returncode == 0
    assert scripts.job().tries == 1
    assert list(scripts.target.iterdir()) == []


def test_a_command_that_comes_late_begins_nothing(scripts):
    """The share is whole, and its files are in use."""
    scripts.marked('manila%3A1')
    (scripts.target / 'of a user').touch()
    done = scripts.start('rsync', '-a', '--delete')
    assert done.returncode == 3
    assert scripts.start('rsync', '-a', '--delete',
                         number=2).returncode == 0
    assert scripts.job().state == 'none'
    assert (scripts.target / 'of a user').exists()
    assert list(scripts.state.iterdir()) == []


@pytest.mark.skipif(ON_A_DESK and not shutil.which('rsync'),
                    reason='rsync is missing')
def test_a_copy_that_was_believed_dead_reaches_nothing(scripts):
    """Neither what it copies nor what it deletes gets into a new fileset."""
    for number in range(40):
        (scripts.source / f'file{number:02}').write_bytes(b'x' * 5000)
    assert scripts.start('rsync', '-a', '--delete',
                         '--bwlimit=40k').returncode == 0
    wait(lambda: any(scripts.target.iterdir()))
    leader = scripts.leader()
    os.killpg(leader, signal.SIGSTOP)
    shutil.rmtree(scripts.target)
    scripts.target.mkdir()
    assert scripts.start('true', number=2, elsewhere=True).returncode == 0
    wait(lambda: (scripts.job_files / '2' / 'rc').exists())
    (scripts.target / 'of a user').touch()
    os.killpg(leader, signal.SIGCONT)
    wait(lambda: not alive(leader))
    assert os.listdir(scripts.target) == ['of a user']


def alive(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_copy_ends_when_another_takes_its_place(scripts):
    scripts.program('slow', SLOW)
    assert scripts.start('slow').returncode == 0
    leader = scripts.leader()
    assert scripts.start('true', number=2, elsewhere=True).returncode == 0
    wait(lambda: not alive(leader))


def test_a_copy_is_ended_from_anywhere(scripts):
    """Its number is anybody's on another host; so it is asked to end."""
    scripts.program('slow', SLOW)
    assert scripts.start('slow').returncode == 0
    leader = scripts.leader()
    assert scripts.stop(elsewhere=True).returncode == 0
    wait(lambda: not alive(leader))
    assert list(scripts.state.iterdir()) == []


def test_a_copy_that_has_just_begun_is_ended(scripts):
    """Its processes have not said yet which they are."""
    scripts.program('slow', SLOW)
    scripts.program('setsid', '#!/bin/sh\nsleep 1\nexec '
                    f'{shutil.which("setsid")} "$@"\n')
    assert scripts.start('slow').returncode == 0
    assert scripts.stop().returncode == 0
    assert list(scripts.state.iterdir()) == []


def test_nothing_is_made_where_the_file_system_is_not_mounted(scripts):
    shutil.rmtree(scripts.place / 'old')
    scripts.state = scripts.place / 'base' / '.manila'
    assert scripts.start('cp', '-a').returncode
    assert scripts.run(copy_scripts.STATE).returncode
    assert not (scripts.place / 'base').exists()


def test_a_host_of_the_same_name_is_another_one(scripts):
    """Sites that share a file system may have named their hosts alike."""
    scripts.program('slow', SLOW)
    (scripts.elsewhere / 'uname').unlink()
    scripts.program('cat', '#!/bin/sh\n[ "$1" = /etc/machine-id ] && echo '
                    'other || exec /bin/cat "$@"\n', scripts.elsewhere)
    assert scripts.start('slow').returncode == 0
    leader = scripts.leader()
    assert scripts.job(elsewhere=True).state == 'elsewhere'
    assert scripts.stop(elsewhere=True).returncode == 0
    wait(lambda: not alive(leader))


def test_a_start_that_comes_late_stays_out_of_a_new_fileset(scripts):
    """Its host stood still between its attempt and the fileset."""
    scripts.program('mmlsfileset', f"""#!/bin/sh
until [ -e {scripts.place}/go ]; do sleep 0.05; done
echo 'x:{MARK}:off'
""")
    (scripts.source / 'file').touch()
    with futures.ThreadPoolExecutor() as pool:
        late = pool.submit(scripts.start, 'cp', '-aT')
        wait(lambda: (scripts.job_files / '1').is_dir())
        assert scripts.run(copy_scripts.RENEW, 'old:snap',
                           elsewhere=True).returncode == 0
        shutil.rmtree(scripts.target)
        scripts.target.mkdir()
        (scripts.place / 'go').touch()
        late.result()
    time.sleep(0.5)
    assert os.listdir(scripts.target) == []
    job = scripts.job()
    assert (job.state, job.log) == ('renewing', 'old:snap')
    assert scripts.start('cp', '-aT', number=2).returncode == 0
    assert scripts.ended().done


def test_a_comment_that_cannot_be_read_ends_nothing(scripts):
    scripts.program('mmlsfileset', '#!/bin/sh\nexit 1\n')
    done = scripts.start('cp', '-aT')
    assert done.returncode == errors.UNREADABLE
    assert scripts.job().state == 'none'
    scripts.marked(MARK)
    assert scripts.start('cp', '-aT').returncode == 0
    assert scripts.ended().done

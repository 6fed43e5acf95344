# SPDX-License-Identifier: Apache-2.0

"""Scripts that let go of a lock for some commands, as a real shell runs them.
"""

import subprocess

import pytest

from manila_drivers import exception
from manila_drivers.generic import guest_turns
from manila_drivers.transport import command
from manila_drivers.transport import script
from manila_drivers.transport import verdict

HELD = 'flock -n {0} true && echo free || echo held'


class Shell:
    """Runs commands here, as whoever one is."""

    def words(self, cmd):
        return cmd.words()

    def judge(self, cmd, result):
        return None if result.status in cmd.accept else verdict.failure(
            cmd, self, result, sudo=False)

    def run(self, cmd):
        done = subprocess.run(
            cmd.words(), input=cmd.input(), capture_output=True, text=True,
            check=False, timeout=20)
        result = command.Result(done.stdout, done.stderr, done.returncode)
        error = self.judge(cmd, result)
        if error is not None:
            raise error
        return result


def sh(text, **parts):
    return command.Command.of('sh', '-c', text, **parts)


@pytest.fixture
def lock(tmp_path):
    return script.Lock(str(tmp_path / "a lock's"), 1)


@pytest.mark.parametrize(('outside', 'seen'), [
    ((), ['held'] * 3), ({0}, ['free', 'held', 'held']),
    ({1}, ['held', 'free', 'held']), ({0, 2}, ['free', 'held', 'free']),
    ({0, 1, 2}, ['free'] * 3)])
def test_a_lock_is_let_go_for_some_commands(lock, outside, seen):
    asked = command.Command.of('sh', '-c', HELD.format('"$0"'), lock.path)
    answer = script.attempt(Shell(), [asked] * 3, lock=lock, outside=outside)
    assert [one.stdout.strip() for one in answer.results] == seen
    assert answer.error is None


@pytest.mark.parametrize('outside', [{0}, {1}, {2}, {0, 2}])
@pytest.mark.parametrize('failing', [0, 1, 2])
@pytest.mark.parametrize('keep_going', [False, True])
def test_what_fails_ends_a_script_or_not(lock, outside, failing, keep_going):
    commands = [sh("cat; printf \"it's %s\" $0", stdin=f'{number}\n')
                for number in range(3)]
    commands[failing] = sh('echo no >&2; exit 7')
    answer = script.attempt(Shell(), commands, lock=lock, outside=outside,
                            keep_going=keep_going)
    assert [one.status for one in answer.results] == (
        [7 * (number == failing) for number in range(3)][
            :None if keep_going else failing + 1])
    assert answer.error.status == 7
    if failing:
        assert answer.results[0].stdout == "0\nit's sh"


def test_who_has_a_lock_is_not_waited_for_for_ever(lock, tmp_path):
    with subprocess.Popen(['flock', '-o', lock.path, 'sleep', '8']) as other:
        while not Shell().run(sh(HELD.format('"$0"').replace(
                '"$0"', f'"{lock.path}"'))).stdout.startswith('held'):
            pass
        begun = tmp_path / 'begun'
        with pytest.raises(exception.Busy, match='busy with something'):
            script.attempt(Shell(), [sh(f': >{begun}'), sh('true')],
                           lock=lock, outside={0})
        assert begun.exists()
        other.terminate()


def test_who_works_is_told_by_locks(tmp_path):
    """The lock counts, and a note without one goes."""
    def asked(text):
        return text.replace('/run', str(tmp_path))

    def working():
        words = [asked(one) for one in guest_turns.question().words()]
        done = subprocess.run(words, capture_output=True, text=True,
                              check=True)
        return guest_turns.understand(done.stdout)

    (tmp_path / 'other').write_text('')
    (tmp_path / 'manila-unwritten-share one').write_text('')
    assert working() == {}
    note = tmp_path / 'manila-closed-one'
    waits = guest_turns.long('one', 'waits', f': >{note}\nread -r line\n'
                             f'printf %s x >{note}\nread -r line\n',
                             timeout=9)
    change = guest_turns.replaced('one', [])

    def replaced():
        return subprocess.run([asked(one) for one in change.words()],
                              input=change.input(), text=True,
                              check=False).returncode

    note.write_text('of one that was killed')
    (tmp_path / 'manila-share-one.lock').write_text('')
    assert replaced() == 34
    assert working() == {}
    assert not note.exists()
    with subprocess.Popen([asked(one) for one in waits.words()],
                          stdin=subprocess.PIPE, text=True) as other:
        for state in guest_turns.Work.CLOSING, guest_turns.Work.CLOSED:
            while working().get('one') is not state:
                assert other.poll() is None
            assert replaced() == (
                0 if state is guest_turns.Work.CLOSED else 34)
            other.stdin.write('\n')
            other.stdin.flush()
    assert note.read_text() == guest_turns.opened([])
    assert working() == {}


@pytest.fixture
def run(tmp_path):
    """Return what runs a shell's text, which reads another."""
    return lambda text, stdin='': subprocess.run(
        ['sh', '-c', text.replace('/run', str(tmp_path))], check=False,
        input=stdin.replace('/run', str(tmp_path)), text=True).returncode


#: Reads a text and does it in a turn, as scripts of shares do.
TURNED = guest_turns.TURN + 'text=$(cat)\nturn 1 "$text"'


def test_a_turn_opens_what_its_note_says(run, tmp_path):
    mark, note = tmp_path / 'mark', tmp_path / 'manila-closed-one'
    closing = guest_turns.closing('one', [sh('true')], [
        sh(f'printf "%s" "it\'s" >{mark}')])
    assert run(TURNED, closing) == 0
    assert not mark.exists()
    assert run(guest_turns.opening('one')) == 0
    assert mark.read_text() == "it's"
    assert not note.exists()
    # One that was never closed has nothing to open.
    note.write_text('')
    assert run(guest_turns.opening('one')) == 0


def test_what_could_not_be_closed_is_not_taken_for_closed(run, tmp_path):
    """It is opened again for those who were shut out of it, at once."""
    mark, note = tmp_path / 'mark', tmp_path / 'manila-closed-one'
    note.write_text('')
    again = [sh(f'printf x >>{mark}')]
    assert run(TURNED, guest_turns.closing('one', [sh('false')], again)) == 1
    assert (mark.read_text(), note.read_text()) == ('x', '')
    assert not (tmp_path / 'manila-closed-one.new').exists()
    assert run(guest_turns.opening('one')) == 0
    assert mark.read_text() == 'x'
    assert run(TURNED, guest_turns.closing('one', [sh('false')], [
        sh('false')])) == 28
    mark.unlink()
    closing = guest_turns.closing('one', [sh(f'printf x >{mark}')], again,
                                  '[ "$(cat /run/none 2>/dev/null)" = x ]')
    assert run(TURNED, closing) == 75
    assert not mark.exists()


def test_a_share_has_thousands_of_clients(run, tmp_path):
    """Linux takes no word of more than 128 KiB."""
    mark = tmp_path / 'mark'
    many = ['%0100d' % number for number in range(3000)]
    closing = guest_turns.closing('one', [command.Command.of(
        'true', *many)], [command.Command.of('true', *many), sh(
            f'printf x >{mark}')])
    assert len(closing) > 4 << 17
    assert run(TURNED, closing) == 0
    assert run(guest_turns.opening('one')) == 0
    assert mark.read_text() == 'x'

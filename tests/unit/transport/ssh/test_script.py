# SPDX-License-Identifier: Apache-2.0

"""Scripts as texts: what is built, and what an answer means."""

from hypothesis import example
from hypothesis import given
from hypothesis import strategies as st
import pytest

from manila_drivers import exception
from manila_drivers.transport import command
from manila_drivers.transport import script
from manila_drivers.transport import verdict

MARKER = '0123456789abcdef'

texts = st.text(st.sampled_from('ab \n0\r') | st.characters(codec='utf-8'),
                max_size=30)
results = st.lists(st.builds(command.Result, texts, texts,
                             st.integers(0, 255)), max_size=6)


def printed(answers, noise=''):
    """Both outputs of a shell that ran commands with these answers."""
    stdout = stderr = f'{noise}\n{MARKER} 0 0\n'
    for number, one in enumerate(answers, 1):
        stdout += f'{one.stdout}\n{MARKER} {number} {one.status}\n'
        stderr += f'{one.stderr}\n{MARKER} {number} {one.status}\n'
    return stdout, stderr


@given(results, texts)
def test_an_answer_is_told_apart(answers, noise):
    assert script.parse(*printed(answers, noise), MARKER) == tuple(answers)


@given(results, st.data())
def test_of_half_an_answer_the_beginning_is_understood(answers, data):
    """Wherever it ends; of the other output as much as there is."""
    stdout, stderr = printed(answers)
    end = data.draw(st.integers(0, len(stdout)))

    done = script.parse(stdout[:end], stderr, MARKER)

    assert done == tuple(answers[:len(done)])
    assert len(done) < len(answers) or end == len(stdout) or not answers


def test_what_only_looks_like_a_mark_is_output():
    odd = command.Result(f'a\n{MARKER} b\n{MARKER} 1\nc', 'd', 0)
    assert script.parse(*printed([odd, GOOD]), MARKER) == (odd, GOOD)


@given(texts, texts)
@example('\n' + MARKER + ' 1 0\n', '')
@example('\n' + MARKER + ' 0 0\n\n' + MARKER + ' 2 0\n', '')
def test_no_answer_is_too_odd(stdout, stderr):
    assert script.parse(stdout, stderr, MARKER) == ()


class Shell:
    """A runner that knows what the shell will say."""

    def __init__(self, stdout='', stderr='', error=None):
        self.said = stdout, stderr
        self.error = error
        self.ran = []

    def run(self, cmd):
        self.ran.append(cmd)
        marker = cmd.stdin.reveal().split("%s\\n' ")[1].split()[0]
        said = [one.replace(MARKER, marker) for one in self.said]
        if isinstance(self.error, verdict.Cut):
            self.error.stdout, self.error.stderr = said
        if self.error:
            raise self.error
        return command.Result(*said, 0)

    def words(self, cmd):
        return ['helper', *cmd.words()] if cmd.root else cmd.words()

    def judge(self, cmd, result):
        return (None if result.status in cmd.accept
                else exception.BackendError('no', status=result.status))

    def __str__(self):
        return 'a shell'


FIRST = command.Command.of('first', root=True)
SECOND = command.Command.of('second', "it's", accept=frozenset({0, 3}))
GOOD = command.Result('', '', 0)


def test_all_is_one_command_and_every_one_has_its_deadline():
    shell = Shell(*printed([GOOD, GOOD]))

    script.run(shell, [FIRST, SECOND])

    [ran] = shell.ran
    assert ran.words() == ['sh', '-s']
    assert ran.timeout == FIRST.timeout + SECOND.timeout
    assert '( helper first ) </dev/null' in ran.input()
    assert 'case $status in 0|3) ;; *) exit 0 ;; esac' in ran.input()


def test_what_marks_the_ends_is_new_each_time():
    shell = Shell(*printed([GOOD, GOOD]))
    script.run(shell, [FIRST, SECOND])
    script.run(shell, [FIRST, SECOND])

    first, second = (ran.input() for ran in shell.ran)
    assert first != second


def test_a_script_that_ends_early_is_not_over():
    with pytest.raises(script.Interrupted, match='1 of 2') as caught:
        script.run(Shell(*printed([GOOD])), [FIRST, SECOND])

    assert caught.value.done == (GOOD,)
    assert caught.value.check == 'whether sh runs on a shell'


def test_no_commands_are_no_round_trip():
    shell = Shell()
    assert script.attempt(shell, []) == script.Answer(())
    assert shell.ran == []


def test_one_deadline_for_all():
    shell = Shell(*printed([GOOD, GOOD]))
    script.run(shell, [FIRST, SECOND], timeout=7.0)
    assert shell.ran[0].timeout == 7.0


@pytest.mark.parametrize('stderr', ['', 'half an error'])
def test_an_error_output_may_be_shorter(stderr):
    said = [command.Result('out', 'err', 3), GOOD]
    whole, errors = printed(said)
    assert script.parse(whole, stderr, MARKER) == (
        command.Result('out', '', 3), GOOD)
    # The first one's is there, that of the second is not.
    assert script.parse(whole, errors[:-10], MARKER) == tuple(said)


def test_a_failure_that_the_rest_did_not_follow_is_not_all():
    bad = command.Result('', '', 9)
    with pytest.raises(script.Interrupted):
        script.attempt(Shell(*printed([bad])), [FIRST, SECOND],
                       keep_going=True)

    answer = script.attempt(Shell(*printed([bad])), [FIRST, SECOND])
    assert answer.error.status == 9


def test_a_connection_that_is_lost_tells_what_was_done():
    cut = verdict.Cut('lost with hush', check='the link')
    secret = command.Command.of('login', stdin=command.Secret('hush'))

    with pytest.raises(script.Interrupted, match='1 of 2') as caught:
        script.run(Shell(*printed([GOOD]), error=cut), [FIRST, secret])

    assert caught.value.done == (GOOD,)
    assert caught.value.what == (
        'The end of commands first; login was not seen; 1 of 2 are known '
        'to be done.')
    assert caught.value.answer == 'lost with ***'
    assert caught.value.check == 'the link'


def test_an_outcome_that_nothing_is_known_of():
    with pytest.raises(script.Interrupted, match='0 of 2') as caught:
        script.run(Shell(error=exception.OutcomeUnknown('late')),
                   [FIRST, SECOND])

    assert caught.value.done == ()


def test_secrets_that_the_shell_quotes_are_masked():
    secret = command.Command.of('login', stdin=command.Secret('hush'))
    error = exception.BackendError('sh failed', answer='sh: hush: what?')

    with pytest.raises(exception.BackendError) as caught:
        script.run(Shell(error=error), [secret])

    assert caught.value.answer == 'sh: ***: what?'


def test_an_input_that_no_shell_can_pass_on():
    with pytest.raises(ValueError, match='NUL'):
        script.run(Shell(), [command.Command.of('cat', stdin='a\0b')])

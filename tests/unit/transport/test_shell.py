# SPDX-License-Identifier: Apache-2.0

"""Scripts that the shell of this host runs: what it makes of each line."""

import subprocess

import pytest

from manila_drivers import exception
from manila_drivers.transport import command
from manila_drivers.transport import local
from manila_drivers.transport import script
from manila_drivers.transport import verdict

HERE = local.Local()


def sh(text, *words, **parts):
    return command.Command.of('sh', '-c', text, 'sh', *words, **parts)


def test_each_command_has_its_own_input_and_its_own_answer():
    found = script.run(HERE, [
        sh('cat; echo one'), command.Command.of('cat', stdin='a\n b'),
        sh('echo out; echo err >&2; exit 3', accept=frozenset({3, 4})),
        command.Command.of('printf', '%s', "it's $HOME")])

    assert found == (
        command.Result('one\n', '', 0), command.Result('a\n b', '', 0),
        command.Result('out\n', 'err\n', 3),
        command.Result("it's $HOME", '', 0))


@pytest.mark.parametrize('before', ['de_DE.UTF-8', None])
def test_answers_are_in_a_language_that_can_be_read(monkeypatch, before):
    monkeypatch.delenv('LC_ALL', raising=False)
    if before:
        monkeypatch.setenv('LC_ALL', before)
    [found] = script.run(HERE, [sh('echo $LC_ALL')])
    assert found.stdout == 'C\n'


@pytest.mark.parametrize(('keep_going', 'ran'), [(False, 2), (True, 3)])
def test_what_comes_behind_a_failure(tmp_path, keep_going, ran):
    last = tmp_path / 'last'
    answer = script.attempt(HERE, [
        sh('exit 0'), sh('echo no >&2; exit 3'),
        command.Command.of('touch', last)], keep_going=keep_going)

    assert [one.status for one in answer.results] == [0, 3, 0][:ran]
    assert last.exists() is keep_going
    assert (answer.error.status, answer.error.answer) == (3, 'no')


def test_nothing_may_be_accepted(tmp_path):
    """A command without a code that is fine is the last one."""
    last = tmp_path / 'last'
    answer = script.attempt(HERE, [
        sh('exit 0', accept=frozenset()), command.Command.of('touch', last)])
    assert answer.error.status == 0
    assert not last.exists()


def test_a_signal_leaves_the_outcome_open():
    killed = sh('echo out; echo err >&2; kill -9 $$')
    answer = script.attempt(HERE, [killed])

    assert isinstance(answer.error, verdict.Cut)
    assert answer.error.what == (
        f'Command {killed} on this host: ended by signal 9.')
    assert answer.error.stdout == 'out\n'
    assert answer.error.stderr.startswith('err\n')
    accepted = sh('kill -9 $$', accept=frozenset({137}))
    assert script.attempt(HERE, [accepted]).error is None


def test_a_code_that_is_no_signal_is_a_failure():
    error = script.attempt(HERE, [sh('exit 255')]).error
    assert type(error) is exception.BackendError


@pytest.mark.parametrize('keep_going', [False, True])
def test_half_a_script_runs_nothing(tmp_path, keep_going):
    made = tmp_path / 'made'
    text = script.build(
        [command.Command.of('touch', made)], 'marker',
        [['touch', str(made)]], keep_going=keep_going)
    *lines, last = text.splitlines(keepends=True)
    assert last == '}\n'
    for end in range(len(lines)):
        subprocess.run(['sh', '-s'], input=''.join(lines[:end + 1]),
                       text=True, capture_output=True)
        assert not made.exists()
    # The control: the whole of it does.
    subprocess.run(['sh', '-s'], input=text, text=True, capture_output=True,
                   check=True)
    assert made.exists()


def test_secrets_show_in_no_list_of_processes():
    """Each shell of a script is among those that are looked at."""
    secret = command.Secret('correct horse')
    _, shown = script.run(HERE, [
        command.Command.of('true', stdin=secret),
        sh('cat /proc/[0-9]*/cmdline 2>/dev/null | tr "\\0" " "',
           stdin=secret, accept=frozenset({0, 1}))])
    assert 'sh -s' in shown.stdout
    assert 'correct horse' not in shown.stdout

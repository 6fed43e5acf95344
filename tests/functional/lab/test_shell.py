# SPDX-License-Identifier: Apache-2.0

"""Commands in a shell that goes on are as separate as any others."""

import subprocess
import time

import pytest

from tests.functional.lab import shell


@pytest.fixture
def here():
    made = shell.Shell(subprocess.Popen(
        ['sh'], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        start_new_session=True))
    yield made
    made.close()


def run(here, *words, stdin='', seconds=30.0):
    done = here.run(words, stdin, seconds)
    return done.returncode, done.stdout, done.stderr


def script(here, text, *words, **options):
    return run(here, 'sh', '-c', text, 'sh', *words, **options)


@pytest.mark.parametrize('text', [
    '', 'x', 'x\n', '\n', '\n\n', 'a\n\nb', '$HOME `id` \\ "\n', 'caf\xe9',
    'x' * 300_000, 'x\n' * 100_000])
def test_input_and_outputs_are_what_they_are(here, text):
    for _ in range(2):
        assert script(here, 'tee /dev/stderr', stdin=text) == (0, text, text)


@pytest.mark.parametrize('word', ['', ' ', "'", '"', '\n', '$x', '*', '-n'])
def test_words_are_what_they_are(here, word):
    assert run(here, 'printf', '%s|', word, 'x') == (0, f'{word}|x|', '')


def test_outputs_and_status_are_told_apart(here):
    for status in (3, 0, 127):
        assert script(here, 'echo out; echo err >&2; exit "$1"',
                      str(status)) == (status, 'out\n', 'err\n')


def test_what_a_command_does_to_its_shell_ends_with_it(here):
    run(here, 'exit', '4')
    run(here, 'cd', '/usr')
    assert run(here, 'pwd')[1] != '/usr\n'
    assert script(here, 'exec >&-; exec 2>&-') == (0, '', '')
    assert script(here, 'cat') == (0, '', '')
    assert here.alive


def test_one_that_takes_too_long_ends_the_shell(here):
    started = time.monotonic()
    with pytest.raises(subprocess.TimeoutExpired):
        run(here, 'sleep', '600', seconds=0.2)
    assert time.monotonic() - started < 30
    assert not here.alive


def test_input_that_nobody_takes_has_a_limit_too(here):
    here._process.send_signal(19)
    with pytest.raises(subprocess.TimeoutExpired):
        run(here, 'cat', stdin='x' * 1_000_000, seconds=0.2)


def test_a_shell_that_is_gone_is_a_lost_connection(here):
    assert script(here, 'kill -9 $PPID')[0] in (shell.LOST, 0)
    assert run(here, 'true')[0] == shell.LOST
    assert not here.alive

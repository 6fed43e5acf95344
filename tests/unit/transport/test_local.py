# SPDX-License-Identifier: Apache-2.0

"""Commands on this host: real processes."""

import gc
import logging
import os
import signal
import sys
import threading
import time
import traceback
import warnings

import pytest

from manila_drivers import exception
from manila_drivers.transport import command
from manila_drivers.transport import local
from manila_drivers.transport import meter
from tests import listening

PASSWORD = 'correct-horse-battery'


def sh(script, *words, **parts):
    return command.Command.of('/bin/sh', '-c', script, 'sh', *words, **parts)


def run(cmd, helper='sudo -n'):
    return local.Local(helper).run(cmd)


def test_both_outputs_come_back():
    assert run(sh('echo out; echo err >&2')) == command.Result(
        'out\n', 'err\n', 0)


@pytest.mark.parametrize('word', ['', 'a b', '$HOME', '`id`', '*', "'", '\n'])
def test_no_shell_looks_at_words(word):
    assert run(command.Command.of('printf', '%s|', word, 'x')).stdout == (
        word + '|x|')


@pytest.mark.parametrize('text', ['', 'some text\n', 'x' * 300000])
def test_input_is_read(text):
    assert run(command.Command.of('cat', stdin=text)).stdout == text


def test_large_outputs_do_not_block():
    result = run(sh('head -c 1000000 /dev/zero | tr "\\0" a; '
                    'head -c 1000000 /dev/zero | tr "\\0" b >&2'))

    assert (len(result.stdout), len(result.stderr)) == (1000000, 1000000)


def test_output_that_is_no_text():
    result = run(command.Command.of('printf', r'\377\376'))

    assert result.stdout.encode('utf-8', 'surrogateescape') == b'\xff\xfe'


def test_failure_tells_the_code_and_the_answer():
    with pytest.raises(exception.BackendError) as caught:
        run(sh('echo "no such thing" >&2; exit 3'))

    assert caught.value.status == 3
    assert caught.value.answer == 'no such thing'
    assert 'failed with exit code 3' in str(caught.value)
    assert type(caught.value) is exception.BackendError


def test_without_stderr_the_answer_is_stdout():
    with pytest.raises(exception.BackendError, match='Answer: said here'):
        run(sh('echo said here; exit 1'))


def test_codes_can_be_accepted():
    result = run(sh('exit 3', accept=frozenset({0, 3})))

    assert result.status == 3
    with pytest.raises(exception.BackendError):
        run(sh('exit 0', accept=frozenset({3})))


def test_no_such_command():
    with pytest.raises(exception.BackendError) as caught:
        run(command.Command.of('no-such-command-here', 'x'))

    assert caught.value.status == 127
    assert 'could not be started' in str(caught.value)
    assert 'is it installed' in str(caught.value)


def test_a_signal_leaves_the_outcome_open():
    with pytest.raises(exception.OutcomeUnknown, match='signal 9'):
        run(sh('kill -9 $$'))


def gone(pid):
    """Return whether a process has ended, waiting for it a little."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            with open(f'/proc/{pid}/stat') as file:
                if file.read().split()[2] == 'Z':
                    return True
        except FileNotFoundError:
            return True
        time.sleep(0.01)
    return False


def test_the_deadline_ends_it_with_its_children(tmp_path):
    pids = tmp_path / 'pids'
    started = time.monotonic()

    with pytest.raises(exception.OutcomeUnknown) as caught:
        run(sh('sleep 60 & echo $$ $! > "$1"; wait', str(pids), timeout=3))

    assert time.monotonic() - started < 30
    assert 'not done within 3 s and was ended' in str(caught.value)
    for pid in pids.read_text().split():
        assert gone(pid)


def test_a_child_that_keeps_the_pipe_open_does_not_hold_us():
    """A daemon that inherits the output would, without a deadline."""
    started = time.monotonic()

    with pytest.raises(exception.OutcomeUnknown):
        run(sh('setsid sleep 15 & exit 0', timeout=0.3))

    assert time.monotonic() - started < 12


@pytest.mark.parametrize('refusal', [PermissionError, ProcessLookupError])
def test_what_cannot_be_ended_is_not_waited_for(monkeypatch, refusal):
    """Such as what sudo has made root's."""
    pids = []

    def killpg(group, number):
        pids.append(group)
        raise refusal

    with monkeypatch.context() as patched:
        patched.setattr(os, 'killpg', killpg)
        patched.setattr(local, '_GRACE', 0.1)
        with pytest.raises(exception.OutcomeUnknown,
                           match='could not be ended and may still run'):
            run(command.Command.of('sleep', '100', timeout=0.2))
    # Python minds that nobody waits for it any more.
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', ResourceWarning)
        gc.collect()
    os.kill(pids[0], signal.SIGKILL)
    assert gone(pids[0])


def test_no_descriptors_are_left():
    run(sh('exit 0'))
    before = len(os.listdir('/proc/self/fd'))
    for script in ('exit 0', 'exit 1', 'sleep 60'):
        try:
            run(sh(script, timeout=0.2))
        except exception.DriverError:
            pass

    assert len(os.listdir('/proc/self/fd')) == before


@pytest.mark.parametrize(('script', 'timeout'), [
    ('exit 0', 5), ('exit 1', 5), ('sleep 60', 0.1)])
def test_every_command_is_a_round_trip(script, timeout):
    with meter.measure() as trips:
        try:
            run(sh(script, timeout=timeout))
        except exception.DriverError:
            pass

    assert trips.counts == {'command': 1}
    assert 0 < trips.waited < listening.SECONDS


SECRET = command.Secret(PASSWORD)


@pytest.mark.parametrize('cmd', [
    command.Command.of('cat', stdin=SECRET),
    sh('cat; exit 1', stdin=SECRET),
    sh('cat >&2; exit 1', stdin=SECRET),
    sh('cat; kill -9 $$', stdin=SECRET),
    sh('cat; sleep 60', stdin=SECRET, timeout=0.2),
    sh('echo "$1"; exit 1', SECRET, exposed=True),
    sh('sleep 60', SECRET, exposed=True, timeout=0.2),
    command.Command.of('no-such-command', SECRET, exposed=True)])
def test_secrets_reach_neither_log_nor_error(cmd, caplog):
    caplog.set_level(logging.DEBUG)
    shown = ''
    try:
        run(cmd)
    except exception.DriverError as exc:
        shown = ''.join(traceback.format_exception(exc))
        chain = exc
        while chain is not None:
            shown += repr(chain) + str(vars(chain))
            chain = chain.__cause__ or chain.__context__

    assert PASSWORD not in shown
    assert PASSWORD not in caplog.text
    assert 'Running' in caplog.text


def test_a_word_that_is_no_secret_would_be_seen(caplog):
    """The control of the test above."""
    caplog.set_level(logging.DEBUG)
    with pytest.raises(exception.BackendError, match=PASSWORD):
        run(sh('echo "$1"; exit 1', PASSWORD))

    # Of ours, and of oslo.concurrency's.
    assert {record.name for record in caplog.records
            if PASSWORD in record.getMessage()} == {
                local.__name__, 'oslo_concurrency.processutils'}


# Root: a helper that says what it was asked, and ones that refuse.

def helper(tmp_path, text, name='rootwrap'):
    path = tmp_path / name
    path.write_text('#!/bin/sh\n' + text)
    path.chmod(0o755)
    return f'{path} /etc/some.conf'


@pytest.fixture
def as_user(monkeypatch):
    """Root's tests see what others see: the helper is used."""
    monkeypatch.setattr(os, 'geteuid', lambda: 1000)


def test_what_goes_before_a_command(monkeypatch):
    made = local.Local('sudo -n')
    plain = command.Command.of('ls', '/')
    root = command.Command.of('ls', '/', root=True)
    for user, words in (0, []), (1000, ['sudo', '-n']):
        monkeypatch.setattr(os, 'geteuid', lambda user=user: user)
        assert made.words(root) == [*words, 'ls', '/']
        assert made.words(plain) == ['ls', '/']
    assert str(made) == 'this host'


@pytest.mark.parametrize('text', [
    'sudo: a password is required', 'sudo: mount: command not found'])
def test_nobody_refuses_root_anything(monkeypatch, text):
    """Then it is the command that says so, of something else."""
    monkeypatch.setattr(os, 'geteuid', lambda: 0)
    with pytest.raises(exception.BackendError) as caught:
        run(sh(f'echo "{text}" >&2; exit 1', root=True))
    assert type(caught.value) is exception.BackendError
    assert caught.value.status == 1


def test_a_command_that_sudo_does_not_find(tmp_path, as_user):
    via = helper(tmp_path, 'echo "sudo: $2: command not found" >&2; exit 1',
                 'sudo')
    with pytest.raises(exception.BackendError,
                       match='no command mount') as caught:
        run(command.Command.of('mount', root=True), via)
    assert caught.value.status == 127


def test_root_goes_through_the_helper(tmp_path, as_user):
    via = helper(tmp_path, 'echo "$@"')

    assert run(command.Command.of('mount', 'a b', root=True), via).stdout == (
        '/etc/some.conf mount a b\n')
    assert run(command.Command.of('echo', 'x'), via).stdout == 'x\n'


@pytest.mark.parametrize(('code', 'why'), [
    (96, 'exec_dirs'), (97, 'rootwrap.conf'), (98, 'no command'),
    (99, 'no filter')])
def test_a_refusal_of_rootwrap_is_told(tmp_path, as_user, code, why):
    via = helper(tmp_path, f'echo "Unauthorized command" >&2; exit {code}')

    with pytest.raises(exception.AccessDenied,
                       match=f'Check: rootwrap: .*{why}') as caught:
        run(command.Command.of('mount', root=True), via)
    assert caught.value.status == code


def test_what_sudo_minds_is_no_refusal(tmp_path, as_user):
    via = helper(tmp_path, 'echo "sudo: unable to resolve host x" >&2\n'
                 'echo "it is full" >&2; exit 1', 'sudo')
    with pytest.raises(exception.BackendError, match='full') as no:
        run(command.Command.of('true', root=True), via)
    assert not isinstance(no.value, exception.AccessDenied)


def test_a_refusal_of_sudo_is_told(tmp_path, as_user):
    via = helper(tmp_path, 'echo "sudo: a password is required" >&2; exit 1',
                 'sudo')

    with pytest.raises(exception.AccessDenied, match='Check: sudoers'):
        run(command.Command.of('mount', root=True), via)


def test_a_failure_of_the_command_is_no_refusal(tmp_path, as_user):
    via = helper(tmp_path, 'echo "mount: no" >&2; exit 32')

    with pytest.raises(exception.BackendError) as caught:
        run(command.Command.of('mount', root=True), via)
    assert type(caught.value) is exception.BackendError
    with pytest.raises(exception.BackendError) as caught:
        run(sh('exit 99'), via)
    assert type(caught.value) is exception.BackendError


def test_64_threads(tmp_path):
    found = []
    runner = local.Local()

    def work(number):
        found.append(runner.run(command.Command.of('echo', number)).stdout)

    threads = [threading.Thread(target=work, args=(number,))
               for number in range(64)]
    for thread in threads:
        thread.start()
    listening.join(*threads)

    assert sorted(found) == sorted(f'{number}\n' for number in range(64))


def test_it_is_a_real_process():
    result = run(command.Command.of(
        sys.executable, '-c', 'import os; print(os.getpid())'))

    assert int(result.stdout) != os.getpid()

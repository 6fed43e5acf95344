# SPDX-License-Identifier: Apache-2.0

"""Test what is said around a command: remarks, refusals, and neither."""

import pytest

from manila_drivers import exception
from manila_drivers.transport import command
from manila_drivers.transport import remarks
from manila_drivers.transport import verdict

REMARKS = [
    'sudo: setrlimit(RLIMIT_CORE): Operation not permitted',
    'sudo: unable to resolve host node1: Name or service not known',
    'sudo: unable to resolve host node1',
    'sudo: unable to send audit message: Operation not permitted',
    'sudo: unable to stat /var/lib/sudo/ts: Permission denied',
    'sudo: /etc/sudoers.d/x is mode 0640, should be 0440',
    'bash: warning: setlocale: LC_ALL: cannot change locale (de_DE.UTF-8)',
    '/bin/bash: warning: setlocale: LC_ALL: cannot change locale (xx)',
    '-bash: line 1: warning: setlocale: LC_CTYPE: cannot change locale (x)',
    'perl: warning: Setting locale failed.',
    'perl: warning: Please check that your locale settings:',
    '\tLC_ALL = "de_DE.UTF-8",',
    '\tLANG = "C"',
    '    are supported and installed on your system.',
    ('Could not chdir to home directory /home/manila: No such '
     'file or directory'),
    'We trust you have received the usual lecture from the local System',
    'Administrator. It usually boils down to these three things:',
    '    #1) Respect the privacy of others.',
    '    #3) With great power comes great responsibility.',
    "Warning: Permanently added 'h' (ED25519) to the list of known hosts.",
    'stdin: is not a tty',
]

REFUSALS = [
    'sudo: a password is required',
    ('sudo: a terminal is required to read the password; either '
     'use the -S option to read from standard input or configure a'
     'n askpass helper'),
    'sudo: no tty present and no askpass program specified',
    'sudo: sorry, you must have a tty to run sudo',
    'sudo: interactive authentication is required',
    'manila is not in the sudoers file.  This incident will be reported.',
    ('manila is not allowed to run sudo on node1.  This incident '
     'will be reported.'),
    ('Sorry, user manila is not allowed to execute '
     "'/usr/sbin/gluster volume list' as root on node1."),
    'Sorry, user manila may not run sudo on node1.',
    'sudo: effective uid is not 0, is sudo installed setuid root?',
    'sudo: unable to initialize policy plugin',
    'sudo: Ein Passwort ist notwendig',
]


def result(stderr, status=1, stdout=''):
    return command.Result(stdout, stderr + '\n', status)


@pytest.mark.parametrize('line', REMARKS)
def test_remarks_decide_nothing(line):
    assert remarks.without(line + '\n') == ''
    assert remarks.without(f'{line}\nno\n') == 'no\n'
    assert remarks.without(f'a\n{line}\nb\n') == 'a\nb\n'
    for status in (0, 1, 2):
        assert not remarks.refusal(result(line, status))
        assert not remarks.refusal(result(line + '\nno such share', status))


@pytest.mark.parametrize('line', REFUSALS)
def test_refusals_are_recognised_behind_remarks_as_well(line):
    assert remarks.refusal(result(line)) == line
    assert remarks.refusal(result('\n'.join([*REMARKS, line]))) == line


@pytest.mark.parametrize('line', REFUSALS)
def test_what_ran_was_not_refused(line):
    """sudo exits with 1 and leaves the output empty."""
    assert not remarks.refusal(result(line, 0))
    assert not remarks.refusal(result(line, 2))
    assert not remarks.refusal(result(line, 1, 'something'))


@pytest.mark.parametrize('line', [
    'gluster: no', 'grep: /etc/exports.d: No such file or directory',
    'sudo: something new about itself\ngrep: nothing', ''])
def test_what_commands_say(line):
    assert remarks.refusal(result(line)) == ''
    assert remarks.without(line) == line


def test_a_command_that_sudo_does_not_find():
    cmd = command.Command.of('gluster', root=True)
    error = verdict.failure(cmd, 'h', result(
        REMARKS[0] + '\nsudo: gluster: command not found'), sudo=True)
    assert error.status == 127
    assert not isinstance(error, exception.AccessDenied)


@pytest.mark.parametrize('sudo', [True, False])
def test_only_sudo_refuses(sudo):
    error = verdict.failure(command.Command.of('x', root=True), 'h',
                            result(REFUSALS[0]), sudo=sudo)
    assert isinstance(error, exception.AccessDenied) is sudo


def test_a_remark_that_stands_alone_may_be_the_cause():
    """sudo can be told to give up where it cannot write its audit."""
    alone = 'sudo: unable to send audit message: Operation not permitted'
    cmd = command.Command.of('gluster', 'volume', 'info', root=True)
    error = verdict.failure(cmd, 'node1', command.Result('', alone, 1),
                            sudo=True)
    assert error.answer == alone
    other = command.Result('', alone + '\nno such volume\n', 1)
    assert verdict.failure(cmd, 'node1', other,
                           sudo=True).answer == 'no such volume'

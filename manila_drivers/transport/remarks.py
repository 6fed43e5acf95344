# SPDX-License-Identifier: Apache-2.0
"""Remarks of others on the error output of a command.

sudo, the shell, perl and sshd remark on their own troubles there, and then
the command runs all the same: such lines decide nothing and are left out.
sudo also says there that it does not run the command, in a form and with an
exit code of its own.
"""

import re

from manila_drivers.transport import command

# Beginnings of lines of those who then run the command.
_REMARKS = re.compile(
    r'sudo: (\w+\([^)]*\): '
    r'|unable to (resolve|send|stat|fstat|mkdir|open|read|write|chown|chmod'
    r'|get|lock|update|truncate|restore|seek|log)\b'
    r'|ignoring |timestamp |time ?stamp |lecture |.* is mode 0\d+, should be '
    r'|.* is owned by (uid|gid) \d+, should be |warning\b'
    r'|.*: (unknown|deprecated) (defaults entry|setting))'
    r'|We trust you have received the usual lecture|Administrator\. It usually'
    r'|\s*#[123]\) (Respect|Think|With great)|For security reasons, the passw'
    r'|-?(\S*/)?\w*sh: (line \d+: )?(warning: )?setlocale: '
    r'|perl: warning: |\s+(LANGUAGE|LC_\w+|LANG) = '
    r'|\s+are supported and installed on your system\.'
    r"|\S+: can't set the locale|Could not chdir to home directory "
    r'|Warning: Permanently added |\*\* (WARNING|This session|The server)'
    r'|\S*xauth: +file \S+ does not exist|stdin: is not a tty'
    r'|mesg: |tput: No value for|stty: .*Inappropriate ioctl', re.IGNORECASE)

_REFUSALS = re.compile(
    r'sudo: .*(password is required|terminal is required|no tty present'
    r'|must have a tty|no askpass program|authentication is required'
    r'|not in the sudoers|may not run sudo|sudoers sources found'
    r'|policy plugin|unable to load plugin|effective uid is not 0'
    r'|must be owned by uid 0|no new privileges|unknown (user|uid|group)'
    r'|account validation|account (is |has )?(expired|locked)'
    r"|unable to (execute|change|set|initiali[sz]e)|I'm sorry )"
    r'|\S+ is not in the sudoers file|\S+ is not allowed to run sudo on '
    r'|Sorry, user \S+ (is not allowed to execute|may not run sudo)')

_NO_SUCH = re.compile(r'sudo: .+: command not found$')

_SUDO = ('sudo: ', 'sudo-rs: ')

# What sudo exits with when it does not run a command.
_REFUSED = 1


def without(text: str) -> str:
    """Return an error output without the lines that decide nothing."""
    if not text or not any(map(_REMARKS.match, text.splitlines())):
        return text
    return ''.join(line for line in text.splitlines(keepends=True)
                   if not _REMARKS.match(line))


def told(result: command.Result) -> str:
    """Return what a command that failed says for itself.

    Remarks where there is nothing else: one of them may be the cause then.
    """
    return next((text for text in (
        without(result.stderr), result.stdout, result.stderr)
        if text.strip()), '')


def refusal(result: command.Result) -> str:
    """Return how sudo said that it did not run a command, or ''.

    Whether sudo was to run it is up to the caller.  A line of sudo's that is
    not known counts where nobody says anything else: the command itself
    would have.
    """
    lines = _lines(result)
    found = next((line for line in lines if _REFUSALS.match(line)), '')
    if found or not lines or no_such(result) \
            or not all(line.startswith(_SUDO) for line in lines):
        return found
    return lines[-1]


def no_such(result: command.Result) -> bool:
    """Tell if sudo found no such command; it exits as if it had failed."""
    return any(map(_NO_SUCH.match, _lines(result)))


def _lines(result: command.Result) -> list[str]:
    """Return what is said of a command that may not have been run."""
    if result.status != _REFUSED or result.stdout.strip():
        return []
    return [line.strip() for line in without(result.stderr).splitlines()
            if line.strip()]

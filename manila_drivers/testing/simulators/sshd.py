# SPDX-License-Identifier: Apache-2.0

"""A real sshd of one's own in front of a simulator.

It has a port, keys and a log in a directory of its own, and nothing to do
with the system's.
"""

from collections.abc import Sequence
import contextlib
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import time
from typing import Self

_CONFIG = """\
{owned}{owner}
Port {port}
{addresses}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/authorized_keys
PidFile none
StrictModes no
UsePAM no
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
# What this user's shell reads at its start is not the simulator's.
SetEnv HOME={folder}/home
{options}
"""

# What comes behind it says whose server it is: sshd itself forgets.
_OWNED = '# Serves process '

MISSING = 'sshd or ssh-keygen is missing: package openssh-server'

# How often a port is looked for that is free at all addresses.
_TRIES = 20


def program() -> str | None:
    """Where sshd is, if it can be started."""
    if shutil.which('ssh-keygen') is None:
        return None
    return shutil.which('sshd', path='/usr/sbin:/usr/local/sbin:/usr/bin:'
                                     '/bin')


def keygen(path: str | os.PathLike[str], *, kind: str = 'ed25519',
           phrase: str = '') -> str:
    """Make a pair of keys.

    :returns: the file of the private one.
    """
    subprocess.run(['ssh-keygen', '-q', '-t', kind, '-N', phrase, '-f',
                    str(path)], check=True, stdin=subprocess.DEVNULL)
    return str(path)


class CannotStart(Exception):
    """sshd is missing, or does not come up."""


class _Taken(CannotStart):
    """Somebody else has the port."""


class Sshd:
    """One sshd on loopback; whoever has ``key_file`` may log in.

    :param folder: where it keeps everything; made if it is not there.
    :param port: 0 is any that is free.
    :param options: further lines of its configuration.
    :param addresses: where it listens.
    """

    def __init__(self, folder: str | os.PathLike[str], port: int = 0, *,
                 options: Sequence[str] = (),
                 addresses: Sequence[str] = ('127.0.0.1',)) -> None:
        self.folder = pathlib.Path(folder)
        self.port = port
        self.user = pwd.getpwuid(os.geteuid()).pw_name
        self.key_file = str(self.folder / 'user_key')
        self.log = self.folder / 'log'
        self._options = tuple(options)
        self._addresses = tuple(addresses)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def known_host(self) -> str:
        """Its lines in a file of known hosts."""
        return '\n'.join(f'[{address}]:{self.port} {self.public_key()}'
                         for address in self._addresses)

    def public_key(self, name: str = 'host_key') -> str:
        """One of its keys without the comment."""
        kind, text = (self.folder / f'{name}.pub').read_text().split()[:2]
        return f'{kind} {text}'

    @property
    def logins(self) -> int:
        """How often somebody has logged in."""
        return self._said().count('Accepted publickey')

    def start(self) -> None:
        """:raises CannotStart: with the reason."""
        found = program()
        if found is None:
            raise CannotStart(MISSING)
        tries = 1 if self.port else _TRIES
        while True:
            tries -= 1
            try:
                return self._start(found)
            except _Taken:
                self.close()
                if not tries:
                    raise
                self.port = 0
            except CannotStart:
                self.close()
                raise

    def _start(self, executable: str) -> None:
        self._prepare()
        begin = len(self._said())
        self._process = subprocess.Popen(
            [executable, '-D', '-f', str(self.folder / 'config'), '-E',
             str(self.log)], stdin=subprocess.DEVNULL)
        said = ''
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if all(map(self._answers, self._addresses)):
                return
            said = self._said()[begin:]
            # One address that is taken does not keep it from the others.
            if 'Address already in use' in said:
                raise _Taken(f'sshd cannot listen: {said[-500:]}')
            if self._process.poll() is not None:
                break
            time.sleep(0.02)
        raise CannotStart('sshd does not answer: '
                          + (said[-500:] or 'it says nothing'))

    def _said(self) -> str:
        return (self.log.read_text(errors='replace')
                if self.log.exists() else '')

    def _prepare(self) -> None:
        (self.folder / 'home').mkdir(parents=True, exist_ok=True)
        for name in 'host_key', 'user_key':
            if not (self.folder / name).exists():
                keygen(self.folder / name)
        shutil.copy(self.folder / 'user_key.pub',
                    self.folder / 'authorized_keys')
        if os.geteuid() == 0:
            # Where a packaged sshd separates its privileges.
            pathlib.Path('/run/sshd').mkdir(mode=0o755, exist_ok=True)
        self.port = self.port or free_port(self._addresses)
        (self.folder / 'config').write_text(_CONFIG.format(
            owned=_OWNED, owner=owner(), port=self.port, folder=self.folder,
            addresses='\n'.join(
                f'ListenAddress {each}' for each in self._addresses),
            options='\n'.join(self._options)), encoding='utf-8')

    def _answers(self, address: str) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(
                (address, self.port), timeout=1):
            return True
        return False

    def close(self) -> None:
        """End it; connections end when whoever has them ends them."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def cut(self) -> None:
        """End it with all connections, as if it was switched off."""
        if self._process is not None:
            # No connection comes while those that are there are ended.
            os.kill(self._process.pid, signal.SIGSTOP)
            self.end_sessions()
            self._process.kill()
            self._process.wait()
            self._process = None

    def sessions(self) -> list[int]:
        """Processes of its connections and what runs in them."""
        return below(self._process.pid) if self._process is not None else []

    def end_sessions(self) -> None:
        """Kill every connection at once, as a crash would."""
        for pid in self.sessions():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def owner(pid: int | None = None) -> str:
    """Return the number of a process, and when it was born.

    The number alone may be another process's later.

    :param pid: the process; this one, unless it is given
    :raises OSError: there is none
    """
    number = os.getpid() if pid is None else pid
    stat = pathlib.Path(f'/proc/{number}/stat').read_text()
    # The name, in parentheses, may hold anything.
    return f'{number}.{stat.rpartition(")")[2].split()[19]}'


def lives(who: str) -> bool:
    """Return whether the process that :func:`owner` has named still runs."""
    try:
        pid = int(who.partition('.')[0])
        stat = pathlib.Path(f'/proc/{pid}/stat').read_text()
        return owner(pid) == who and stat.rpartition(')')[2].split()[0] != 'Z'
    except (OSError, ValueError):
        return False


def owner_of(config: str | os.PathLike[str]) -> str:
    """Return the owner that an sshd's configuration names; '' if none."""
    try:
        first = pathlib.Path(config).read_text().partition('\n')[0]
    except OSError:
        return ''
    return first.removeprefix(_OWNED) if first.startswith(_OWNED) else ''


def free_port(addresses: Sequence[str]) -> int:
    """One that is free at all of them."""
    for left in reversed(range(_TRIES)):
        port = 0
        with contextlib.ExitStack() as stack:
            try:
                for address in addresses:
                    probe = stack.enter_context(socket.socket(
                        socket.AF_INET6 if ':' in address
                        else socket.AF_INET))
                    probe.bind((address, port))
                    port = probe.getsockname()[1]
            except OSError:
                if not left:
                    raise
            else:
                return port
    raise AssertionError('not reached')


def below(parent: int) -> list[int]:
    """All descendants of a process."""
    children: dict[int, list[int]] = {}
    for entry in pathlib.Path('/proc').iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError):
                stat = (entry / 'stat').read_text().rpartition(')')[2]
                children.setdefault(int(stat.split()[1]), []).append(
                    int(entry.name))
    found = []
    todo = [parent]
    while todo:
        mine = children.get(todo.pop(), [])
        found.extend(mine)
        todo.extend(mine)
    return found

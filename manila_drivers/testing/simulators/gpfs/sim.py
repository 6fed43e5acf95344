# SPDX-License-Identifier: Apache-2.0

"""A Storage Scale cluster, without sockets: commands in, answers out."""

from collections.abc import Callable
import dataclasses
import threading
import time

from manila_drivers.testing.simulators import nfs
from manila_drivers.testing.simulators.gpfs import ces
from manila_drivers.testing.simulators.gpfs import mm
from manila_drivers.testing.simulators.gpfs import state
from manila_drivers.testing.simulators.gpfs import unix
from manila_drivers.testing.simulators.gpfs.tree import Numbers
from manila_drivers.transport import command

Refused = state.Refused
FAILED = 'Command failed. Examine previous error messages to determine cause.'


@dataclasses.dataclass(frozen=True)
class Entry:
    """One command that was run, on which host."""

    host: str
    words: tuple[str, ...]
    status: int

    @property
    def name(self) -> str:
        return self.words[0].rpartition('/')[2]


class TakesTooLongError(Exception):
    """A command goes on behind the time that it is waited for."""


class GpfsSim:
    """A cluster with one file system and any number of NFS servers.

    Thread-safe.

    :param clock: seconds; may be a test's own.
    :param base: directory that shares are linked in.
    :param tree: what filesets hold; numbers, unless told otherwise.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, *,
                 base: str = '/gpfs0/shares', mount: str = '/gpfs0',
                 tree: Numbers | None = None) -> None:
        self.clock = clock
        self.lock = threading.RLock()
        self.base = base
        self.tree = tree or Numbers()
        self.state = state.State(mount=mount)
        self.state.directories |= {mount, base, '/', '/tmp'}  # noqa: S108
        self.state.filesets['root'] = state.Fileset(
            'root', 0, 'root fileset', path=mount)
        self.boot = 'the-first'
        #: Seconds that the clocks of hosts are ahead.
        self.ahead = 0.0
        #: How many restores were begun that took long.
        self.restores = 0
        #: Where the command runs that is running.
        self.host = ''
        self.log: list[Entry] = []
        #: NFS servers beside the protocol nodes, which mount the file
        #: system, by name.
        self.servers: dict[str, nfs.Server] = {}
        #: Those that do not have it mounted at the moment.
        self.unmounted: set[str] = set()

    @property
    def options(self) -> state.Options:
        return self.state.options

    # Commands

    def run(self, words: list[str], stdin: str = '',
            host: str = '') -> command.Result:
        """Run one command on a host, some of them by sudo."""
        if words[:2] == ['sudo', '-n']:
            words = words[2:]
            refused = self._by_sudo(words, host)
            if refused is not None:
                return refused
        name = words[0].rpartition('/')[2]
        with self.lock:
            unix.settle(self)
            stdout, stderr, status = self._run(name, words[1:], stdin, host)
            self.log.append(Entry(host, tuple(words), status))
        return command.Result(stdout, stderr, status)

    def _by_sudo(self, words: list[str], host: str) -> command.Result | None:
        """Return what sudo says itself, None if it runs a command.

        It exits with 0 for the name of one that may be run, with 1 and no
        word for any other, and says so where there is none of the name.
        """
        asked = words[0] == '-l'
        name = words[-1 if asked else 0].rpartition('/')[2]
        with self.lock:
            forbidden, absent = (
                {what for where, what in chosen if where in ('', host)}
                for chosen in (self.options.forbidden, self.options.absent))
            if asked:
                self.log.append(Entry(host, ('sudo', *words), 0))
        if name in absent:
            return command.Result('', f'sudo: {words[-1 if asked else 0]}: '
                                  'command not found\n', 1)
        if name in forbidden or 'ALL' in forbidden:
            return command.Result('', 'sudo: a password is required\n' if (
                'ALL' in forbidden or not asked) else '', 1)
        return command.Result(f'{words[-1]}\n', '', 0) if asked else None

    def _run(self, name: str, words: list[str], stdin: str,
             host: str) -> tuple[str, str, int]:
        server = self.servers.get(host)
        if server is not None and not self._shared(name, words, host):
            result = server.execute([name, *words], stdin)
            return result.stdout, result.stderr, result.status
        if name == 'flock':
            return self._locked(words, stdin, host)
        if name == 'sh':
            return unix.sh(self, words, host)
        if name in unix.COMMANDS:
            return unix.COMMANDS[name](self, words)
        if name not in mm.COMMANDS:
            return '', f'sh: {name}: not found\n', 127
        try:
            self.host = host
            if (not self.options.active or host in self.options.down_nodes) \
                    and name != 'mmgetstate':
                raise Refused('Failed to connect to file system daemon: No '
                              'such process',
                              f'{name}: GPFS is down on this node.')
            return mm.COMMANDS[name](self, words), '', 0
        except Refused as exc:
            return '', self._said(name, exc), (
                0 if self.options.silent_failures else exc.status)
        except (KeyError, ValueError) as exc:
            said = f'{name}: Incorrect option: {exc}'
            return '', f'{said}\n{name}: {FAILED}\n', 1

    def _locked(self, words: list[str], stdin: str,
                host: str) -> tuple[str, str, int]:
        """flock, whose locks are a host's own: ``-n -E code file words``."""
        file, command_words = words[3], words[4:]
        held = self.state.locks
        if held.get((host, file), 0.0) > self.clock():
            return '', '', int(words[2])
        name = command_words[0].rpartition('/')[2]
        if name == 'true':
            return '', '', 0
        seconds = self.options.restore_seconds
        if not seconds:
            return self._run(name, command_words[1:], stdin, host)
        held[host, file] = self.clock() + seconds
        self.restores += 1
        # All that it does is seen at its end, when nobody waits any more.
        self.state.pending.append((self.clock() + seconds, command_words))
        raise TakesTooLongError

    def _shared(self, name: str, words: list[str], host: str) -> bool:
        """Tell if a server sees the file system, or what all hosts have.

        The one that is a node of the cluster as well, the driver's own host,
        also has what nodes have.
        """
        if not words:
            return False
        there = host not in self.unmounted and (
            words[-1] + '/').startswith(self.state.mount + '/')
        return (name == 'cat' and words[-1].startswith('/proc/')
                or name == 'stat' and there
                or not host and (name.startswith('mm')
                                 or name in ('rsync', 'sh')
                                 or name == 'flock' and words[0] == '-n'
                                 or name in unix.COMMANDS and there))

    @staticmethod
    def _said(name: str, exc: Refused) -> str:
        return ''.join(f'{line}\n' for line in (*exc.lines,
                                                f'{name}: {FAILED}'))

    def count(self, prefix: str = 'mm') -> int:
        """How many commands were run whose name begins so."""
        with self.lock:
            return sum(entry.name.startswith(prefix) for entry in self.log)

    # What is so

    def kind(self, path: str) -> str:
        """Return what is at a path, '' if nothing is."""
        return self.state.kind(path) or self.tree.kind(path)

    def used(self, fileset: state.Fileset) -> int:
        return self.tree.used(fileset)

    def can_mount(self, client: str, path: str) -> str | None:
        """Return what the protocol nodes give a client: rw, ro or None."""
        with self.lock:
            if self.kind(path) != 'directory':
                return None
            return ces.effective(self.state.exports, path, client)

    # What an administrator does

    def make_fileset(self, name: str, path: str = '', *, size: int = 0,
                     used: int = 0, comment: str = '',
                     independent: bool = True) -> state.Fileset:
        """A fileset as somebody makes it by hand; ``size`` is in GiB."""
        with self.lock:
            made = state.Fileset(
                name, self.state.number(), comment, independent,
                limit_kib=size * 1024 ** 2, used=used, mode='777')
            self.state.filesets[name] = made
            self.tree.make(made)
            if path:
                made.path = path
                self.tree.link(made)
        return made

    def export(self, path: str, **clients: str) -> None:
        """Export by hand; names of clients with ``_`` for what is between
        their numbers do not exist, so give them through a dictionary."""
        with self.lock:
            self.state.exports[path] = [
                state.Client(client, {'access_type': level.upper()})
                for client, level in clients.items()]

    def write(self, path: str, used: int) -> None:
        """The share at a path now holds so many bytes."""
        with self.lock:
            found = self.state.at(path)
            assert found is not None
            found.used = used

    def settle(self) -> None:
        with self.lock:
            unix.settle(self)

    def freeze(self, host: str) -> None:
        """A host stands still, and what runs on it."""
        with self.lock:
            unix.freeze(self, host)

    def thaw(self, host: str) -> None:
        """It goes on where it was."""
        with self.lock:
            unix.thaw(self, host)

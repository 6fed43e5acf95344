# SPDX-License-Identifier: Apache-2.0

"""All programs of a service VM, and the shell that runs them."""

from collections.abc import Callable
from collections.abc import Sequence
import dataclasses
import math
import re

from manila_drivers.testing.simulators import faults
from manila_drivers.testing.simulators.guest import blocks
from manila_drivers.testing.simulators.guest import shell
from manila_drivers.testing.simulators.guest import shell_builtins
from manila_drivers.testing.simulators.guest import shell_streams
from manila_drivers.testing.simulators.guest import system
from manila_drivers.testing.simulators.guest import unmodelled
from manila_drivers.testing.simulators.nfs import files
from manila_drivers.transport import command

Result = command.Result
Read = Callable[[], str]

# What anybody may run, who changes nothing by it.
_FREE = frozenset({'cat', 'grep', 'date', 'sleep', 'true', 'lsblk',
                   'mountpoint', 'df', 'stat', 'findmnt', 'id', 'hostname'})
_MARKER = re.compile(r"printf '[^']*' ([0-9a-f]{32}) ")
# Bytes of one word of a program, with its end, that Linux takes.
_LONGEST_WORD = 128 << 10
# What reads its input, by itself.
_READERS = frozenset({'net'})
_WRAPPERS = frozenset({'sh', 'sudo', 'flock', 'timeout'})


class StruckError(Exception):
    """The connection ends here."""


@dataclasses.dataclass
class _Script:
    """Those shells that run within one another, in one round trip."""

    depth: int = 0
    marker: str = ''
    sinks: list[tuple[shell_streams.Sink, shell_streams.Sink]] = \
        dataclasses.field(default_factory=list)


class VmPrograms:
    """A host for shells: what is run here happens to a system.

    :param told: called before each program with its words; returns what
        goes wrong with it.
    """

    def __init__(self, host: system.VmSystem,
                 told: Callable[[Sequence[str]], faults.Fault | None],
                 ) -> None:
        self._system = host
        self._told = told
        #: Called after each program.
        self.observer: Callable[[], None] = lambda: None
        #: Seconds that somebody else has the lock for, by file.
        self.locked: dict[str, float] = {}
        #: Lets others run for a moment: somebody waits for one of them.
        self.waited: Callable[[], object] = lambda: host.sleep(1.0)
        # Whether each of those that have a lock shares it, by file.
        self._held: dict[str, list[bool]] = {}
        self._script = _Script()
        self._commands: dict[str, Callable[..., Result]] = {
            **blocks.Blocks(host.disks, host.mounts).commands(),
            **host.mounts.commands(), 'stat': self._stat,
            'systemctl': self._systemctl, 'date': self._date,
            'sleep': self._sleep, 'true': lambda words: files.done(),
            'id': lambda words: files.done('uid=1000(manila)\n'),
            'hostname': lambda words: files.done(f'{host.name}\n'),
            'ls': self._ls, 'test': self._test, 'udevadm': self._udevadm,
            'sh': self._sh, 'sudo': self._sudo, 'flock': self._flock,
            'timeout': self._timeout}

    # As a shell sees it

    def known(self, name: str) -> bool:
        return name in self._commands or name in self._system.smb.commands()

    def kind(self, path: str) -> str:
        if self._system.disks.named(path) is not None:
            return 'block'
        return self._system.tree.kind(path)

    def same(self, one: str, other: str) -> bool:
        return self._system.tree.same(one, other)

    def text(self, path: str) -> str:
        return self._system.tree.read(path)

    def put(self, path: str, text: str, *, more: bool, root: bool) -> None:
        if not root and not path.startswith('/tmp/'):  # noqa: S108
            raise OSError(13, 'Permission denied', path)
        self._system.tree.put(path, text, more=more)

    def later(self, seconds: float, work: Callable[[], object]) -> None:
        self._system.later(seconds, work)

    def execute(self, words: Sequence[str], read: Read, *,
                root: bool) -> Result:
        """Run a program, as whoever the shell is."""
        name, *arguments = words
        name = name.rpartition('/')[2]
        if any(len(word.encode()) >= _LONGEST_WORD for word in words):
            return files.failed(f'sh: 1: {name}: Argument list too long', 126)
        if name in _WRAPPERS:
            return self._commands[name](arguments, read, root)
        self._system.settle()
        fault = self._told([name, *arguments])
        if fault is not None and fault.kind == 'status':
            # Time passes also where "sleep" fails.
            self._system.sleep(0.1)
            return files.failed('simulated failure', fault.code or 1)
        if fault is not None and fault.prevents:
            raise StruckError
        if not root and name not in _FREE:
            return files.failed(f'{name}: Permission denied')
        try:
            result = self._run(name, arguments, read)
        finally:
            self.observer()
        if fault is not None:
            raise StruckError
        return result

    def aside(self, words: Sequence[str], stdin: str) -> Result:
        """Run a program as an operator does: no fault strikes it."""
        told, self._told = self._told, lambda words: None
        try:
            return self.execute(words, lambda: stdin, root=True)
        finally:
            self._told = told

    def said(self) -> tuple[str, str]:
        """Return what the last shell had printed before it was struck.

        What runs shells sees what those print.
        """
        sinks = self._script.sinks
        return (''.join(out.text for out, _ in sinks),
                ''.join(err.text for _, err in sinks))

    def put_aside(self) -> '_Script':
        """Return whose turn it is; somebody else begins."""
        found, self._script = self._script, _Script()
        return found

    def go_on(self, script: '_Script') -> None:
        """Let somebody have their turn again."""
        self._script = script

    def _run(self, name: str, arguments: Sequence[str],
             read: Read) -> Result:
        known = self._commands.get(name) \
            or self._system.smb.commands().get(name)
        # Else it is about a file.
        if known is not None and (
                name != 'dd' or 'of=/dev/null' in arguments):
            return known(arguments, read) if name in _READERS \
                else known(arguments)
        words = [name, *arguments]
        reads = name in ('tee', 'dd') or (name == 'cat' and not arguments) or (
            name == 'grep' and len(arguments) == 1)
        found = self._system.nfs.special(words, '')
        if found is None:
            found = self._system.tree.command(words, read() if reads else '')
        if found is None:
            return files.failed(f'sh: 1: {name}: not found', 127)
        return found

    # VmPrograms that run programs

    def _sh(self, words: Sequence[str], read: Read, root: bool) -> Result:
        if words[:1] == ['-c']:
            text, arguments = words[1], list(words[2:]) or ['sh']
            source = shell_streams.Source(read)
        elif words == ['-s']:
            text, arguments = read(), ['sh']
            marker = _MARKER.search(text)
            if marker:
                # Each run has another, and is parsed once for all.
                self._script.marker = marker[1]
                text = text.replace(marker[1], '$MARKER')
            source = shell_streams.Source()
        else:
            raise unmodelled.NotModelledError(words)
        out, err = shell_streams.Sink(), shell_streams.Sink()
        made = shell.Shell(self, arguments, root=root, source=source,
                           out=out, err=err)
        current = self._script
        if words == ['-s']:
            made.variables['MARKER'] = current.marker
        if not current.depth:
            current.sinks = []
        current.sinks.append((out, err))
        current.depth += 1
        try:
            status = made.script(text)
        finally:
            current.depth -= 1
        if current.depth:
            current.sinks.pop()
        return Result(out.text, err.text, status)

    def _sudo(self, words: Sequence[str], read: Read, root: bool) -> Result:
        if words[:1] == ['-n']:
            words = words[1:]
        if not self._system.sudo:
            return files.failed('sudo: a password is required')
        return self.execute(words, read, root=True)

    def _flock(self, words: Sequence[str], read: Read,
               root: bool) -> Result:
        """``flock [-n] [-s] -o -w SECONDS -E CODE FILE COMMAND...``"""
        words = list(words)
        values = {'-n': '', '-s': '', '-o': '', '-w': '0', '-E': '1'}
        while words[0] in values:
            flag = words.pop(0)
            values[flag] = words.pop(0) if flag in ('-w', '-E') else 'yes'
        path, shared = words.pop(0), bool(values['-s'])
        if not values['-o']:
            raise unmodelled.NotModelledError('the lock goes on to children')
        if not root and self.kind(path):
            return files.failed(f'flock: cannot open lock file {path}', 66)
        until = self._system.clock() + float(values['-w'])
        while self._is_taken(path, shared):
            if self._system.clock() >= until:
                return Result('', '', int(values['-E']))
            self.waited()
        try:
            self._system.tree.put(path, '', more=True)
        except OSError:
            return files.failed(f'flock: cannot open lock file {path}', 66)
        self._held.setdefault(path, []).append(shared)
        try:
            return self.execute(words, read, root=root)
        finally:
            if shared in self._held.get(path, []):
                self._held[path].remove(shared)

    def _is_taken(self, path: str, shared: bool) -> bool:
        held = self._held.get(path, [])
        return self.locked.get(path, -math.inf) > self._system.clock() \
            or (bool(held) and not (shared and all(held)))

    def unlocked(self) -> None:
        """All that ran has ended."""
        self._held = {}

    def _timeout(self, words: Sequence[str], read: Read,
                 root: bool) -> Result:
        words = list(words)
        if words[:1] == ['-k']:
            words = words[2:]
        return self.execute(words[1:], read, root=root)

    # VmPrograms that tell something

    def _date(self, words: Sequence[str]) -> Result:
        if words != ['+%s']:
            raise unmodelled.NotModelledError(words)
        return files.done(f'{int(self._system.clock())}\n')

    def _sleep(self, words: Sequence[str]) -> Result:
        self._system.sleep(float(words[0]))
        self._system.settle()
        return files.done()

    def _udevadm(self, words: Sequence[str]) -> Result:
        """``udevadm settle -t SECONDS``"""
        if words[:2] != ['settle', '-t']:
            raise unmodelled.NotModelledError(words)
        wait = self._system.disks.unsettled()
        if wait > 0:
            self._system.sleep(min(wait, float(words[2])))
            self._system.settle()
        return Result('', '', int(wait > float(words[2])))

    def _test(self, words: Sequence[str]) -> Result:
        status = shell_builtins.COMMANDS['test'](
            shell.Shell(self, root=True), words)
        return Result('', '', status)

    def _ls(self, words: Sequence[str]) -> Result:
        if words == ['/run']:
            return files.done(''.join(
                f'{name}\n' for name in self._system.tree.inside('/run')))
        if words != [system.CLIENTS]:
            raise unmodelled.NotModelledError(words)
        return files.done(''.join(f'{number}\n'
                                  for number in self._system.nfs.states))

    def _stat(self, words: Sequence[str]) -> Result:
        if words[:3] != ['-f', '-c', '%S %b %f']:
            raise unmodelled.NotModelledError(words)
        space = self._system.mounts.space(words[-1])
        if space is None:
            return files.done('4096 2621440 2097152\n')
        return files.done('{} {} {}\n'.format(*space))

    def _systemctl(self, words: Sequence[str]) -> Result:
        if words[0] == 'daemon-reload':
            return files.done()
        if words[0] == 'is-active':
            states = {'nfs-server': self._system.nfs.running,
                      'nfs-kernel-server': self._system.nfs.running,
                      'smbd': self._system.smb.running}
            return files.done(''.join(
                'active\n' if states.get(word.removesuffix('.service'))
                else 'inactive\n' for word in words[1:]))
        raise unmodelled.NotModelledError(words)

# SPDX-License-Identifier: Apache-2.0

"""Real servers in the place that simulated ones have in a lab.

They can be asked the same things as
:class:`manila_drivers.testing.simulators.nfs.Server`; what clients get is
asked of the server itself, by trying.
"""

import abc
from collections.abc import Sequence
import re
import threading

from manila_drivers.nas import exports_text
from manila_drivers.nas import ganesha_bus
from manila_drivers.transport import command
from tests.functional.lab import guest
from tests.functional.nas import crowd
from tests.functional.nas import ganesha
from tests.functional.nas import runner

Result = command.Result


class Real(abc.ABC):
    """A server and whom it serves.

    :param ipv4: where clients reach it, and ipv6.
    :param patience: seconds that commands may take; None for their own.
    """

    def __init__(self, name: str, inside: runner.Host, many: crowd.Crowd,
                 ipv4: str, ipv6: str) -> None:
        self.name = name
        self.runner = runner.BoxRunner(inside, self.forget)
        self.files = self
        self._inside = inside
        self._crowd = many
        self._addresses = ipv4, ipv6
        self._lock = threading.Lock()
        self._known: dict[str, dict[str, None]] = {}
        self._found: dict[tuple[str, str], str | None] = {}

    def forget(self) -> None:
        """Forget what was found out, which need not be true any more."""
        self._found = {}

    # As a simulated one

    def access(self, client: str, path: str) -> str | None:
        """Return what it gets: rw, ro or None; None also where none can be.

        All who were asked about before are asked again with it.
        """
        if not crowd.possible(client):
            return None
        # Other threads may make it out of date, which starts another one.
        found = self._found
        with self._lock:
            if (client, path) not in found:
                known = self._known.setdefault(path, {})
                known[client] = None
                ipv4, ipv6 = self._addresses
                missing = [each for each in known
                           if (each, path) not in found]
                found.update(
                    ((each, path), level) for each, level in
                    self._crowd.gets(ipv4, path, missing, ipv6).items())
            return found[client, path]

    def execute(self, words: Sequence[str], stdin: str = '') -> Result:
        """As an administrator would, by hand."""
        self.forget()
        done = self._inside.run(*words, stdin=stdin, check=False)
        return Result(done.stdout, done.stderr, done.returncode)

    def below(self, directory: str) -> dict[str, str]:
        """Our files, whatever directory is asked for."""
        text = self._inside.shell(
            'cd "$1" 2>/dev/null || exit 0; for each in *; do'
            ' [ ! -f "$each" ] || { echo "= $each"; cat "$each"; }; done',
            self.directory).stdout
        found = re.split('^= (.*)$', text, flags=re.MULTILINE)[1:]
        return {f'{self.directory}/{name}': content.lstrip('\n')
                for name, content in zip(found[::2], found[1::2],
                                         strict=True)}

    # What only a real one needs

    #: Where its files are.
    directory = ''

    def asked(self, path: str) -> list[str]:
        """Who has been asked about."""
        return list(self._known.get(path, ()))

    def make(self, path: str) -> None:
        self._inside.shell('mkdir -p -- "$1"; chmod 777 -- "$1"', path)

    def remove(self, path: str) -> None:
        self._known.pop(path, None)
        self._inside.run('rm', '-rf', '--', path)

    @abc.abstractmethod
    def inventory(self) -> frozenset[tuple[str, str]]:
        """(kind, name) of all exports and files, for audits."""

    @abc.abstractmethod
    def clear(self) -> None:
        """Leave no export and no file of one."""


class KernelNfs(Real):
    """A guest."""

    directory = '/etc/exports.d'

    def inventory(self) -> frozenset[tuple[str, str]]:
        etab = self._inside.run('cat', '/var/lib/nfs/etab').stdout
        return frozenset(
            {('export', f'{entry.client}:{entry.path}')
             for entry in exports_text.read(etab)}
            | {('file', path) for path in self.below('')})

    def clear(self) -> None:
        self.forget()
        self._inside.shell(
            'rm -f /etc/exports.d/*; exportfs -ua; : > /etc/exports')


class Ganesha(Real):
    """A daemon in a box."""

    directory = ganesha.EXPORT_DIR

    def __init__(self, daemon: ganesha.Ganesha, many: crowd.Crowd,
                 ipv4: str, ipv6: str) -> None:
        super().__init__(daemon.box.name, daemon.box, many, ipv4, ipv6)
        self.daemon = daemon

    def _exports(self) -> dict[int, str]:
        answer = self.daemon.dbus('ShowExports')
        assert not answer.returncode, answer.stderr
        return ganesha_bus.exports(answer.stdout)

    def inventory(self) -> frozenset[tuple[str, str]]:
        files = self.below('')
        index = files.pop(f'{self.directory}/INDEX.conf', '')
        return frozenset(
            {('export', path) for path in self._exports().values()}
            | {('include', line) for line in index.splitlines() if line}
            | {('file', path) for path in files})

    def clear(self) -> None:
        self.forget()
        for number in self._exports():
            self.daemon.dbus('RemoveExport', f'uint16:{number}')
        self._inside.shell('cd "$1"; rm -f -- *; : > INDEX.conf',
                           self.directory)


def kernel(machine: guest.Guest, many: crowd.Crowd, ipv6: str) -> KernelNfs:
    return KernelNfs(machine.name, machine, many, machine.address, ipv6)

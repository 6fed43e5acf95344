# SPDX-License-Identifier: Apache-2.0

"""Host keys: known ones, and those that are trusted on first use.

The files are OpenSSH's known_hosts: several names to a line, wildcards,
negation, hashed names, ``[host]:port``, ``@revoked``.  Certificates of hosts
(``@cert-authority``) are not understood and count for nothing.  There is no
way to accept any key.
"""

import base64
import binascii
from collections.abc import Iterable
from collections.abc import Iterator
import dataclasses
import fcntl
import fnmatch
import hashlib
import hmac
import logging
import os
import time

from manila_drivers import exception

LOG = logging.getLogger(__name__)

#: Where ssh looks, too.
DEFAULT_FILES = ('~/.ssh/known_hosts', '/etc/ssh/ssh_known_hosts')

# Seconds to wait for another process that remembers a key.
_LOCK_TIMEOUT = 10.0


@dataclasses.dataclass(frozen=True)
class Entry:
    """One line of a file."""

    names: tuple[str, ...]
    kind: str
    blob: bytes
    where: str = ''
    marker: str = ''

    def matches(self, name: str) -> bool:
        """Return whether it is about the host; a negated pattern decides."""
        found = False
        for pattern in self.names:
            if _matches(pattern.lstrip('!'), name):
                if pattern.startswith('!'):
                    return False
                found = True
        return found


def parse(lines: Iterable[str], file: str = '') -> Iterator[Entry]:
    """The entries of a known_hosts file; other lines are left out."""
    for number, line in enumerate(lines, 1):
        words = line.split()
        marker = ''
        if words and words[0].startswith('@'):
            marker, *words = words
        if len(words) < 3 or words[0].startswith('#'):
            continue
        names, kind, text = words[:3]
        try:
            blob = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            continue
        yield Entry(tuple(names.split(',')), kind, blob,
                    f'line {number} of {file}', marker)


def _matches(pattern: str, name: str) -> bool:
    if not pattern.startswith('|1|'):
        # "[host]:port" is no set of characters here.
        return fnmatch.fnmatchcase(name, pattern.lower().replace('[', '[[]'))
    try:
        _, _, salt, digest = pattern.split('|')
        made = hmac.new(base64.b64decode(salt), name.encode(), hashlib.sha1)
        return hmac.compare_digest(made.digest(), base64.b64decode(digest))
    except (binascii.Error, ValueError):
        return False


def known_as(host: str, port: int) -> str:
    """The name that a known_hosts file has for a host."""
    host = host.lower()
    return host if port == 22 else f'[{host}]:{port}'


def fingerprint(blob: bytes) -> str:
    """The form in which ssh-keygen -l shows it."""
    digest = base64.b64encode(hashlib.sha256(blob).digest()).decode()
    return 'SHA256:' + digest.rstrip('=')


def _judge(entries: Iterable[Entry], host: str, port: int, kind: str,
           blob: bytes) -> bool:
    """Return whether the key is known (True) or the host is not (False).

    :raises NotTrusted: the key is revoked, or other keys are known for the
        host.  Also one of another type: else whoever is in between could
        choose a type that is not known yet.
    """
    mine = [entry for entry in entries if entry.matches(known_as(host, port))]
    shown = f'Host key of {host} port {port} ({kind} {fingerprint(blob)})'
    for entry in mine:
        if entry.marker == '@revoked' and entry.blob == blob:
            raise exception.NotTrusted(f'{shown} is revoked.',
                                       check=entry.where)
    plain = [entry for entry in mine if not entry.marker]
    if any((entry.kind, entry.blob) == (kind, blob) for entry in plain):
        return True
    if plain:
        raise exception.NotTrusted(
            f'{shown} is not the one that is known for it: somebody may be '
            f'in between, or the host was installed anew.',
            check=', '.join(f'{entry.where} ({entry.kind} '
                            f'{fingerprint(entry.blob)})' for entry in plain))
    return False


@dataclasses.dataclass(frozen=True)
class KnownHosts:
    """Trust the hosts that known_hosts files name.

    :param files: where to look; without any, where ssh looks.
    :param learn: trust a host on its first use and remember its key, in the
        first of the files.  A host of which any key is known is never
        learned again.
    :param option: what the operator knows the file as.
    """

    files: tuple[str, ...] = ()
    learn: bool = False
    option: str = 'known_hosts'

    def paths(self) -> list[str]:
        return [os.path.expanduser(name)
                for name in self.files or DEFAULT_FILES]

    def types(self, host: str, port: int) -> list[str]:
        name = known_as(host, port)
        return [entry.kind for entry in self._entries()
                if not entry.marker and entry.matches(name)]

    def verify(self, host: str, port: int, kind: str, blob: bytes) -> None:
        """Return if the key is known, or has just been learned.

        :raises NotTrusted: it is not known, differs, or is revoked.
        :raises ConfigurationError: a file cannot be read or written.
        """
        if _judge(self._entries(), host, port, kind, blob):
            return
        if not self.learn:
            missing = [path for path in self.paths()
                       if not os.path.exists(path)]
            why = ''
            if len(missing) == len(self.paths()) or self.files and missing:
                why = f': there is no file {", ".join(missing)}'
            raise exception.NotTrusted(
                f'Host key of {host} port {port} ({kind} '
                f'{fingerprint(blob)}) is not known{why}.',
                check=f'{self.option}: compare the fingerprint with the '
                f"host's own and add the key to {self.paths()[0]} "
                f'(ssh-keyscan -p {port} {host} shows it)')
        self._learn(host, port, kind, blob)

    def _entries(self) -> list[Entry]:
        entries: list[Entry] = []
        for path in self.paths():
            try:
                with open(path, encoding='utf-8',
                          errors='replace') as file:
                    entries.extend(parse(file, path))
            except FileNotFoundError:
                continue
            except OSError as exc:
                raise exception.ConfigurationError(
                    self.option, 'the file cannot be read.',
                    answer=str(exc), check=path) from exc
        return entries

    def _learn(self, host: str, port: int, kind: str, blob: bytes) -> None:
        path = self.paths()[0]
        try:
            os.makedirs(os.path.dirname(path) or '.', 0o700, exist_ok=True)
            fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT
                         | os.O_CLOEXEC, 0o600)
            try:
                _lock(fd, path)
                # Somebody else may have learned it, or another key, since.
                if not _judge(self._entries(), host, port, kind, blob):
                    _append(fd, f'{known_as(host, port)} {kind} '
                                f'{base64.b64encode(blob).decode()}\n')
                    LOG.warning(
                        'Host key of %s port %d (%s %s) is trusted from now '
                        'on, because it is the first one seen: %s', host,
                        port, kind, fingerprint(blob), path)
            finally:
                os.close(fd)
        except OSError as exc:
            raise exception.ConfigurationError(
                self.option, 'the key of a host that is trusted on first '
                'use cannot be remembered.', answer=str(exc),
                check=path) from exc


def _lock(fd: int, path: str) -> None:
    """Lock an open file among threads and processes, until it is closed."""
    deadline = time.monotonic() + _LOCK_TIMEOUT
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise exception.Busy(
                    f'Another process holds {path} for more than '
                    f'{_LOCK_TIMEOUT:g} s.') from None
            time.sleep(0.01)


def _append(fd: int, line: str) -> None:
    """Add a line in one piece and see it on the disk.

    ssh appends to the same file without locking it, so replacing the file
    could lose what ssh has just written.  Half a line, left by a crash, is
    ended first and is ignored by every reader.
    """
    size = os.fstat(fd).st_size
    if size and os.pread(fd, 1, size - 1) != b'\n':
        line = '\n' + line
    os.write(fd, line.encode())
    os.fsync(fd)


@dataclasses.dataclass(frozen=True)
class Pinned:
    """Trust exactly these keys, kept wherever the caller likes.

    :param keys: lines such as ``ssh-ed25519 AAAA...``, as in a ``.pub``
        file.
    """

    keys: tuple[str, ...]
    option: str = 'host_key'

    def types(self, host: str, port: int) -> list[str]:
        return [entry.kind for entry in self._entries()]

    def verify(self, host: str, port: int, kind: str, blob: bytes) -> None:
        """Return if the key is one of them; else raise NotTrusted."""
        if not _judge(self._entries(), host, port, kind, blob):
            raise exception.NotTrusted(
                f'Host key of {host} port {port} ({kind} '
                f'{fingerprint(blob)}) is not known.', check=self.option)

    def _entries(self) -> list[Entry]:
        return list(parse(('* ' + key for key in self.keys), self.option))

# SPDX-License-Identifier: Apache-2.0

"""Kernel NFS: exportfs and etab, as nfs-utils 2.6.2 was seen to do it."""

from collections.abc import Iterable
from collections.abc import Sequence
import functools
import re

from manila_drivers.nas import exports_text
from manila_drivers.testing.simulators.nfs import files
from manila_drivers.testing.simulators.nfs import server
from manila_drivers.transport import command

Entry = exports_text.ExportEntry
Result = command.Result
_Row = tuple[str, str, exports_text.Network | None, str]

ETAB = '/var/lib/nfs/etab'

# In the order in which etab has them, with what is true unless told.
_SWITCHES = (
    ('ro', 'rw'), ('sync', 'async'), ('wdelay', 'no_wdelay'),
    ('hide', 'nohide'), ('nocrossmnt', 'crossmnt'), ('secure', 'insecure'),
    ('root_squash', 'no_root_squash'), ('no_all_squash', 'all_squash'),
    ('no_subtree_check', 'subtree_check'),
    ('secure_locks', 'insecure_locks'), ('acl', 'no_acl'))
_AGAIN = ((0, 'ro'), (5, 'secure'), (6, 'root_squash'), (7, 'no_all_squash'))
_ALIASES = {'auth_nlm': 'secure_locks', 'no_auth_nlm': 'insecure_locks',
            'mp': 'mountpoint', 'root': 'fsid=0'}
_VALUES = ('fsid', 'anonuid', 'anongid', 'sec', 'mountpoint')


@functools.cache
def above(path: str) -> tuple[str, ...]:
    """Return a path and all directories above it, the longest first."""
    found = [path[:match.start()] or '/' for match in re.finditer('/', path)]
    return tuple(sorted({*found, path}, key=len, reverse=True))


class KernelNfs(server.Server):
    """A kernel NFS server.

    :param merges: whether ``exportfs -o`` keeps options of an entry that it
        does not name, as older releases do.
    """

    def __init__(self, name: str = 'knfs', *, merges: bool = False) -> None:
        super().__init__(name)
        self._merges = merges
        self.files.text[ETAB] = ''
        self._table: tuple[str, list[_Row]] = ('', [])
        self._known: tuple[str, tuple[Entry, ...]] = ('', ())

    @property
    def entries(self) -> tuple[Entry, ...]:
        """In the order in which they are looked at."""
        text = self.files.text[ETAB]
        known = self._known
        if known[0] != text:
            known = self._known = text, exports_text.read(text)
        return known[1]

    def access(self, client: str, path: str) -> str | None:
        """The first entry decides; a path above gives access as well.

        A network of length 0 matches nobody.
        """
        host = server.address(client)
        rows = self._rows()
        for each in above(path):
            for at, client, network, level in rows:
                if at == each and (client == '*' or (
                        network is not None and network.prefixlen
                        and network.version == host.version
                        and host in network)):
                    return level
        return None

    def named(self, path: str) -> frozenset[str]:
        return frozenset(str(entry.network) for entry in self.entries
                         if entry.path == path and entry.network is not None)

    def _rows(self) -> list[_Row]:
        """The entries, read once for each state of etab."""
        text = self.files.text[ETAB]
        if self._table[0] != text:
            self._table = (text, [
                (entry.path, entry.client, entry.network, entry.level)
                for entry in self.entries])
        return self._table[1]

    def reboot(self) -> None:
        with self._lock:
            self._save(())
            self._reread()

    def inventory(self) -> frozenset[tuple[str, str]]:
        return frozenset(
            {('export', f'{entry.client}:{entry.path}')
             for entry in self.entries}
            | {('file', path) for path in self.files.text if path != ETAB})

    def special(self, words: Sequence[str], stdin: str) -> Result | None:
        if words[0] != 'exportfs':
            return None
        arguments = list(words[1:])
        if not arguments:
            return self._listed()
        if arguments[:2] == ['-i', '-o']:
            return self._export(arguments[2], arguments[3:])
        if arguments[:1] == ['-o']:
            # Without -i the files of exports are read as well: no entry that
            # is there goes away by that.
            return self._export(arguments[1], arguments[2:])
        if arguments[:1] == ['-u']:
            return self._unexport(arguments[1:])
        if arguments == ['-r']:
            return self._reread()
        if arguments == ['-a']:
            return self._all_exported()
        if arguments == ['-ua']:
            self._save(())
            return files.done()
        return files.failed('usage: exportfs [-adfhioruvs] [host:/path]')

    def _listed(self) -> Result:
        """Print as ``exportfs`` alone does: a long path has its own line."""
        return files.done(''.join(
            '{}{}{}\n'.format(
                entry.path, '\n\t\t' if len(entry.path) > 14 else
                ' ' * (15 - len(entry.path)) + '\t', entry.client)
            for entry in self.entries))

    def _export(self, text: str, arguments: Sequence[str]) -> Result:
        try:
            _full(text.split(','))
        except KeyError as exc:
            return files.failed(
                f'exportfs: command line:0: unknown keyword '
                f'"{exc.args[0]}"\n')
        old = {(entry.client, entry.path): entry for entry in self.entries}
        new = {}
        for argument in arguments:
            key = client, path = _split(argument)
            kept = old[key].options if self._merges and key in old else ()
            new[key] = Entry(path, client, _full(
                [*_told(kept), *text.split(',')]))
        self._save([*new.values(), *(
            entry for key, entry in old.items() if key not in new)])
        return files.done()

    def _unexport(self, arguments: Sequence[str]) -> Result:
        left = {(entry.client, entry.path): entry for entry in self.entries}
        missing = [argument for argument in arguments
                   if left.pop(_split(argument), None) is None]
        self._save(left.values())
        return Result('', ''.join(
            f"exportfs: Could not find '{each}' to unexport.\n"
            for each in missing), 1 if missing else 0)

    def _reread(self) -> Result:
        self._save(self._configured())
        return files.done()

    def _all_exported(self) -> Result:
        """Have what the files name as well; nothing goes by that."""
        named = {(entry.client, entry.path): entry
                 for entry in self._configured()}
        self._save([*named.values(), *(
            entry for entry in self.entries
            if (entry.client, entry.path) not in named)])
        return files.done()

    def _configured(self) -> list[Entry]:
        texts = [self.files.text.get('/etc/exports', ''), *(
            text for path, text in self.files.below('/etc/exports.d').items()
            if path.endswith('.exports')
            and not path.startswith('/etc/exports.d/.'))]
        return [Entry(entry.path, entry.client, _full(entry.options))
                for text in texts for entry in exports_text.read(text)]

    def _save(self, entries: Iterable[Entry]) -> None:
        """Addresses first, then networks, then names, then everybody."""
        ordered = sorted(entries, key=_kind)
        text = ''.join(
            f'{exports_text.in_etab(entry.path)}\t{entry.client}'
            f'({",".join(entry.options)})\n' for entry in ordered)
        if self.files.saved(ETAB, text) == text:
            # What is read back is what was written: the next one to look
            # need not take the text apart again.
            self._known = text, tuple(ordered)


def _kind(entry: Entry) -> int:
    if entry.is_host:
        return 0
    if entry.network is not None:
        return 1
    return 4 if entry.client == '*' else 3 if entry.client[0] == '@' else 2


def _split(argument: str) -> tuple[str, str]:
    match = re.fullmatch(r'\[([^\]]*)\](/\d+)?:(/.*)', argument, re.DOTALL)
    if match:
        return match[1] + (match[2] or ''), match[3]
    client, _, path = argument.partition(':')
    return client, path


def _told(options: Sequence[str]) -> list[str]:
    """Return what of the options of an entry in etab has to be told."""
    return [option for option in options if option != 'no_pnfs']


def _full(options: Iterable[str]) -> tuple[str, ...]:
    """Options as etab has them.

    :raises KeyError: one that there is not.
    """
    chosen = [default for default, _ in _SWITCHES]
    values = {'anonuid': '65534', 'anongid': '65534', 'sec': 'sys'}
    flags = []
    for option in options:
        option = _ALIASES.get(option, option)
        name, equals, value = option.partition('=')
        for at, choice in enumerate(_SWITCHES):
            if option in choice:
                chosen[at] = option
                break
        else:
            if equals and name in _VALUES:
                values[name] = value
            elif option == 'mountpoint':
                values['mountpoint'] = ''
            elif option in ('security_label', 'pnfs', 'no_pnfs'):
                flags.append(option)
            else:
                raise KeyError(option)
    return (*chosen, *_last(flags, values),
            *(chosen[at] for at, _ in _AGAIN))


def _last(flags: Sequence[str], values: dict[str, str]) -> list[str]:
    found = ['security_label'] if 'security_label' in flags else []
    found.append('pnfs' if 'pnfs' in flags else 'no_pnfs')
    if 'fsid' in values:
        found.append(f'fsid={values["fsid"]}')
    if 'mountpoint' in values:
        point = values['mountpoint']
        found.append(f'mountpoint={point}' if point else 'mountpoint')
    return found + [f'{name}={values[name]}'
                    for name in ('anonuid', 'anongid', 'sec')]

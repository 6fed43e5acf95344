# SPDX-License-Identifier: Apache-2.0

"""NFS-Ganesha: its files and its export manager, as 4.3 was seen to do it.

What it prints is what ``dbus-send`` prints of its answers.
"""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
import contextlib
import dataclasses
import functools
import ipaddress
import re

from manila_drivers import access
from manila_drivers import exception
from manila_drivers import networks
from manila_drivers.nas import ganesha_legacy
from manila_drivers.nas import ganesha_text
from manila_drivers.testing.simulators.nfs import files
from manila_drivers.testing.simulators.nfs import server
from manila_drivers.transport import command

Result = command.Result
Block = ganesha_text.Block

_PREFIX = ('dbus-send', '--print-reply', '--system',
           '--dest=org.ganesha.nfsd', '/org/ganesha/nfsd/ExportMgr')
_HEAD = ('method return time=1.5 sender=:1.0 -> destination=:1.1 serial=1 '
         'reply_serial=2\n')
_LEVELS = {'rw': 0x1e0, 'ro': 0xa0, 'none': 0, 'mdonly': 0x180,
           'mdonly_ro': 0x80}
CONFIG = '/etc/ganesha/ganesha.conf'
_ERROR = 'org.freedesktop.DBus.Error.'


@dataclasses.dataclass(frozen=True)
class Export:
    """An export that is served.

    :param clients: address or network or ``*``, and access bits; the first
        that matches decides.
    :param default: access bits of everybody else.
    :param protocols: versions of NFS, such as ``4``.
    :param found: whether NFSv4 clients find it in the name space, which is
        settled when it is added; an update does not change it.
    """

    id: int
    path: str
    pseudo: str
    tag: str
    clients: tuple[tuple[str, int], ...]
    default: int = 0
    protocols: frozenset[str] = frozenset({'3', '4'})
    found: bool = True


class DbusError(Exception):
    """An error that is returned: its name, and what it says."""


class Ganesha(server.Server):
    """A Ganesha server.

    :param version: 2.1 to 2.3 cannot update an export; 2.0 has all exports
        in its main file, and is restarted.
    """

    def __init__(self, name: str = 'gnfs', *,
                 export_dir: str = '/etc/ganesha/export.d',
                 version: tuple[int, int] = (4, 3)) -> None:
        super().__init__(name)
        self._index = f'{export_dir}/INDEX.conf'
        self.files.directories |= {export_dir, '/etc/ganesha'}
        self.files.text[self._index] = ''
        self.files.text[CONFIG] = (
            f'%include {self._index}\n' if version > (2, 0) else '')
        self._version = version
        self.exports: dict[int, Export] = {}
        #: Whether the daemon runs.
        self.running = True

    def access(self, client: str, path: str) -> str | None:
        """Return what a client gets who speaks NFSv4."""
        host = server.address(client)
        if not self.running:
            return None
        for export in self.exports.values():
            if not export.found or '4' not in export.protocols:
                continue
            if path == export.path or path.startswith(export.path + '/'):
                bits = next((bits for name, bits in export.clients
                             if _matches(name, host)), export.default)
                if bits & 0x20:
                    return access.RW if bits & 0x40 else access.RO
        return None

    def named(self, path: str) -> frozenset[str]:
        return frozenset(name for export in self.exports.values()
                         if export.path == path
                         for name, _ in export.clients if name != '*')

    def reboot(self) -> None:
        """It does not come up if a file of its index is not there, or broken.
        """
        with self._lock:
            self.exports = {}
            if self._version <= (2, 0):
                self.exports = {export.id: export for export in _old(
                    self.files.text[CONFIG])}
                return
            found = re.findall(r'^%include "?([^"\n]+?)"?$',
                               self.files.text.get(self._index, ''), re.M)
            self.running = False
            with contextlib.suppress(KeyError, exception.BackendError):
                self.exports = {export.id: export for file in found
                                for export, _ in self._read(file)}
                self.running = True

    def inventory(self) -> frozenset[tuple[str, str]]:
        index = self.files.text.get(self._index, '')
        return frozenset(
            {('export', export.path) for export in self.exports.values()}
            | {('include', line) for line in index.splitlines() if line}
            | {('file', path) for path in self.files.text
               if path not in (self._index, CONFIG)})

    def special(self, words: Sequence[str], stdin: str) -> Result | None:
        if words[0] == 'service' and words[2] == 'restart':
            self.reboot()
            return files.done()
        if words[0] != 'dbus-send':
            return None
        if tuple(words[:5]) != _PREFIX:
            raise NotImplementedError(words)
        method = words[5].rpartition('.')[2]
        if not self.running:
            return _error('ServiceUnknown', 'The name org.ganesha.nfsd was '
                          'not provided by any .service files')
        known = {'ShowExports': self._show, 'Introspect': self._introspect}
        if self._version >= (2, 1):
            known.update(AddExport=self._add, RemoveExport=self._remove,
                         DisplayExport=self._display)
        if self._version >= (2, 4):
            known['UpdateExport'] = self._update
        if method not in known:
            return _error('UnknownMethod', 'Unknown method')
        values = [word.partition(':')[2] for word in words[6:]]
        try:
            return files.done(_HEAD + known[method](values))
        except DbusError as exc:
            return _error(*exc.args)

    def _introspect(self, values: Sequence[str]) -> str:
        names = ['ShowExports']
        if self._version >= (2, 1):
            names += ['AddExport', 'RemoveExport', 'DisplayExport']
        if self._version >= (2, 4):
            names.append('UpdateExport')
        return '   string "<node>\n%s</node>\n"\n' % ''.join(
            f'    <method name="{name}">\n    </method>\n' for name in names)

    def _show(self, values: Sequence[str]) -> str:
        served = {0: '/', **{number: export.path for number, export
                             in sorted(self.exports.items())}}
        items = ''.join(
            f'      struct {{\n         uint16 {number}\n'
            f'         string "{path}"\n         struct {{\n'
            f'         }}\n      }}\n' for number, path in served.items())
        return ('   struct {\n      uint64 1\n      uint64 5\n   }\n'
                f'   array [\n{items}   ]\n')

    def _display(self, values: Sequence[str]) -> str:
        export = self._known(values[0])
        clients = ''.join(_client(name, bits)
                          for name, bits in export.clients)
        return (f'   uint16 {export.id}\n   string "{export.path}"\n'
                f'   string "{export.pseudo}"\n   string "{export.tag}"\n'
                f'   array [\n{clients}   ]\n')

    def _known(self, number: str) -> Export:
        if int(number) not in self.exports:
            raise DbusError('InvalidArgs', 'lookup_export failed with '
                            'Export id not found')
        return self.exports[int(number)]

    def _remove(self, values: Sequence[str]) -> str:
        del self.exports[self._known(values[0]).id]
        return ''

    def _add(self, values: Sequence[str]) -> str:
        return self._changed(*values, update=False)

    def _update(self, values: Sequence[str]) -> str:
        return self._changed(*values, update=True)

    def _changed(self, file: str, expression: str, *, update: bool) -> str:
        number = re.fullmatch(r'EXPORT\(Export_Id=(\d+)\)', expression)
        if number is None:
            raise NotImplementedError(expression)
        if file not in self.files.text:
            raise DbusError('InvalidFileContent', f'Error while parsing '
                            f'{file} because of (token scan) errors.')
        try:
            chosen = [pair for pair in self._read(file)
                      if pair[0].id == int(number[1])]
        except exception.BackendError:
            chosen = []
        if not chosen:
            raise DbusError(
                'InvalidArgs', f'Error finding exports: {expression} because '
                'No such file or directory')
        (export, errors), = chosen
        if not update and self._clash(export):
            raise DbusError('InvalidFileContent', f'Selected entries in '
                            f'{file} already active!!!')
        before = self.exports.get(export.id)
        if update and before is not None:
            # The rest is as it was when it was added.
            export = dataclasses.replace(
                export, path=before.path, pseudo=before.pseudo,
                tag=before.tag, found=before.found)
        self.exports[export.id] = export
        said = f'1 exports {"updated" if update else "added"}'
        if errors:
            said += '. Errors found:\n' + '\n'.join(errors) + '\n'
        return f'   string "{said}"\n'

    def _clash(self, export: Export) -> bool:
        return any(export.id == other.id or export.pseudo == other.pseudo
                   for other in self.exports.values())

    def _read(self, file: str) -> Iterator[tuple[Export, list[str]]]:
        """The exports of a file, and what is wrong with each."""
        for block in ganesha_text.read(self.files.text[file]):
            if block.name == 'export':
                errors: list[str] = []
                clients = tuple(self._clients(block, file, errors))
                protocols = frozenset(
                    text.lower().removeprefix('nfs').removeprefix('v')
                    for text in block.settings.get('protocols', ('3', '4')))
                yield Export(
                    int(block.text('export_id')), block.text('path'),
                    block.text('pseudo'), block.text('tag'), clients,
                    _LEVELS[block.text('access_type', 'none').lower()],
                    protocols, found='4' in protocols), errors

    @staticmethod
    def _clients(block: Block, file: str,
                 errors: list[str]) -> Iterator[tuple[str, int]]:
        """A CLIENT block with an address that is refused is left out."""
        for client in block.named('client'):
            names = client.settings.get('clients', ())
            if any(name.endswith('/0') for name in names):
                if any('.' in name for name in names):
                    raise DbusError('InvalidFileContent', f'0 export entries '
                                    f'in {file} added because Errors')
                errors.append(f'Config File ({file}:1): Syntax error in '
                              f'statement')
                continue
            level = client.text('access_type', block.text('access_type'))
            for name in names:
                yield _canonical(name), _LEVELS[level.lower()]


def _old(text: str) -> Iterator[Export]:
    """Exports of a main file of 2.0; who is in a list is given that."""
    for export in ganesha_legacy.read(text).exports:
        path = ganesha_legacy.plain(export['path'])
        clients = tuple(
            (_canonical(name), bits)
            for key, bits in (('rw_access', 0x1e0), ('r_access', 0xa0),
                              ('root_access', 0xa0))
            for name in ganesha_legacy.plain(export.get(key, '')).split(',')
            if name)
        yield Export(int(export['export_id']), path, path,
                     ganesha_legacy.plain(export['tag']), clients)


def _canonical(name: str) -> str:
    if name == '0.0.0.0':  # noqa: S104 - an address of a rule
        return '*'
    try:
        return str(ipaddress.ip_network(name))
    except ValueError:
        return name


@functools.lru_cache(maxsize=65536)
def _matches(name: str, host: networks.Address) -> bool:
    if name == '*':
        return True
    try:
        network = ipaddress.ip_network(name)
    except ValueError:
        return False
    return network.version == host.version and host in network


def _client(name: str, bits: int) -> str:
    values: Iterable[str] = (
        f'string "{name}"', 'int32 0', 'byte 0', 'byte 255', 'int32 1',
        'uint32 4294967294', 'uint32 4294967294', 'uint32 0',
        f'uint32 {0x3303002 | bits}', 'uint32 480')
    return ('      struct {\n'
            + ''.join(f'         {value}\n' for value in values)
            + '      }\n')


def _error(name: str, text: str) -> Result:
    return files.failed(f'Error {_ERROR}{name}: {text}')

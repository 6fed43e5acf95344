# SPDX-License-Identifier: Apache-2.0

"""Ganesha 1.5 and 2.0: all exports in one file, and a restart.  Pure.

The form is that of Manila's first GPFS driver: any lines, then blocks with
one setting per line.  Unlike that driver this one never writes
``root_access``, which gives everybody it names the right to read; does not
spell out every address of a network; and has a list for reading alone.

What such a Ganesha gives an address that is in both lists is not known, so
networks are cut until none is.  Nor is it known whether it takes IPv6.
"""

from collections.abc import Iterable
from collections.abc import Mapping
import dataclasses
import re

from manila_drivers import access
from manila_drivers import exception
from manila_drivers import networks
from manila_drivers.nas import directory
from manila_drivers.nas import exports
from manila_drivers.nas import ganesha_text
from manila_drivers.transport import command

Network = networks.Network

# Entries that overlapping rules may cost one export.
_EXTRA = 1000
_LISTS = {access.RW: 'rw_access', access.RO: 'r_access'}
_SETTING = re.compile(r'\s*([A-Za-z0-9_]+)\s*=\s*(.*?)\s*;\s*')

#: What an export has that nobody said anything about.
DEFAULTS: Mapping[str, str] = {
    'anonymous_root_uid': '-2', 'nfs_protocols': '"3,4"',
    'transport_protocols': '"UDP,TCP"', 'sectype': '"sys"',
    'maxread': '65536', 'maxwrite': '65536', 'prefread': '65536',
    'prefwrite': '65536'}


@dataclasses.dataclass(frozen=True)
class Config:
    """The file.

    :param before: what stands before the exports, as it is.
    :param exports: settings of each, values as they are written.
    """

    before: str
    exports: tuple[Mapping[str, str], ...]

    def of(self, path: str) -> Mapping[str, str] | None:
        return next((export for export in self.exports
                     if plain(export.get('path', '')) == path), None)


def plain(value: str) -> str:
    return value.strip('"')


def read(text: str) -> Config:
    """:raises BackendError: it is not in that form."""
    first, *blocks = re.split(r'^EXPORT[ \t]*$', text, flags=re.MULTILINE)
    exports = tuple(_settings(block) for block in blocks)
    numbers = [export.get('export_id') for export in exports]
    if (len(set(numbers)) < len(numbers)
            or not all(number and number.isdecimal() for number in numbers)):
        raise exception.BackendError(
            'Exports of Ganesha without a number, or with the same one',
            answer=', '.join(map(str, numbers)))
    return Config(first, exports)


def _settings(block: str) -> dict[str, str]:
    lines = [line.strip() for line in block.splitlines() if line.strip()]
    if lines[:1] != ['{'] or lines[-1] != '}':
        raise _bad(block)
    found = {}
    for line in lines[1:-1]:
        match = _SETTING.fullmatch(line)
        if match is None:
            raise _bad(line)
        found[match[1].lower()] = match[2]
    return found


def _bad(near: str) -> exception.BackendError:
    return exception.BackendError(
        'The configuration of Ganesha is not in the form of version 2.0',
        answer=f'near {near.strip()[:80]!r}')


def write(config: Config) -> str:
    return config.before + ''.join(
        'EXPORT\n{\n' + ''.join(
            f'{name} = {value} ;\n' for name, value in export.items())
        + '}\n' for export in config.exports)


@dataclasses.dataclass(frozen=True)
class Lists:
    """Who may do what, and networks that cannot be served."""

    settings: Mapping[str, str]
    refused: Mapping[Network, str]


def lists(levels: exports.Levels) -> Lists:
    unknown = {network: 'it is not known to be served by Ganesha before 2.1'
               for network in levels
               if network.version == 6 or not int(network.network_address)}
    apart = networks.separate({
        network: level for network, level in levels.items()
        if network not in unknown}, _EXTRA)
    return Lists(
        {name: '"%s"' % ','.join(map(networks.canonical, apart.of(level)))
         for level, name in _LISTS.items() if apart.of(level)},
        {**unknown, **apart.refused})


def refused(levels: exports.Levels) -> Mapping[Network, str]:
    """Return networks that it cannot serve, and why."""
    return lists(levels).refused


def changed(config: Config, wanted: exports.Export, number: int,
            fsal: str) -> Config:
    """The file as it shall be; equal to the given one if it is.

    :param number: of the export if there is none yet.
    """
    directory.check(wanted)
    given = lists(wanted.levels).settings
    present = config.of(wanted.path)
    others = tuple(export for export in config.exports
                   if export is not present)
    if not given:
        return dataclasses.replace(config, exports=others)
    if present is None:
        export = _new(wanted, number, fsal)
        return dataclasses.replace(config, exports=(
            *config.exports, {**export, **given}))
    # Its number and what operators chose are kept.
    export = {name: value for name, value in present.items()
              if not name.endswith('access')}
    return dataclasses.replace(config, exports=tuple(
        {**export, **given} if each is present else each
        for each in config.exports))


def _new(wanted: exports.Export, number: int,
         fsal: str) -> dict[str, str]:
    path = ganesha_text.quoted(wanted.path)
    return {'export_id': str(number), 'path': path, 'fsal': f'"{fsal}"',
            'pseudo': path, **DEFAULTS, 'tag': f'"fs{number}"'}


def levels(export: Mapping[str, str]) -> dict[Network, str]:
    """Return what an export gives: to read for root_access as well."""
    found: dict[Network, str] = {}
    for name, level in (('rw_access', access.RW), ('r_access', access.RO),
                        ('root_access', access.RO)):
        for client in plain(export.get(name, '')).split(','):
            for network in _networks(client.strip()):
                found.setdefault(network, level)
    return found


def is_plain(export: Mapping[str, str]) -> bool:
    """Tell if addresses, in lists that we know, are all that get something.

    A host or a netgroup may be, or there may be a list of another kind.
    """
    lists = {name: plain(value) for name, value in export.items()
             if name.endswith('access')}
    return lists.keys() <= {*_LISTS.values(), 'root_access'} and all(
        tuple(_networks(client.strip())) for text in lists.values()
        for client in filter(str.strip, text.split(',')))


def _networks(client: str) -> Iterable[Network]:
    network = networks.parse(client)
    return networks.EVERYBODY if client == '*' else (
        () if network is None else (network,))


def commands(path: str, config: Config, service: str,
             ) -> list[command.Command]:
    """Put the file in place and have it read.

    The file that ends in ``.pending`` is there from before it changes until
    it has been read; whoever finds it there restarts the service.
    """
    if not re.fullmatch(r'[A-Za-z0-9_.@-]+', service):
        raise exception.ConfigurationError(
            'ganesha_service_name', f'{service!r} is no name of a service')
    mark = f'{path}.pending'
    return [*directory.replaced(path, write(config), mark=mark),
            directory.run('service', service, 'restart', timeout=120.0),
            directory.removed(mark)]

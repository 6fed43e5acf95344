# SPDX-License-Identifier: Apache-2.0

"""mmnfs, and what Ganesha makes of the exports."""

from collections.abc import Mapping
from collections.abc import Sequence
import functools
import ipaddress
import re
from typing import Any

from manila_drivers.testing.simulators.gpfs import dialect
from manila_drivers.testing.simulators.gpfs import state

Refused = state.Refused
Client = state.Client

_COLUMNS = ('Path', 'Delegations', 'Clients', 'Access_Type', 'Protocols',
            'Transports', 'Squash', 'Anonymous_uid', 'Anonymous_gid',
            'SecType', 'PrivilegedPort', 'DefaultDelegations', 'Manage_Gids',
            'NFS_Commit')
_DEFAULTS = {'delegations': 'none', 'access_type': 'NONE',
             'protocols': '3,4', 'transports': 'TCP',
             'squash': 'ROOT_SQUASH', 'anonymous_uid': '-2',
             'anonymous_gid': '-2', 'sectype': 'SYS',
             'privilegedport': 'FALSE', 'defaultdelegations': 'none',
             'manage_gids': 'FALSE', 'nfs_commit': 'FALSE'}
_CLIENT = re.compile(r'([^()]+)(?:\(([^()]*)\))?')
# The second is what Ganesha takes for the first: seen with 4.3.
_EVERYBODY = ('*', '0.0.0.0')  # noqa: S104 - nobody binds to it
_CHANGES = ('--nfsadd', '--nfsremove', '--nfschange')


def in_force(options: dict[str, str]) -> dict[str, str]:
    """Return what options of a client come to, given or not."""
    return {name: value.lower()
            for name, value in {**_DEFAULTS, **options}.items()}


def mmnfs(sim: Any, words: list[str]) -> str:
    if not sim.state.options.ces_nfs:
        raise Refused('mmnfs: The NFS service is not enabled.')
    if words[:1] != ['export'] or len(words) < 2:
        raise Refused('mmnfs: Incorrect usage')
    verbs = {'list': _list, 'add': _add, 'remove': _remove,
             'change': _change}
    if words[1] not in verbs:
        raise Refused(f'mmnfs: {words[1]} is not known')
    return verbs[words[1]](sim, words[2:])


def mmces(sim: Any, words: list[str]) -> str:
    if words[:2] == ['address', 'list']:
        rows = [[address, 'node1', 'none', 'none']
                for address in sim.state.options.ces_addresses]
        return dialect.listing(
            'mmces', 'cesAddress:cesNode:attributes:cesGroup', rows)
    if words[:2] == ['state', 'show']:
        return dialect.listing('mmcesstate', 'NODE:AUTH:NFS:CES', [
            ['node1', 'HEALTHY', sim.state.options.ces_state, 'HEALTHY']])
    raise Refused('mmces: Incorrect usage')


def _list(sim: Any, words: list[str]) -> str:
    _, given = dialect.options(words, '-Y')
    path = given.get('--nfsdefs', given.get('-n'))
    part = given.get('--nfsdefs-match', '')
    whole = path or part or not sim.state.options.plain_list
    columns = [name for name in _COLUMNS[:None if whole else 3]
               if name not in sim.state.options.left_out]
    rows = [line for export, clients in sim.state.exports.items()
            if path in (None, export) and part in export
            for client in clients or [Client('', {})]
            for line in [_row(sim, export, client, columns)]]
    head = ':'.join(columns)
    header = 'HEADER:version:reserved:reserved'
    return '\n'.join([f'mmcesnfslsexport:nfsexports:{header}:{head}:',
                      *rows, ''])


def _row(sim: Any, path: str, client: Client,
         columns: Sequence[str]) -> str:
    values = {**_DEFAULTS, **client.options}
    cells = []
    for name in columns:
        text = {'Path': path, 'Clients': client.client}.get(
            name, values.get(name.lower(), ''))
        if name == 'Clients' and sim.state.options.percent_clients:
            text = text.replace(':', '%3A')
        cells.append(text)
    return 'mmcesnfslsexport:nfsexports:0:1:::' + ':'.join(cells) + ':'


def _parsed(text: str) -> list[Client]:
    found = []
    for part in text.split(';'):
        match = _CLIENT.fullmatch(part.strip())
        if match is None:
            raise Refused(f'mmnfs: Incorrect client: {part}')
        options = {}
        for option in filter(None, (match[2] or '').split(',')):
            name, equals, value = option.partition('=')
            name = name.strip().lower()
            if not equals or name not in _DEFAULTS:
                raise Refused(f'mmnfs: Incorrect option: {option}')
            options[name] = value.strip().upper().replace(':', ',')
        found.append(Client(_checked(match[1].strip()), options))
    return found


def _checked(client: str) -> str:
    if re.fullmatch(r'[0-9.:/a-fA-F]+', client) and (
            '.' in client or ':' in client):
        try:
            ipaddress.ip_network(client, strict=False)
        except ValueError:
            raise Refused(f'mmnfs: Incorrect client: {client}') from None
    return client


def _add(sim: Any, words: list[str]) -> str:
    (path,), given = dialect.options(words)
    if path in sim.state.exports:
        raise Refused(f'mmnfs: An export for {path} already exists.')
    if sim.kind(path) != 'directory':
        raise Refused(f'mmnfs: {path} does not exist.')
    clients = _parsed(given['--client']) if '--client' in given else []
    _no_twins(clients)
    sim.state.exports[path] = clients
    return 'mmnfs: The NFS export was created successfully.\n'


def _no_twins(clients: Sequence[Client]) -> None:
    names = [client.client for client in clients]
    if len(set(names)) != len(names):
        raise Refused('mmnfs: A client is given twice.')


def _export(sim: Any, path: str) -> list[Client]:
    if path not in sim.state.exports:
        raise Refused(f'mmnfs: There is no export for {path}.')
    found: list[Client] = sim.state.exports[path]
    return found


def _remove(sim: Any, words: list[str]) -> str:
    (path,), _ = dialect.options(words, '--force')
    _export(sim, path)
    del sim.state.exports[path]
    return 'mmnfs: The NFS export was deleted successfully.\n'


def _change(sim: Any, words: list[str]) -> str:
    (path,), given = dialect.options(words)
    chosen = [name for name in _CHANGES if name in given]
    if not chosen or len(chosen) > 1 and not sim.state.options.combines:
        raise Refused('mmnfs: Exactly one of --nfsadd, --nfsremove and '
                      '--nfschange must be given.', 'Usage: mmnfs export ...')
    clients = [Client(one.client, dict(one.options))
               for one in _export(sim, path)]
    gone = given['--nfsremove'].split(',') if '--nfsremove' in given else []
    last = sim.state.options.removes_last
    if not last:
        clients = _without(clients, gone)
    if '--nfschange' in given:
        _altered(clients, _parsed(given['--nfschange']))
    if '--nfsadd' in given:
        new = _parsed(given['--nfsadd'])
        _no_twins(clients + new)
        place = _place(clients, given.get('--nfsposition'))
        clients[place:place] = new
    if last:
        clients = _without(clients, gone)
    sim.state.exports[path] = clients
    return 'mmnfs: The NFS export was changed successfully.\n'


def _place(clients: Sequence[Client], text: str | None) -> int:
    if text is None:
        return len(clients)
    names = [client.client for client in clients]
    if text in names:
        return names.index(text)
    if not text.isdecimal() or int(text) > len(clients):
        raise Refused(f'mmnfs: Incorrect position: {text}')
    return int(text)


def _without(clients: Sequence[Client],
             names: Sequence[str]) -> list[Client]:
    missing = set(names) - {client.client for client in clients}
    if missing:
        raise Refused(f'mmnfs: No such client: {", ".join(sorted(missing))}')
    return [client for client in clients if client.client not in names]


def _altered(clients: Sequence[Client], changes: Sequence[Client]) -> None:
    known = {client.client: client for client in clients}
    for change in changes:
        if change.client not in known:
            raise Refused(f'mmnfs: No such client: {change.client}')
        known[change.client].options.update(change.options)


def effective(exports: Mapping[str, Sequence[Client]], path: str,
              address: str) -> str | None:
    """Return what Ganesha gives: the first client that matches decides."""
    for client in exports.get(path, ()):
        if client.client in _EVERYBODY or _matches(client.client, address):
            return {'RW': 'rw', 'RO': 'ro'}.get(
                client.options.get('access_type', ''))
    return None


# The same few pairs are asked about after every call of a random history.
@functools.lru_cache(maxsize=65536)
def _matches(client: str, address: str) -> bool:
    host = ipaddress.ip_address(address)
    try:
        network = ipaddress.ip_network(client, strict=False)
    except ValueError:
        return False
    return network.version == host.version and host in network


COMMANDS = {'mmnfs': mmnfs, 'mmces': mmces}

# SPDX-License-Identifier: Apache-2.0

"""Names of certificates, volumes and snapshots, and where they are.  Pure.

Common names go into a volume option, and options are copied as they are into
files that the brick processes parse.  So this is about more than matching:
only characters that mean nothing there are let through, in any value.
"""

from collections.abc import Iterable
from collections.abc import Sequence
import dataclasses
import ipaddress
import re

from manila_drivers import exception

#: Longest list of names, in bytes: glusterd 9 and later does not survive a
#: value of 4085.
LONGEST_LIST = 4000

PREFIX = 'manila-'
_UUID = re.compile(
    r'[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}', re.I)
_SAFE = re.compile(r'[A-Za-z0-9](?:[A-Za-z0-9._@:+=-]*[A-Za-z0-9])?')
_OBJECT = re.compile(r'[A-Za-z0-9_][A-Za-z0-9_.-]*')
_GLOB = frozenset('*?[]\\')


def is_id(text: str) -> bool:
    return _UUID.fullmatch(text) is not None


def is_safe(name: str) -> bool:
    """Return whether a common name may go into a list of allowed names."""
    return len(name) <= 64 and _SAFE.fullmatch(name) is not None


def is_glob(name: str) -> bool:
    """Return whether a name in such a list stands for many."""
    return not _GLOB.isdisjoint(name)


def checked(word: str) -> str:
    """The name of a volume or snapshot, if it can be one.

    :raises InvalidRequest: it could be taken for an option or two words.
    """
    if _OBJECT.fullmatch(word) is None:
        raise exception.InvalidRequest(
            '%r cannot be the name of a volume or snapshot' % word)
    return word


def clone(share_id: str) -> str:
    """The volume that is made for a share from a snapshot."""
    return checked(PREFIX + share_id)


def is_clone(volume: str) -> bool:
    """Tell if a volume has the name of a clone of ours or of upstream's."""
    return volume.startswith(PREFIX) and is_id(volume[len(PREFIX):])


def snapshot(snapshot_id: str) -> str:
    return checked(PREFIX + snapshot_id)


def stamped(name: str, found: Iterable[str]) -> list[str]:
    """The snapshots of that name to which gluster added the time.

    Upstream's driver lets it do so.
    """
    return sorted(each for each in found if each.startswith(name + '_GMT-'))


class ReservedNames:
    """Tells the names of servers and of this host from tenants'.

    :param servers: how the names of servers begin.
    :param hosts: how the names of Manila hosts begin.
    """

    def __init__(self, servers: Sequence[str], hosts: Sequence[str]) -> None:
        self.servers = tuple(servers)
        self.hosts = tuple(hosts)

    def reserved(self, name: str) -> bool:
        return name.startswith(self.servers + self.hosts)

    def of(self, names: Iterable[str]) -> frozenset[str]:
        """The infrastructure among names that a volume allows."""
        return frozenset(name for name in names
                         if self.reserved(name) and is_safe(name))

    def completed(self, names: Iterable[str],
                  recorded: Iterable[str]) -> frozenset[str]:
        """Return a copy with what is recorded where one kind is missing.

        Somebody may have overwritten a volume's list.
        """
        found, known = self.of(names), self.of(recorded)
        for kind in (self.servers, self.hosts):
            if not any(name.startswith(kind) for name in found):
                found |= {name for name in known if name.startswith(kind)}
        return found

    def has_server(self, names: Iterable[str]) -> bool:
        return any(name.startswith(self.servers) for name in names)

    def joined(self, names: Iterable[str]) -> str:
        """Names as the value of ``auth.ssl-allow``, in a stable order.

        :raises InvalidRequest: it would be too long, or a name is not safe.
        """
        chosen = sorted(names, key=lambda name: (not self.reserved(name),
                                                 name))
        unsafe = [name for name in chosen if not is_safe(name)]
        text = ','.join(chosen)
        if unsafe or not text or len(text) > LONGEST_LIST:
            raise exception.InvalidRequest(
                'A list of %d names with %d characters cannot be set%s' % (
                    len(chosen), len(text),
                    ': %r is not acceptable' % unsafe[0] if unsafe else ''))
        return text


# -- addresses: [user@]host[:/volume] ---------------------------------------

_ADDRESS = re.compile(
    r'(?:(?P<user>[^:@/\s]+)@)?'
    r'(?P<host>\[[0-9A-Fa-f:.]+(?:%[^\]:@/\s]+)?\]|[^:@/\s\[\]]+)'
    r'(?::/(?P<volume>[^/\s]+)(?P<path>/.*)?)?')


@dataclasses.dataclass(frozen=True)
class ServerAddress:
    """A server by which a cluster is managed.

    ``host`` is without the brackets of an IPv6 address, as the mount helper
    and SSH want it.  Without ``user`` it is this host.
    """

    host: str
    user: str = ''

    @property
    def key(self) -> str:
        """One text for every way to write this server's name or address."""
        try:
            return str(ipaddress.ip_address(self.host))
        except ValueError:
            return self.host.lower().rstrip('.')

    @property
    def bracketed(self) -> str:
        return f'[{self.host}]' if ':' in self.host else self.host

    def __str__(self) -> str:
        return f'{self.user}@{self.bracketed}' if self.user \
            else self.bracketed

    def export(self, volume: str) -> str:
        """Return what clients mount: no user, and IPv6 without brackets."""
        return f'{self.host}:/{volume}'

    def qualified(self, volume: str) -> str:
        """How a share's record names its volume, as upstream's does."""
        return f'{self}:/{volume}'


@dataclasses.dataclass(frozen=True)
class VolumeAddress:
    address: ServerAddress
    volume: str


def _parsed(text: str) -> re.Match[str] | None:
    found = _ADDRESS.fullmatch(text.strip())
    if found is None or found['host'].startswith('-') \
            or (found['user'] or '').startswith('-'):
        return None
    return found


def _address(found: re.Match[str]) -> ServerAddress:
    return ServerAddress(found['host'].strip('[]'), found['user'] or '')


def server(text: str, option: str = 'glusterfs_servers') -> ServerAddress:
    """An address without a volume.

    :raises ConfigurationError: naming the option.
    """
    found = _parsed(text)
    if found is None or found['volume']:
        raise exception.ConfigurationError(
            option, '%r is not of the form [user@]host' % text,
            check='no volume belongs here, and an IPv6 address goes in '
                  'brackets')
    return _address(found)


def target(text: str, option: str = 'glusterfs_targets') -> VolumeAddress:
    """An address with a volume.

    :raises ConfigurationError: naming the option.
    """
    found = _parsed(text)
    if found is None or not found['volume'] or found['path']:
        raise exception.ConfigurationError(
            option, '%r is not of the form [user@]host:/volume' % text)
    return VolumeAddress(_address(found), found['volume'])


def recorded(text: str) -> VolumeAddress | None:
    """Read a record or an export location; None if it is no such.

    A directory of a volume is not the volume.
    """
    found = _parsed(text)
    if found is not None and found['volume'] \
            and not (found['path'] or '').strip('/'):
        return VolumeAddress(_address(found), found['volume'])
    # An export of an IPv6 server has no brackets.
    host, separator, volume = text.rpartition(':/')
    if separator and re.fullmatch(r'[0-9A-Fa-f:.]+', host) \
            and '/' not in volume:
        return VolumeAddress(ServerAddress(host), volume)
    return None

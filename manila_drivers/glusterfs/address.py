# SPDX-License-Identifier: Apache-2.0

"""Where clusters and volumes are: ``[user@]host[:/volume]``.  Pure."""

import dataclasses
import re

from manila_drivers import exception

_ADDRESS = re.compile(
    r'(?:(?P<user>[^:@/\s]+)@)?'
    r'(?P<host>\[[0-9A-Fa-f:.]+(?:%[^\]:@/\s]+)?\]|[^:@/\s\[\]]+)'
    r'(?::/(?P<volume>[^/\s]+)(?P<path>/.*)?)?')


@dataclasses.dataclass(frozen=True)
class Address:
    """A server by which a cluster is managed.

    ``host`` is without the brackets of an IPv6 address, as the mount helper
    and SSH want it.  Without ``user`` it is this host.
    """

    host: str
    user: str = ''

    @property
    def bracketed(self) -> str:
        return f'[{self.host}]' if ':' in self.host else self.host

    def __str__(self) -> str:
        return f'{self.user}@{self.bracketed}' if self.user \
            else self.bracketed

    def export(self, volume: str) -> str:
        """What clients mount.  Shows no user, and IPv6 without brackets."""
        return f'{self.host}:/{volume}'

    def qualified(self, volume: str) -> str:
        """How a share's record names its volume, as upstream's does."""
        return f'{self}:/{volume}'


@dataclasses.dataclass(frozen=True)
class Target:
    address: Address
    volume: str


def _parsed(text: str) -> re.Match[str] | None:
    found = _ADDRESS.fullmatch(text.strip())
    if found is None or found['host'].startswith('-') \
            or (found['user'] or '').startswith('-'):
        return None
    return found


def _address(found: re.Match[str]) -> Address:
    return Address(found['host'].strip('[]'), found['user'] or '')


def server(text: str, option: str = 'glusterfs_servers') -> Address:
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


def target(text: str, option: str = 'glusterfs_targets') -> Target:
    """An address with a volume.

    :raises ConfigurationError: naming the option.
    """
    found = _parsed(text)
    if found is None or not found['volume'] or found['path']:
        raise exception.ConfigurationError(
            option, '%r is not of the form [user@]host:/volume' % text)
    return Target(_address(found), found['volume'])


def recorded(text: str) -> Target | None:
    """What a record or an export location says; None if it is no such."""
    found = _parsed(text)
    if found is not None and found['volume']:
        return Target(_address(found), found['volume'])
    # An export of an IPv6 server has no brackets.
    host, separator, volume = text.rpartition(':/')
    if separator and re.fullmatch(r'[0-9A-Fa-f:.]+', host) \
            and '/' not in volume:
        return Target(Address(host), volume)
    return None

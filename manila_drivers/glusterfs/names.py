# SPDX-License-Identifier: Apache-2.0

"""Names: of certificates, of clones and of snapshots.  Pure.

Common names go into a volume option, and options are copied as they are into
files that the brick processes parse.  So this is about more than matching:
only characters that mean nothing there are let through, in any value.
"""

from collections.abc import Iterable
from collections.abc import Sequence
import re

from manila_drivers import exception

#: Longest list of names, in bytes: glusterd 9 and later does not survive a
#: value of 4085.
LONGEST_LIST = 4000

_PREFIX = 'manila-'
_UUID = re.compile(
    r'[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}', re.I)
_SAFE = re.compile(r'[A-Za-z0-9](?:[A-Za-z0-9._@:+=-]*[A-Za-z0-9])?')
_OBJECT = re.compile(r'[A-Za-z0-9_][A-Za-z0-9_.-]*')
_GLOB = frozenset('*?[]\\')


def is_id(text: str) -> bool:
    return _UUID.fullmatch(text) is not None


def is_safe(name: str) -> bool:
    """Whether a common name may go into a list of allowed names."""
    return len(name) <= 64 and _SAFE.fullmatch(name) is not None


def is_glob(name: str) -> bool:
    """Whether a name in such a list stands for many."""
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
    return checked(_PREFIX + share_id)


def is_clone(volume: str) -> bool:
    """Whether a volume has the name of a clone of ours or of upstream's."""
    return volume.startswith(_PREFIX) and is_id(volume[len(_PREFIX):])


def snapshot(snapshot_id: str) -> str:
    return checked(_PREFIX + snapshot_id)


def stamped(name: str, found: Iterable[str]) -> list[str]:
    """The snapshots of that name to which gluster added the time.

    Upstream's driver lets it do so.
    """
    return sorted(each for each in found if each.startswith(name + '_GMT-'))


class Infrastructure:
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
        """The same, with what is recorded where one kind is missing.

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

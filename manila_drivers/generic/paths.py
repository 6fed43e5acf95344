# SPDX-License-Identifier: Apache-2.0

"""Names and paths of what is made for shares.  Pure."""

from collections.abc import Iterable
import ipaddress
import posixpath
import re

from manila_drivers import exception
from manila_drivers import model

#: Metadata of volumes and snapshots: whose they are, wherever they are.
SHARE_MARK = 'manila_share_instance_id'
SNAPSHOT_MARK = 'manila_snapshot_instance_id'
HOST_MARK = 'manila_host'

_NAME = re.compile(r'[A-Za-z0-9_][A-Za-z0-9_.+@-]{0,200}')


def share_name(share: model.Share) -> str:
    """Return what a share is called where clients mount it.

    :raises InvalidRequest: it cannot be called so.
    """
    name = share.name or 'share-' + share.id
    if not _NAME.fullmatch(name):
        raise exception.InvalidRequest(
            '%r cannot be the name of a share' % name,
            check='share_name_template: letters, digits and _.+@- only')
    return name


def mount_path(root: str, share: model.Share) -> str:
    return posixpath.join(root, share_name(share))


def server_lock(instance_id: str) -> str:
    """Return the name of the lock around what is decided for one instance.

    Nobody holds it for longer than a few commands take.
    """
    return 'generic-server-' + instance_id


def access_lock(share_id: str) -> str:
    """Return the name of the lock around who reaches a share."""
    return 'generic-access-' + share_id


def share_lock(share_id: str) -> str:
    return 'generic-share-' + share_id


def snapshot_lock(snapshot_id: str) -> str:
    return 'generic-snapshot-' + snapshot_id


# -- where clients mount -----------------------------------------------------

def nfs_export(address: str, path: str) -> str:
    """Return what clients of NFS mount; IPv6 is written in brackets."""
    bare = address.strip('[]')
    return '%s:%s' % ('[%s]' % bare if ':' in bare else bare, path)


def cifs_export(address: str, section: str) -> str:
    return '\\\\%s\\%s' % (address.strip('[]'), section)


def split_nfs(export: str) -> tuple[str, str]:
    """Split an export of NFS into address and path.

    :raises NotManageable: it is none.
    """
    # The address may be one of IPv6, the path has no colon before its slash.
    host, colon, path = export.partition(':/')
    path = '/' + path.rstrip('/')
    if not host or not colon or path == '/' or path.startswith('//') \
            or posixpath.normpath(path) != path:
        raise exception.NotManageable(
            '%r is no export of NFS' % export, check='ADDRESS:/PATH')
    return host.strip('[]'), path


def split_cifs(export: str) -> tuple[str, str]:
    """Split an export of CIFS into address and the name of the share.

    :raises NotManageable: it is none.
    """
    text = export.replace('/', '\\')
    match = re.fullmatch(r'\\\\([^\\]+)\\([^\\]+)\\?', text)
    if match is None:
        raise exception.NotManageable(
            '%r is no export of CIFS' % export,
            check='\\\\ADDRESS\\SHARE')
    return match[1].strip('[]'), match[2]


def same_address(one: str, other: str) -> bool:
    """Tell if two addresses are the same, however they are written."""
    try:
        return ipaddress.ip_address(one) == ipaddress.ip_address(other)
    except ValueError:
        return one.lower() == other.lower()


def addresses(text: Iterable[str]) -> tuple[str, ...]:
    """Return addresses without those that are missing or come twice."""
    return tuple(dict.fromkeys(one.strip() for one in text if one.strip()))

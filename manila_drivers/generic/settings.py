# SPDX-License-Identifier: Apache-2.0

"""The driver's options as one immutable value, checked as a whole."""

from collections.abc import Mapping
import dataclasses
import posixpath
import re
from typing import Any

from manila_drivers import exception
from manila_drivers.generic import opts

# What a mount point may be made of: it stands in fstab, in exports and in the
# registry of Samba.
_PATH = re.compile(r'(/[A-Za-z0-9_.+@-]+)+')
# With '=' as Manila has it; ':' is read as well.
_PAIR = re.compile(r'\s*(\w+)\s*[=:]\s*([\w.]+)\s*')
_PROTOCOLS = {opts.NFS: 'NFS', opts.CIFS_IP: 'CIFS', opts.CIFS_USER: 'CIFS'}


@dataclasses.dataclass(frozen=True)
class GenericSettings:
    """Hold the options of a backend, normalised.

    ``helpers`` has one of ``opts.NFS``, ``opts.CIFS_IP`` and
    ``opts.CIFS_USER`` for each protocol that is served.  Times are in
    seconds; ``freeze`` is 0 for none.  ``zone`` is '' where shares tell.
    """

    backend: str
    handles_servers: bool
    helpers: Mapping[str, str]
    root: str = '/shares'
    volume_name: str = 'manila-share-%s'
    snapshot_name: str = 'manila-snapshot-%s'
    fstype: str = 'ext4'
    no_reserve: bool = True
    volume_type: str = ''
    create_timeout: float = 180.0
    copy_timeout: float = 86400.0
    extend_timeout: float = 180.0
    attach_timeout: float = 120.0
    probe_timeout: float = 10.0
    max_volumes: int = 26
    freeze: float = 20.0
    host: str = ''

    @property
    def protocols(self) -> tuple[str, ...]:
        return tuple(sorted(self.helpers))


def read(conf: Any, backend: str, host: str = '') -> GenericSettings:
    """Read and check the options of one backend; no network traffic.

    :param conf: Manila's configuration object of the backend's section.
    :param host: of the service, by which it marks what it makes.
    :raises ConfigurationError: naming the option at fault.
    """
    return GenericSettings(
        backend=backend, host=host,
        handles_servers=bool(conf.driver_handles_share_servers),
        helpers=_helpers(conf.share_helpers),
        root=_root(conf.share_mount_path),
        volume_name=_template(conf, 'volume_name_template'),
        snapshot_name=_template(conf, 'volume_snapshot_name_template'),
        fstype=conf.share_volume_fstype,
        no_reserve=conf.set_zero_reserved_blocks,
        volume_type=conf.cinder_volume_type or '',
        create_timeout=float(conf.max_time_to_create_volume),
        copy_timeout=float(conf.generic_copy_timeout),
        extend_timeout=float(conf.max_time_to_extend_volume),
        attach_timeout=float(conf.max_time_to_attach),
        probe_timeout=float(conf.generic_probe_timeout),
        max_volumes=conf.generic_max_volumes_per_server,
        freeze=float(conf.generic_freeze_time))


def _pairs(given: Any) -> list[tuple[str, str]]:
    """Return protocols and paths: of texts, or of Manila's dictionary."""
    if isinstance(given, Mapping):
        return [(str(proto), str(path)) for proto, path in given.items()]
    found = [_PAIR.fullmatch(str(text)) for text in given or ()]
    if not all(found):
        raise exception.ConfigurationError(
            'share_helpers', '%s is not PROTOCOL=helper' % given)
    return [(match[1], match[2]) for match in found if match]


def _helpers(given: Any) -> dict[str, str]:
    pairs = _pairs(given)
    if not pairs:
        raise exception.ConfigurationError(
            'share_helpers', 'names no protocol', check='the default serves '
            'NFS and CIFS')
    found: dict[str, str] = {}
    for proto, path in pairs:
        proto, helper = proto.strip().upper(), opts.HELPERS.get(path.strip())
        if proto in found:
            raise exception.ConfigurationError(
                'share_helpers', 'names %s twice' % proto)
        if helper is None:
            raise exception.ConfigurationError(
                'share_helpers', '%r is no helper' % path,
                check=', '.join(opts.HELPERS))
        if _PROTOCOLS[helper] != proto:
            raise exception.ConfigurationError(
                'share_helpers', '%s does not serve %s' % (path, proto))
        found[proto] = helper
    return found


def _root(text: str | None) -> str:
    """Return the parent of mount points, without a slash at its end."""
    path = (text or '').rstrip('/')
    if not _PATH.fullmatch(path) or posixpath.normpath(path) != path:
        raise exception.ConfigurationError(
            'share_mount_path', '%r is not an absolute path below / of '
            'letters, digits and _.+@-' % text)
    return path


def _template(conf: Any, option: str) -> str:
    text = str(getattr(conf, option) or '')
    try:
        one, other = text % 'one', text % 'other'
    except (TypeError, ValueError) as exc:
        raise exception.ConfigurationError(
            option, '%r does not have exactly one %%s' % text) from exc
    if one == other or len(one) > 200:
        raise exception.ConfigurationError(
            option, '%r makes no names that tell one from another' % text)
    return text

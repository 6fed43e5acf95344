# SPDX-License-Identifier: Apache-2.0

"""The driver's options as one immutable value, checked as a whole."""

import dataclasses
import ipaddress
import re
import ssl
from typing import Any

from manila_drivers import exception
from manila_drivers.transport import rest
from manila_drivers.transport import retry

_LABEL = re.compile(r'(?!-)[A-Za-z0-9_-]{1,63}(?<!-)')


@dataclasses.dataclass(frozen=True)
class Settings:
    """Hold what operators configured, normalised.

    ``root`` starts with a slash and ends with none; it is '' for the root
    directory itself, so that ``root + '/' + name`` is always right.
    ``bind_pool`` is None to bind policies to the pool where VMS can.
    """

    backend: str
    endpoint: rest.Endpoint
    policy: retry.RetryPolicy
    user: str = ''
    password: str = dataclasses.field(default='', repr=False)
    token: str = dataclasses.field(default='', repr=False)
    api_version: str = 'v1'
    pool: str = ''
    root: str = '/manila'
    tenant: str = ''
    addresses: tuple[str, ...] = ()
    max_locations: int = 16
    protocols: tuple[str, ...] = ('NFS',)
    squash: str = 'no_root_squash'
    dir_mode: int | None = None
    qos_policy: str = ''
    bind_pool: bool | None = None
    split_limit: int = 200
    ipv6_rules: bool = False
    delete_with_snapshots: bool = False
    refuse_open_parent: bool = False
    page_size: int = 1000
    task_timeout: float = 600.0


def normal_root(text: str) -> str:
    """``vast_root_export`` with one leading slash and none at the end."""
    parts = [part for part in text.split('/') if part]
    if any(part in ('.', '..') for part in parts):
        raise exception.ConfigurationError(
            'vast_root_export', '%r must not contain . or ..' % text)
    return ''.join('/' + part for part in parts)


def read(conf: Any, backend: str) -> Settings:
    """Read and check the options of one backend; no network traffic.

    :param conf: Manila's configuration object of the backend's section.
    :raises ConfigurationError: naming the option at fault.
    """
    host = _required(conf, 'vast_mgmt_host')
    addresses = tuple(dict.fromkeys(
        export_address(text.strip())
        for text in conf.vast_export_addresses or () if text.strip()))
    if not addresses:
        _required(conf, 'vast_vippool_name',
                  ' (or set vast_export_addresses)')
    token = conf.vast_api_token or ''
    if not token:
        _required(conf, 'vast_mgmt_user', ' (or set vast_api_token)')
        _required(conf, 'vast_mgmt_password', ' (or set vast_api_token)')
    if not conf.vast_nfs_protocols:
        raise exception.ConfigurationError(
            'vast_nfs_protocols', 'must name NFS, NFS4 or both')
    return Settings(
        backend=backend, endpoint=_endpoint(conf, host),
        policy=_policy(conf),
        user=conf.vast_mgmt_user or '',
        password=conf.vast_mgmt_password or '', token=token,
        api_version=conf.vast_api_version,
        pool=conf.vast_vippool_name or '',
        root=normal_root(conf.vast_root_export or ''),
        tenant=conf.vast_tenant_name or '', addresses=addresses,
        max_locations=conf.vast_max_export_locations,
        protocols=tuple(sorted(set(conf.vast_nfs_protocols))),
        squash=conf.vast_squash, dir_mode=_mode(conf.vast_share_dir_mode),
        qos_policy=conf.vast_qos_policy or '',
        bind_pool=conf.vast_bind_vippool,
        split_limit=conf.vast_access_split_limit,
        ipv6_rules=conf.vast_ipv6_access_rules,
        delete_with_snapshots=conf.vast_delete_with_snapshots,
        refuse_open_parent=conf.vast_open_parent_view == 'refuse',
        page_size=conf.vast_page_size,
        task_timeout=conf.vast_task_timeout)


def _policy(conf: Any) -> retry.RetryPolicy:
    policy = dataclasses.replace(retry.REST, total=conf.vast_retry_timeout)
    if conf.vast_retries is None:
        return policy
    return dataclasses.replace(policy, retries=conf.vast_retries)


def export_address(text: str) -> str:
    """One of ``vast_export_addresses``: an address or a host name.

    :raises ConfigurationError: neither.
    """
    bare = text[1:-1] if text.startswith('[') and text.endswith(']') else text
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        labels = text.removesuffix('.').split('.')
    if len(text) > 253 or labels[-1].isdecimal() or not all(
            _LABEL.fullmatch(label) for label in labels):
        raise exception.ConfigurationError(
            'vast_export_addresses', '%r is neither an address nor a host '
            'name' % text)
    return text


def _required(conf: Any, option: str, hint: str = '') -> str:
    value = getattr(conf, option)
    if not value:
        raise exception.ConfigurationError(option, 'is not set' + hint)
    return str(value)


def _mode(digits: str | None) -> int | None:
    # VMS wants decimal digits that read like an octal mode: 755, 777.
    return int(digits) if digits else None


def _endpoint(conf: Any, host: str) -> rest.Endpoint:
    path = conf.vast_ssl_cert_path or ''
    if conf.vast_ssl_cert_verify and path:
        try:
            ssl.create_default_context(cafile=path)
        except FileNotFoundError as exc:
            raise exception.ConfigurationError(
                'vast_ssl_cert_path', 'there is no file %s' % path) from exc
        except PermissionError as exc:
            raise exception.ConfigurationError(
                'vast_ssl_cert_path', 'file %s may not be read by the user '
                'of this service' % path) from exc
        except (OSError, ssl.SSLError) as exc:
            raise exception.ConfigurationError(
                'vast_ssl_cert_path', '%s cannot be used as a bundle of '
                'certificates' % path, answer=str(exc)) from exc
    return rest.Endpoint(
        host=host, port=conf.vast_mgmt_port,
        verify=conf.vast_ssl_cert_verify, ca_file=path,
        connect_timeout=conf.vast_connect_timeout,
        read_timeout=conf.vast_read_timeout)

# SPDX-License-Identifier: Apache-2.0

"""Decisions that Manila's drivers leave to nobody, and these to operators."""

from collections.abc import Callable
from collections.abc import Mapping
import dataclasses

UPSTREAM, OURS = 'manila.share.drivers.', 'manila_drivers.'

Values = Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class MigrationDecision:
    """One thing to decide about before the first start.

    ``options`` decide it, if one of them is written; ``why`` says what
    differs otherwise; ``choices`` are lines for the section, each with what
    it means.
    """

    options: tuple[str, ...]
    why: str
    choices: tuple[tuple[str, str], ...]
    when: Callable[[Values], bool] = lambda values: True

    def is_open(self, values: Values) -> bool:
        """Tell if it concerns a section, and is not taken in it."""
        return self.when(values) and not any(
            values.get(option) for option in self.options)


def _knfs(values: Values) -> bool:
    return values.get('gpfs_nfs_server_type', '').upper() == 'KNFS'


def _not_root(values: Values) -> bool:
    return values.get('gpfs_ssh_login', 'root') != 'root'


_VAST = (
    MigrationDecision(
        ('vast_ssl_cert_path', 'vast_ssl_cert_verify'),
        "Manila's driver does not verify the certificate of VMS; this one "
        'does', (
            ('vast_ssl_cert_path = /etc/manila/vms-ca.pem',
             'who signed it; for a self-signed one, itself'),
            ('vast_ssl_cert_verify = True',
             'an authority that this host trusts has signed it'),
            ('vast_ssl_cert_verify = False',
             'go on verifying nothing'))),
    MigrationDecision(
        ('vast_bind_vippool',),
        "Manila's driver leaves shares reachable through every pool of the "
        'cluster; here they are bound to vast_vippool_name', (
            ('vast_bind_vippool = True', 'clients mount through that pool'),
            ('vast_bind_vippool = False',
             'clients mount through other pools as well'))))

_GLUSTER = (
    MigrationDecision(
        ('glusterfs_known_hosts', 'glusterfs_host_keys'),
        "Manila's driver accepts any host key; this one wants to know them",
        (('glusterfs_known_hosts = /etc/manila/ssh_known_hosts',
          'the keys of the servers, as ssh-keyscan writes them'),
         ('glusterfs_host_keys = accept-new',
          'take the keys of the first start'))),
    MigrationDecision(
        ('glusterfs_server_names', 'glusterfs_manila_names'),
        'Whatever in auth.ssl-allow begins with neither stays only if a '
        'rule gives it', (
            ('glusterfs_server_names = glusterfs-server',
             "how the names of the servers' certificates begin"),
            ('glusterfs_manila_names = manila-host',
             "how those of this host's begin"))))

_EXPORT = 'knfs_export_options'
_GPFS = (
    MigrationDecision(
        ('gpfs_ssh_known_hosts', 'gpfs_ssh_host_key_policy'),
        "Manila's driver accepts any host key; this one wants to know them",
        (('gpfs_ssh_known_hosts = /etc/manila/ssh_known_hosts',
          'the keys of the hosts, as ssh-keyscan writes them'),
         ('gpfs_ssh_host_key_policy = learn',
          'take the keys of the first start')),
        lambda values: bool(values.get('gpfs_ssh_login'))),
    MigrationDecision(
        (_EXPORT,),
        "With Manila's driver root of a client is nobody; here it is root "
        'unless this says otherwise', (
            (f'{_EXPORT} = sync,wdelay,root_squash,secure,no_subtree_check',
             'keep things as they are'),
            (f'{_EXPORT} = sync,no_root_squash,insecure,no_subtree_check',
             'let root of a client be root')), _knfs),
    MigrationDecision(
        ('gpfs_ssh_use_sudo',),
        'GPFS commands need root, and gpfs_ssh_login is another user', (
            ('gpfs_ssh_use_sudo = True', 'sudo is set up for it'),
            ('gpfs_ssh_login = root', 'log in as root')), _not_root),
    MigrationDecision(
        ('gpfs_quota_account_replicas',),
        'With two data replicas a share of 10 GiB gets a quota of 20 here, '
        "and holds 10; Manila's driver lets it hold 5", (
            ('gpfs_quota_account_replicas = True',
             'count replicas: users get what they paid for'),
            ('gpfs_quota_account_replicas = False',
             "go on as Manila's driver"))))

_GENERIC = 'generic.GenericShareDriver'

#: By the tail of the dotted path of a class, which both have.
DRIVERS: Mapping[str, tuple[MigrationDecision, ...]] = {
    'vastdata.driver.VASTShareDriver': _VAST,
    'glusterfs.glusterfs_native.GlusterfsNativeShareDriver': _GLUSTER,
    'ibm.gpfs.GPFSShareDriver': _GPFS,
    _GENERIC: ()}
#: What the first start changes, and no plan of it shows.
AT_START: Mapping[str, tuple[str, ...]] = {_GENERIC: (
    ('Manila sends the rules of each share once more: exports move from '
     '/etc/exports of the service instance to one file for each share in '
     '/etc/exports.d, and clients notice nothing'),
    'Samba denies by "hosts deny = ALL", which keeps out clients of IPv6 too',
    ('the host key that a service instance shows first is remembered, and no '
     'other one accepted later, unless service_instance_known_hosts has it'))}


def counterpart(path: str) -> str:
    """Return the class of ours for one of Manila's, '' if there is none."""
    tail = path.removeprefix(UPSTREAM).removeprefix(OURS)
    return OURS + tail if tail in DRIVERS else ''

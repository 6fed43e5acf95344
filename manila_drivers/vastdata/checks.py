# SPDX-License-Identifier: Apache-2.0

"""Check what has to be right before the service starts.

Each misconfiguration has an error of its own that names the option.
"""

from collections.abc import Callable
import logging
import socket

from manila_drivers import exception
from manila_drivers.vastdata import client
from manila_drivers.vastdata import cluster
from manila_drivers.vastdata import cluster_records
from manila_drivers.vastdata import paths
from manila_drivers.vastdata import repository
from manila_drivers.vastdata import view_policy

LOG = logging.getLogger(__name__)


def _text(version: tuple[int, ...]) -> str:
    return '.'.join(map(str, version))


#: One look, which raises what is wrong.
Probe = Callable[[], object]


def check(found: repository.Repository,
          unscoped: Callable[[], client.Vms]) -> None:
    """Look at everything once.

    :param unscoped: makes a client that does not name the tenant, to find
        out whether it is the tenant or the login that is refused.
    :raises ConfigurationError: naming the option to correct.
    :raises DriverError: VMS cannot be asked for another reason.
    """
    first, others = probes(found, unscoped)
    for probe in (first, *others):
        probe()


def probes(found: repository.Repository, unscoped: Callable[[], client.Vms],
           ) -> tuple[Probe, list[Probe]]:
    """Return the look without which there is none, and all others.

    Each raises what :func:`check` does.
    """
    facts = found.cluster

    def enter() -> None:
        try:
            _check_version(facts, facts.version.get())
            _read_tenant(facts)
        except (exception.TransportError, exception.AccessDenied) as exc:
            _check_tenant(facts, exc, unscoped)
            raise _connecting(facts, exc) from exc

    def connected(look: Probe) -> Probe:
        def probe() -> None:
            try:
                look()
            except exception.TransportError as exc:
                raise _connecting(facts, exc) from exc
        return probe

    return enter, [connected(look) for look in (
        lambda: _check_trash(facts, facts.version.get()),
        lambda: _check_pool(facts),
        lambda: _check_binding(facts),
        lambda: _check_names(facts.settings.addresses),
        lambda: facts.settings.qos_policy and facts.qos_id(
            facts.settings.qos_policy),
        lambda: _check_parents(found))]


def rights(found: repository.Repository) -> list[Probe]:
    """Return looks at the rights to view what shares are made of.

    No start takes them: an operation that lacks one says so itself.
    """
    nothing = 'manila-drivers-preflight'

    def allowed(resource: str, look: Probe) -> Probe:
        def probe() -> None:
            try:
                look()
            except exception.AccessDenied as exc:
                settings = found.cluster.settings
                raise exception.ConfigurationError(
                    'vast_api_token' if settings.token else 'vast_mgmt_user',
                    f'may not view {resource}', answer=exc.answer,
                    check=f'the right of its role to view {resource}, and '
                    'to create, edit and delete them') from exc
        return probe

    return [allowed(resource, look) for resource, look in (
        ('views', lambda: found.view(nothing)),
        ('viewpolicies', lambda: found.policy(nothing)),
        ('quotas', lambda: found.quota(nothing)),
        ('snapshots', lambda: found.snapshot(nothing, '/' + nothing)),
        ('globalsnapstreams', lambda: found.stream(nothing)))]


def _read_tenant(facts: cluster.ClusterFacts) -> None:
    """Learn the tenant; a refusal of that is no refusal of the login."""
    try:
        facts.tenant.get()
    except exception.AccessDenied as exc:
        if facts.settings.tenant:
            raise
        raise exception.ConfigurationError(
            'vast_tenant_name', 'the tenants of VMS cannot be read',
            answer=exc.answer, check='the right of the VMS user to view '
            'tenants') from exc


def _check_tenant(facts: cluster.ClusterFacts, exc: exception.DriverError,
                  unscoped: Callable[[], client.Vms]) -> None:
    """Raise if a login is refused for naming a tenant that is not there."""
    name = facts.settings.tenant
    if not name or not isinstance(exc, exception.AccessDenied):
        return
    vms = unscoped()
    try:
        known = sorted(tenant.name for tenant
                       in vms.readable('tenants', cluster_records.Tenant.of))
    except exception.DriverError:
        return
    finally:
        vms.close()
    if name not in known:
        raise exception.ConfigurationError(
            'vast_tenant_name', 'VMS has no tenant %r' % name,
            answer='the tenants are ' + (', '.join(known) or 'not listed'),
        ) from exc


def _connecting(facts: cluster.ClusterFacts,
                exc: exception.DriverError) -> exception.ConfigurationError:
    """Which option to look at when VMS cannot be talked to."""
    settings = facts.settings
    url = settings.endpoint.url
    if isinstance(exc, exception.NotTrusted):
        return exception.ConfigurationError(
            'vast_ssl_cert_path', 'the certificate of VMS at %s is not '
            'accepted' % url, answer=exc.answer,
            check='vast_ssl_cert_path has to hold the authority that signed '
                  'it, and vast_mgmt_host one of the names in it')
    if isinstance(exc, exception.TransportError):
        return exception.ConfigurationError(
            'vast_mgmt_host', 'VMS at %s does not answer' % url,
            answer=exc.answer or exc.what,
            check='vast_mgmt_host, vast_mgmt_port, network and firewall')
    if settings.token:
        return exception.ConfigurationError(
            'vast_api_token', 'VMS at %s refuses the token' % url,
            answer=exc.answer,
            check='that it has not expired, that its role may read the '
                  'cluster, and that VMS is %s or later'
                  % _text(cluster.TOKEN_VERSION))
    return exception.ConfigurationError(
        'vast_mgmt_password', 'VMS at %s refuses user %r' % (
            url, settings.user), answer=exc.answer,
        check='vast_mgmt_user, vast_mgmt_password and the role of the user'
              + (', and vast_tenant_name, which goes with each request'
                 if settings.tenant else ''))


def _check_version(facts: cluster.ClusterFacts,
                   told: cluster_records.Cluster) -> None:
    if told.version < cluster.OLDEST_VERSION:
        raise exception.ConfigurationError(
            'vast_mgmt_host', 'VMS at %s has version %s; %s is the oldest '
            'that can delete shares' % (
                facts.settings.endpoint.url, told.version_text or '?',
                _text(cluster.OLDEST_VERSION)))


def _check_trash(facts: cluster.ClusterFacts,
                 told: cluster_records.Cluster) -> None:
    if told.trash is False:
        raise exception.ConfigurationError(
            'vast_mgmt_host', 'Trash Folder Access is off at VMS %s, so '
            'that shares could not be deleted' % facts.settings.endpoint.url,
            check='VMS: Settings > Cluster > General > Trash folder access')


def _check_pool(facts: cluster.ClusterFacts) -> None:
    facts.pool.forget()
    pool = facts.pool.get()
    if pool is not None:
        name = facts.settings.pool
        if not pool.enabled:
            raise exception.ConfigurationError(
                'vast_vippool_name', 'VIP pool %r is disabled' % name)
        if pool.role != 'PROTOCOLS':
            raise exception.ConfigurationError(
                'vast_vippool_name', 'VIP pool %r has the role %s; clients '
                'are served by pools with the role PROTOCOLS' % (
                    name, pool.role))
        tenant = facts.tenant_id()
        if pool.tenant_id not in (None, tenant):
            raise exception.ConfigurationError(
                'vast_vippool_name', 'VIP pool %r belongs to tenant %d, '
                'shares are made in tenant %d' % (
                    name, pool.tenant_id, tenant),
                check='vast_tenant_name')
    facts.addresses()


def _check_binding(facts: cluster.ClusterFacts) -> None:
    """Tell of versions that cannot bind policies to pools.

    :raises ConfigurationError: that is demanded.
    """
    told, chosen = facts.version.get(), facts.settings.bind_pool
    if chosen is False or not facts.settings.pool \
            or told.version >= view_policy.LIST_VERSION:
        return
    what = ('VMS %s cannot bind view policies to VIP pools, so that shares '
            'are reached through every pool' % told.version_text)
    if chosen:
        raise exception.ConfigurationError('vast_bind_vippool', what,
                                           check=view_policy.UNBOUND)
    LOG.warning('Backend %s: %s. %s', facts.settings.backend, what,
                view_policy.UNBOUND)


def _check_names(addresses: tuple[str, ...]) -> None:
    """Raise for names that nobody knows.

    A full name may be known to the clients alone; one word is no name unless
    this host knows it.
    """
    for name in addresses:
        if '.' in name or ':' in name:
            continue
        try:
            socket.getaddrinfo(name, None)
        except (OSError, UnicodeError) as exc:
            raise exception.ConfigurationError(
                'vast_export_addresses', '%r is neither an address nor a name '
                'that is known here' % name, answer=str(exc),
                check='addresses, or full names, that clients can mount '
                      'from') from exc


def _check_parents(found: repository.Repository) -> None:
    """Who can mount a directory above the shares can walk into them."""
    settings = found.cluster.settings
    above = {*paths.parents(settings.root + '/share')}
    views = [view for view in found.views() if view.path in above
             and paths.exports_nfs(view)]
    if not views:
        return
    policies = {policy.id: policy for policy in found.policies()}
    for view in views:
        policy = policies.get(view.policy_id or -1)
        if policy is not None and not view_policy.admits(policy):
            continue
        what = ('view %s of %s, which is above the shares, admits clients '
                'by policy %s' % (view.name or view.id, view.path,
                                  policy.name if policy else view.policy))
        if settings.refuse_open_parent:
            raise exception.ConfigurationError(
                'vast_open_parent_view', what,
                check='give that view a policy with empty host lists')
        LOG.warning('Backend %s: %s. Who mounts it can walk into every '
                    'share. Give it a policy with empty host lists, or set '
                    'vast_open_parent_view = refuse to have this enforced.',
                    settings.backend, what)

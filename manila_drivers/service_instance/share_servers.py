# SPDX-License-Identifier: Apache-2.0

"""Instances of share servers: set up, and torn down.

The network comes first, under a lock that all hosts take, and then, without
one, the server.  Where Nova has not got a server, what was made for it is
taken back at once; a server that fails later is kept for somebody to look at
until Manila has it torn down.
"""

from collections.abc import Mapping
from collections.abc import MutableMapping
import logging
from typing import Any
from typing import TYPE_CHECKING

from manila_drivers import exception
from manila_drivers import model
from manila_drivers import plan
from manila_drivers.service_instance import denials
from manila_drivers.service_instance import instances
from manila_drivers.service_instance import login
from manila_drivers.service_instance import names
from manila_drivers.service_instance import planning
from manila_drivers.service_instance import settings
from manila_drivers.service_instance import tear_down_planning

if TYPE_CHECKING:
    from manila_drivers.service_instance import manager

LOG = logging.getLogger(__name__)

# What is of the network and the volume, and not of the server.
_TAKEN_BACK = (names.HOME, names.BOOT_VOLUME, names.SUBNET_ID, names.ROUTER_ID,
               *names.PORTS.values())


def create(managed: 'manager.ServiceInstanceManager',
           request: model.ServerRequest,
           made: MutableMapping[str, Any]) -> None:
    """Make an instance; see the manager's method."""
    conf = managed.instance_settings()
    if plan.is_dry():
        plan.show(_planned(managed, request))
    made[names.SERVER_ID] = request.server_id
    made[names.HOME] = denials.home(managed.cloud.compute)
    try:
        wired = managed.network_helper.setup_network(request, made)
        _boot(managed, conf, request.server_id, wired, made)
    except exception.OutcomeUnknown:
        # A server that nobody sees yet may need the ports.
        raise
    except Exception as exc:
        if not made.get(names.INSTANCE_ID):
            _take_back(managed, made, exc)
        raise
    made.update(managed._get_new_instance_details(new(managed, wired, made)))
    managed.until_reachable(made)
    key = managed.logins.host_key(made)
    if key:
        made[names.HOST_KEY] = key


def _boot(managed: 'manager.ServiceInstanceManager',
          conf: settings.InstanceSettings, server_id: str,
          wired: Mapping[str, Any], made: MutableMapping[str, Any]) -> None:
    executor = instances.InstanceExecutor(
        managed.instances, conf, server_id,
        [each['port-id'] for each in wired['nics']], made,
        managed._get_service_instance_create_kwargs())
    facts = managed.instances.look(conf, server_id)
    plan.run(planning.instance(facts, conf, server_id,
                               wired.get('ports', {})), executor.perform)


def _planned(managed: 'manager.ServiceInstanceManager',
             request: model.ServerRequest) -> plan.Plan:
    """Return all that would be done, for a dry run."""
    conf = managed.instance_settings()
    todo, ports = managed.network_helper.planned(request)
    facts = managed.instances.look(conf, request.server_id)
    whole: plan.Plan = todo + planning.instance(facts, conf,
                                                request.server_id, ports)
    return whole


def new(managed: 'manager.ServiceInstanceManager',
        wired: Mapping[str, Any], made: Mapping[str, Any],
        ) -> dict[str, Any]:
    """Return a server as Manila's class hands it to its subclasses."""
    return {**{key: value for key, value in wired.items()
               if key not in ('nics', 'ports', 'ip_address')},
            'id': made[names.INSTANCE_ID], 'ip': wired['ip_address'],
            names.PK_PATH: managed.settings.login.key_file}


def _take_back(managed: 'manager.ServiceInstanceManager',
               made: MutableMapping[str, Any], cause: Exception) -> None:
    """Remove what was made for a server that there will not be."""
    for undo in (
            lambda: managed.instances.delete_volumes(made,
                                                     _template(managed)),
            lambda: managed.network_helper.teardown_network(made)):
        _, error = exception.caught(undo)
        if error is not None:
            LOG.warning('Share server %s: not all that was made for it could '
                        'be removed: %s', made[names.SERVER_ID], error)
            cause.add_note(f'Left behind: {error}')
            return
    for key in _TAKEN_BACK:
        made.pop(key, None)


def _template(managed: 'manager.ServiceInstanceManager') -> str:
    """Return the template for names of boot volumes, '' if none."""
    conf = managed.settings.instances
    return conf.boot.template if conf and conf.boot and conf.boot.base \
        else ''


def delete(managed: 'manager.ServiceInstanceManager',
           details: Mapping[str, Any]) -> None:
    """Remove an instance; see the manager's method."""
    server_id = str(details.get(names.SERVER_ID) or '')
    ident = str(details.get(names.INSTANCE_ID) or '')
    if not (ident or server_id):
        _say_what_there_is(managed)
    found = [ident] if ident else (
        managed.instances.made_for(server_id) if server_id else [])
    if plan.is_dry():
        plan.show(tear_down_planning.whole(
            found, managed.network_helper.planned_tear_down(details),
            str(details.get(names.BOOT_VOLUME) or '')))
    if not found and server_id:
        denials.check(managed.cloud, server_id, details)
    for each in found:
        if not managed.instances.delete(each):
            denials.check(managed.cloud, each, details)
        managed.logins.forget({**details, names.INSTANCE_ID: each})
    managed.network_helper.teardown_network(details)
    managed.instances.delete_volumes(details, _template(managed))


def running(managed: 'manager.ServiceInstanceManager',
            ) -> tuple[list[dict[str, Any]], set[str]]:
    """Return what runs; see the manager's method."""
    made_by = managed.instance_settings().made_by
    there = [each for each in managed.cloud.compute.servers()
             if each.status == 'ACTIVE']
    ours = {each.id: str((each.metadata or {})[names.SHARE_SERVER])
            for each in there
            if (each.metadata or {}).get(names.MADE_BY) == made_by
            and (each.metadata or {}).get(names.SHARE_SERVER)}
    return (_logins(managed, ours) if ours else [],
            {each.id for each in there})


def _logins(managed: 'manager.ServiceInstanceManager',
            ours: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the details with which instances are logged in to.

    :param ours: share servers by the ids of their instances in Nova.
    """
    neutron = managed.network_helper.neutron_api
    part = ('service' if managed.network_helper.network_settings
            .use_service_network else 'admin')
    # A tenant's port may have such a name as well.
    return [{**login.own_details(managed.settings.login),
             names.INSTANCE_ID: port.device_id,
             names.IP: port.fixed_ips[0].ip_address}
            for port in neutron.ports(project_id=neutron.project_id())
            if port.fixed_ips and port.device_id in ours
            and port.name == names.port(part, ours[port.device_id])]


def _say_what_there_is(managed: 'manager.ServiceInstanceManager') -> None:
    """Log the instances of this backend, for an operator to compare.

    The details are empty after the end of the service in the middle of a
    set-up, and Manila does not say which share server they are of.
    """
    conf = managed.settings.instances
    if conf is None:
        return
    found, error = exception.caught(
        lambda: managed.cloud.compute.servers(
            metadata={names.MADE_BY: conf.made_by}))
    listed = ', '.join(
        '%s of share server %s' % (
            each.id, (each.metadata or {}).get(names.SHARE_SERVER))
        for each in found or ()) or str(error or 'none')
    LOG.warning('A share server that is to be deleted has no details, so that '
                'nothing can be removed. Check: which of the servers in Nova '
                'with metadata %s = %s are of share servers that Manila does '
                'not have any more: %s', names.MADE_BY, conf.made_by, listed)

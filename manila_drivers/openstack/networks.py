# SPDX-License-Identifier: Apache-2.0

"""Neutron: networks, subnets, ports, router interfaces, security groups."""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import TypeVar

from manila_drivers import exception
from manila_drivers.openstack import errors
from manila_drivers.openstack import fields
from manila_drivers.openstack import records
from manila_drivers.openstack import service

N = TypeVar('N', bound=service.Named)

_HOST = 'binding:host_id'


class Networks(service.CloudService):
    """The network service."""

    def check(self) -> None:
        """Raise unless the service answers and the login is accepted."""
        self._get('/networks', 'The list of networks',
                  [('limit', '1'), ('fields', 'id')])

    def extensions(self) -> frozenset[str]:
        """Return the aliases of the extensions, such as ``binding``."""
        what = 'The list of extensions'
        return frozenset(
            fields.Fields(each, 'extension').ident('alias')
            for each in service.listed(
                self._get('/extensions', what), 'extensions', what))

    # Networks and subnets

    def networks(self, name: str | None = None,
                 project: str | None = None) -> list[records.Net]:
        """Return networks of that very name, of a project."""
        return self._filtered('networks', records.Net.of, {
            'name': name, 'project_id': project})

    def network(self, ident: str) -> records.Net:
        """Return a network; NotFound is raised if there is none."""
        return self._one('networks', 'network', ident, records.Net.of)

    def create_network(self, name: str, *,
                       project_id: str | None = None) -> records.Net:
        """Make a network.

        :raises NoRoom: the quota is used up.
        :raises OutcomeUnknown: it may have been made: look by its name.
        """
        return self._create('networks', 'network', records.Net.of, {
            'name': name, 'project_id': project_id})

    def subnet(self, ident: str) -> records.Subnet:
        """Return a subnet; NotFound is raised if there is none."""
        return self._one('subnets', 'subnet', ident, records.Subnet.of)

    def subnets(self, network_id: str | None = None,
                name: str | None = None) -> list[records.Subnet]:
        """Return subnets of a network, of that very name ('': without)."""
        return self._filtered('subnets', records.Subnet.of, {
            'network_id': network_id, 'name': name})

    def create_subnet(self, network_id: str, *, cidr: str, name: str = '',
                      ip_version: int = 4, gateway_ip: str | None = None,
                      project_id: str | None = None) -> records.Subnet:
        """Make a subnet.

        :param gateway_ip: None for the first address, '' for no gateway.
        :raises BackendError: status 400, kind InvalidInput: it overlaps with
            another one of the network, for instance.
        :raises NoRoom: the quota is used up.
        :raises OutcomeUnknown: it may have been made: look by its name.
        """
        more = {'gateway_ip': None} if gateway_ip == '' else {}
        return self._create('subnets', 'subnet', records.Subnet.of, {
            'network_id': network_id, 'cidr': cidr, 'name': name,
            'ip_version': ip_version, 'gateway_ip': gateway_ip or None,
            'project_id': project_id}, more)

    def update_subnet(self, ident: str, *, name: str) -> records.Subnet:
        """Give a subnet another name; '' takes it away."""
        return self._update('subnets', 'subnet', ident, records.Subnet.of,
                            {'name': name})

    def delete_subnet(self, ident: str) -> None:
        """Delete a subnet; one that is not there is fine.

        :raises Busy: it is in use.
        """
        self._remove('/subnets/' + service.part(ident, 'subnet'),
                     'Deletion of subnet %s' % ident)

    # Ports

    def port(self, ident: str) -> records.Port:
        """Return a port; NotFound is raised if there is none."""
        return self._one('ports', 'port', ident, records.Port.of)

    def ports(self, *, network_id: str | None = None,
              subnet_id: str | None = None, ip_address: str | None = None,
              device_id: str | None = None, device_owner: str | None = None,
              binding_host: str | None = None,
              name: str | Sequence[str] | None = None,
              project_id: str | None = None) -> list[records.Port]:
        """Return the ports that all of the filters fit.

        :param name: or several, any of which is enough; none of them, none of
            the ports.
        :param subnet_id: any of its addresses is of that subnet, and with
            ``ip_address`` that very one is.
        """
        if name is not None and not isinstance(name, str) and not name:
            return []
        fixed = [('fixed_ips', '%s=%s' % pair) for pair in (
            ('subnet_id', subnet_id), ('ip_address', ip_address)) if pair[1]]
        found = self._filtered('ports', records.Port.of, {
            'network_id': network_id, 'device_id': device_id,
            'device_owner': device_owner, 'name': name,
            'project_id': project_id, 'binding_host': binding_host}, fixed)
        return service.matching(found, lambda each: not fixed or any(
            subnet_id in (None, one.subnet_id)
            and ip_address in (None, one.ip_address)
            for one in each.fixed_ips or ()))

    def create_port(self, network_id: str, *, name: str = '',
                    fixed_ips: Sequence[Mapping[str, str]] | None = None,
                    security_groups: Sequence[str] | None = None,
                    port_security: bool | None = None,
                    device_id: str | None = None,
                    device_owner: str | None = None,
                    binding_host: str | None = None,
                    project_id: str | None = None) -> records.Port:
        """Make a port.

        :param fixed_ips: each with ``subnet_id``, ``ip_address`` or both;
            None lets Neutron choose.
        :param security_groups: ids; () is: none, None is: the default one.
        :raises NoRoom: the subnet has no address left (kind
            IpAddressGenerationFailure), or the quota is used up (OverQuota).
        :raises Conflict: the address is taken.
        :raises AccessDenied: only an administrator may bind it to a host.
        :raises OutcomeUnknown: it may have been made: look by its name.
        """
        return self._create('ports', 'port', records.Port.of, {
            'network_id': network_id, 'admin_state_up': True, **_wanted(
                name, fixed_ips, security_groups, port_security, device_id,
                device_owner, binding_host), 'project_id': project_id})

    def update_port(self, ident: str, *, name: str | None = None,
                    fixed_ips: Sequence[Mapping[str, str]] | None = None,
                    security_groups: Sequence[str] | None = None,
                    port_security: bool | None = None,
                    device_id: str | None = None,
                    device_owner: str | None = None,
                    binding_host: str | None = None) -> records.Port:
        """Change what is not None; ``fixed_ips`` replaces all addresses."""
        return self._update('ports', 'port', ident, records.Port.of, _wanted(
            name, fixed_ips, security_groups, port_security, device_id,
            device_owner, binding_host))

    def delete_port(self, ident: str) -> None:
        """Delete a port; one that is not there is fine."""
        self._remove('/ports/' + service.part(ident, 'port'),
                     'Deletion of port %s' % ident)

    # Routers

    def router(self, ident: str) -> records.Router:
        """Return a router; NotFound is raised if there is none."""
        return self._one('routers', 'router', ident, records.Router.of)

    def add_router_interface(self, router: str, subnet: str) -> None:
        """Connect a subnet to a router; one that is connected is fine.

        :raises BackendError: status 400: addresses overlap with those of
            another subnet of the router, or the subnet has no gateway.
        :raises NotFound: there is no such router or subnet.
        """
        try:
            self._put('/routers/%s/add_router_interface' % service.part(
                router, 'router'), {'subnet_id': subnet},
                'Interface of router %s in subnet %s' % (router, subnet))
        except errors.ServiceError as exc:
            # The text of a 400 is no interface: look who has a port there.
            if exc.status not in (400, 409) or not self.ports(
                    device_id=router, subnet_id=subnet):
                raise

    def remove_router_interface(self, router: str, subnet: str) -> None:
        """Disconnect a subnet from a router; one that is not is fine.

        :raises Busy: something needs it.
        """
        try:
            self._put('/routers/%s/remove_router_interface' % service.part(
                router, 'router'), {'subnet_id': subnet},
                'Removal of the interface of router %s in subnet %s' % (
                    router, subnet))
        except exception.NotFound:
            return

    # Security groups

    def security_groups(self, name: str | None = None,
                        ) -> list[records.SecurityGroup]:
        """Return groups of that very name of our own project.

        An administrator would be shown those of all projects.
        """
        return self._filtered(
            'security-groups', records.SecurityGroup.of,
            {'name': name, 'project_id': self.project_id()})

    def create_security_group(self, name: str,
                              description: str) -> records.SecurityGroup:
        """Make a group; Neutron puts rules into it that let all out.

        :raises NoRoom: the quota is used up.
        :raises OutcomeUnknown: it may have been made: look by its name.
        """
        return self._create(
            'security-groups', 'security_group', records.SecurityGroup.of,
            {'name': name, 'description': description})

    def add_rule(self, group: str, rule: records.SecurityRule) -> None:
        """Add a rule to a group; one that is there is fine.

        :raises OutcomeUnknown: repetition is harmless.
        """
        service.part(group, 'security group')
        try:
            self._post('/security-group-rules',
                       {'security_group_rule': rule.body(group)},
                       'Rule of security group %s' % group)
        except exception.Conflict as exc:
            if getattr(exc, 'kind', '') != 'SecurityGroupRuleExists':
                raise

    def add_rules(self, group: str,
                  rules: Sequence[records.SecurityRule]) -> None:
        """Add rules to a group in one request; those there are fine.

        Neutron takes all of them or none.

        :raises OutcomeUnknown: repetition is harmless.
        """
        service.part(group, 'security group')
        if len(rules) > 1:
            try:
                self._post('/security-group-rules', {'security_group_rules': [
                    rule.body(group) for rule in rules]},
                    'Rules of security group %s' % group)
                return
            except exception.Conflict as exc:
                if getattr(exc, 'kind', '') != 'SecurityGroupRuleExists':
                    raise
        for rule in rules:
            self.add_rule(group, rule)

    def delete_security_group(self, ident: str) -> None:
        """Delete a group; one that is not there is fine.

        :raises Busy: a port has it.
        """
        self._remove('/security-groups/' + service.part(
            ident, 'security group'), 'Deletion of security group %s' % ident)

    # All resources alike

    def _one(self, resource: str, key: str, ident: str,
             read: Callable[[Any], N]) -> N:
        what = '%s %s' % (key.capitalize(), ident)
        data = self._get('/%s/%s' % (resource, service.part(ident, key)),
                         what)
        return service.same(ident, read(service.within(data, key, what)),
                            what)

    def _filtered(self, resource: str, read: Callable[[Any], N],
                  wanted: Mapping[str, str | Sequence[str] | None],
                  more: service.Query = ()) -> list[N]:
        told = {name: [value] if isinstance(value, str) else list(value)
                for name, value in wanted.items() if value is not None}
        what = 'The list of %s' % resource
        query = [(_HOST if name == 'binding_host' else name, each)
                 for name, values in told.items() for each in values]
        found = [read(each) for each in self._rows(
            '/' + resource, resource.replace('-', '_'), what,
            [*query, *more])]
        return service.matching(found, lambda each: all(
            _field(each, name, what) in values
            for name, values in told.items()))

    def _create(self, resource: str, key: str, read: Callable[[Any], N],
                wanted: Mapping[str, Any],
                more: Mapping[str, Any] | None = None) -> N:
        body = {name: value for name, value in wanted.items()
                if value is not None}
        what = 'Creation of %s %s' % (key, wanted.get('name') or '')
        answer = self._post('/' + resource, {key: {**body, **(more or {})}},
                            what.rstrip())
        made = read(service.within(answer.data, key, what))
        service.made(what, *(
            (getattr(made, name, None), body[name])
            for name in ('name', 'network_id') if name in body))
        return made

    def _update(self, resource: str, key: str, ident: str,
                read: Callable[[Any], N], wanted: Mapping[str, Any]) -> N:
        what = 'Change of %s %s' % (key, ident)
        data = self._put('/%s/%s' % (resource, service.part(ident, key)),
                         {key: {name: value for name, value in wanted.items()
                                if value is not None}}, what)
        return service.same(ident, read(service.within(data, key, what)),
                            what)


def _wanted(name: str | None, fixed_ips: Sequence[Mapping[str, str]] | None,
            security_groups: Sequence[str] | None,
            port_security: bool | None, device_id: str | None,
            device_owner: str | None,
            binding_host: str | None) -> dict[str, Any]:
    """Return the attributes of a port under Neutron's names."""
    return {'name': name,
            'fixed_ips': None if fixed_ips is None else [
                dict(each) for each in fixed_ips],
            'security_groups': None if security_groups is None else list(
                security_groups),
            'port_security_enabled': port_security, 'device_id': device_id,
            'device_owner': device_owner, _HOST: binding_host}


def _field(record: object, name: str, what: str) -> object:
    """Return a field that was filtered by.

    :raises BackendError: it is not told, so that nobody knows if it fits.
    """
    found = getattr(record, name)
    if found is None:
        raise exception.BackendError(
            '%s: one of them does not tell %s' % (what, name),
            answer=repr(record)[:300], check='the roles of the login')
    return found

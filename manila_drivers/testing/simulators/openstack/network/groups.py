# SPDX-License-Identifier: Apache-2.0

"""Security groups, and whom they let in."""

import ipaddress
from typing import Any

from manila_drivers.testing.simulators.openstack import schema
from manila_drivers.testing.simulators.openstack import wire
from manila_drivers.testing.simulators.openstack.network import neutronstore
from manila_drivers.testing.simulators.openstack.routing import found
from manila_drivers.testing.simulators.openstack.wire import Ask
from manila_drivers.testing.simulators.openstack.wire import Caller
from manila_drivers.testing.simulators.openstack.wire import Record
from manila_drivers.testing.simulators.web.messages import Response

SAME = ('security_group_id', 'direction', 'ethertype', 'protocol',
        'port_range_min', 'port_range_max', 'remote_ip_prefix',
        'remote_group_id')


class GroupRows(neutronstore.Rows):
    kind, plural, path = 'security_group', 'security_groups', (
        'security-groups')
    unknown = ('SecurityGroupNotFound', 'Security group {} does not exist')
    writable = {'name': '', 'stateful': True}
    changeable = ('name', 'stateful')
    shapes: schema.Schema = {'name': schema.text, 'stateful': schema.truth}

    def told(self, row: Record, caller: Caller) -> Record:
        rules = self.store.of('security_group_rule',
                              security_group_id=row['id'])
        return {**row, 'security_group_rules': [
            {**rule, 'standard_attr_id': 60} for rule in rules]}

    def default(self, project: str) -> Record:
        """The group of a project that is there before anybody asks."""
        for row in self.store.of('security_group', project_id=project,
                                 name='default'):
            return row
        row = self._put(project, {'name': 'default',
                                  'description': 'Default security group'})
        for kind in ('IPv4', 'IPv6'):
            self.put_rule(row, {'direction': 'ingress', 'ethertype': kind,
                                'remote_group_id': row['id']})
        return row

    def _put(self, project: str, fields: Record) -> Record:
        row = self.store.put('security_group', project, {
            **self.writable, 'shared': False, **fields})
        for kind in ('IPv4', 'IPv6'):
            self.put_rule(row, {'direction': 'egress', 'ethertype': kind})
        return row

    def put_rule(self, group: Record, fields: Record) -> Record:
        return self.store.put('security_group_rule', group['project_id'], {
            'security_group_id': group['id'], 'ethertype': 'IPv4',
            'protocol': None, 'port_range_min': None, 'port_range_max': None,
            'remote_ip_prefix': None, 'remote_address_group_id': None,
            'normalized_cidr': fields.get('remote_ip_prefix'),
            'remote_group_id': None,
            'belongs_to_default_sg': group['name'] == 'default', **fields})

    def index(self, ask: Ask) -> Response:
        self.default(ask.caller.project_id)
        return super().index(ask)

    def create(self, ask: Ask) -> Response:
        body = ask.inner('security_group')
        project = self.owner(ask, body)
        given = self.accepted(ask, body, self.writable, 'POST')
        self.default(project)
        if given.get('name') == 'default':
            raise wire.network(409, 'SecurityGroupDefaultAlreadyExists',
                               'Default security group already exists.')
        self.store.reserve('security_group', project)
        row = self._put(project, given)
        return found(201, {'security_group': self.told(row, ask.caller)})

    def update(self, ask: Ask, ident: str) -> Response:
        row = self.own(ident, ask.caller, 'update')
        self.store.changed(row, self.accepted(ask, ask.inner('security_group'),
                                              self.changeable, 'PUT'))
        return found(200, {'security_group': self.told(row, ask.caller)})

    def delete(self, ask: Ask, ident: str) -> Response:
        """:raises Refusal: 409, a port is in it, or it is the default."""
        row = self.own(ident, ask.caller, 'delete')
        if row['name'] == 'default' and not ask.caller.admin:
            raise wire.network(409, 'SecurityGroupCannotRemoveDefault',
                               'Insufficient rights for removing default '
                               'security group.')
        if any(ident in port['security_groups']
               for port in self.store.rows['port'].values()):
            raise wire.network(409, 'SecurityGroupInUse',
                               f'Security Group {ident} in use.')
        for rule in self.store.of('security_group_rule',
                                  security_group_id=ident):
            del self.store.rows['security_group_rule'][rule['id']]
        del self.store.rows['security_group'][ident]
        return Response(204)

    # What they are for

    def lets_in(self, port: Record, protocol: str, number: int | None,
                source: str) -> bool:
        """Say if a port takes packets from an address."""
        if not port['port_security_enabled']:
            return True
        return any(
            self._covers(rule, protocol, number, source)
            for ident in port['security_groups']
            for rule in self.store.of('security_group_rule',
                                      security_group_id=ident,
                                      direction='ingress'))

    def _covers(self, rule: Record, protocol: str, number: int | None,
                source: str) -> bool:
        if rule['protocol'] not in (None, protocol):
            return False
        low, high = rule['port_range_min'], rule['port_range_max']
        if low is not None and number is not None and not (
                low <= number <= high):
            return False
        ip = ipaddress.ip_address(source)
        if rule['ethertype'] != f'IPv{ip.version}':
            return False
        if rule['remote_group_id'] is not None:
            return any(rule['remote_group_id'] in port['security_groups']
                       and any(each['ip_address'] == source
                               for each in port['fixed_ips'])
                       for port in self.store.rows['port'].values())
        prefix = rule['remote_ip_prefix']
        return prefix is None or ip in ipaddress.ip_network(prefix)


class RuleRows(neutronstore.Rows):
    kind, plural, path = 'security_group_rule', 'security_group_rules', (
        'security-group-rules')
    unknown = ('SecurityGroupRuleNotFound',
               'Security group rule {} does not exist')
    writable = dict.fromkeys(SAME)
    shapes: schema.Schema = {
        'security_group_id': schema.text, 'ethertype': schema.one_of(
            'IPv4', 'IPv6'),
        'protocol': schema.null(lambda value: schema.text(value)
                                or schema.whole(value)),
        'port_range_min': schema.null(schema.whole),
        'port_range_max': schema.null(schema.whole),
        'remote_ip_prefix': schema.null(schema.text),
        'remote_group_id': schema.null(schema.text)}

    def __init__(self, groups: GroupRows) -> None:
        super().__init__(groups.store)
        self.groups = groups

    def told(self, row: Record, caller: Caller) -> Record:
        return {key: value for key, value in row.items() if key != 'tags'}

    def create(self, ask: Ask) -> Response:
        """Make one rule, or all of several; none if one is refused."""
        many = ask.body.get(self.plural)
        if not isinstance(many, list):
            row = self._put(ask, ask.inner(self.kind))
            return found(201, {self.kind: self.told(row, ask.caller)})
        made: dict[str, Record] = {}
        try:
            for body in many:
                row = self._put(ask, body)
                made[row['id']] = row
        except wire.Refusal:
            for ident in made:
                del self.store.rows[self.kind][ident]
            raise
        return found(201, {self.plural: [
            self.told(row, ask.caller) for row in made.values()]})

    def _put(self, ask: Ask, body: Record) -> Record:
        given = self.accepted(ask, body, self.writable, 'POST')
        group = self.groups.own(str(given.get('security_group_id')),
                                ask.caller, 'create_rule')
        given.setdefault('ethertype', 'IPv4')
        self._check(given)
        for rule in self.store.of('security_group_rule',
                                  security_group_id=group['id']):
            if all(rule[name] == given.get(name) for name in SAME):
                raise wire.network(
                    409, 'SecurityGroupRuleExists', 'Security group rule '
                    f'already exists. Rule id is {rule["id"]}.')
        self.store.reserve('security_group_rule', group['project_id'])
        return self.groups.put_rule(group, given)

    def _check(self, given: Record) -> None:
        """:raises Refusal: 400, a rule that says nothing sensible."""
        if given.get('direction') not in ('ingress', 'egress'):
            raise wire.network(
                400, 'HTTPBadRequest', 'Invalid input for direction. Reason: '
                f'{given.get("direction")} is not in valid_values.')
        prefix: Any = given.get('remote_ip_prefix')
        if prefix is not None:
            try:
                version = ipaddress.ip_network(prefix).version
            except ValueError:
                raise wire.network(
                    400, 'InvalidCIDR', f'Invalid CIDR {prefix} given as IP '
                    'prefix.') from None
            if given['ethertype'] != f'IPv{version}':
                raise wire.network(
                    400, 'SecurityGroupRuleParameterConflict',
                    f'Conflicting value ethertype {given["ethertype"]} for '
                    f'CIDR {prefix}')
        low, high = given.get('port_range_min'), given.get('port_range_max')
        if (low is not None or high is not None) and given.get(
                'protocol') is None:
            raise wire.network(
                400, 'SecurityGroupProtocolRequiredWithPorts', 'Must also '
                'specify protocol if port range is given.')
        if given.get('protocol') in ('tcp', 'udp') and (
                (low is None) != (high is None)
                or low is not None and low > high):
            raise wire.network(
                400, 'SecurityGroupInvalidPortRange', 'For TCP/UDP '
                'protocols, port_range_min must be <= port_range_max')

    def delete(self, ask: Ask, ident: str) -> Response:
        self.own(ident, ask.caller, 'delete')
        del self.store.rows['security_group_rule'][ident]
        return Response(204)

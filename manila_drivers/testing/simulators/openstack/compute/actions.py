# SPDX-License-Identifier: Apache-2.0

"""``/servers/{id}/action``: power, and security groups."""

from manila_drivers.testing.simulators.openstack import hardware
from manila_drivers.testing.simulators.openstack import schema
from manila_drivers.testing.simulators.openstack import wire
from manila_drivers.testing.simulators.openstack.compute import novastore
from manila_drivers.testing.simulators.openstack.compute.build import Builder
from manila_drivers.testing.simulators.openstack.network.neutron import Neutron
from manila_drivers.testing.simulators.openstack.routing import Routes
from manila_drivers.testing.simulators.openstack.wire import Ask
from manila_drivers.testing.simulators.openstack.wire import Record
from manila_drivers.testing.simulators.web.messages import Response


class ServerActions:
    def __init__(self, store: novastore.ComputeStore, neutron: Neutron,
                 builder: Builder) -> None:
        self.store = store
        self.world = store.world
        self.neutron = neutron
        self.builder = builder

    def routes(self) -> Routes:
        return {'POST /servers/{ident}/action': self.action}

    def action(self, ask: Ask, ident: str) -> Response:
        known = {'reboot': self.reboot, 'os-stop': self.stop,
                 'os-start': self.start, 'pause': self.pause,
                 'unpause': self.unpause,
                 'rescue': self.rescue, 'unrescue': self.unrescue,
                 'addSecurityGroup': self.add_group,
                 'removeSecurityGroup': self.remove_group,
                 'os-resetState': self.reset, 'forceDelete': self.force}
        names = [name for name in ask.body if name in known]
        if len(ask.body) != 1 or not names:
            raise wire.compute(400, 'There is no such action: '
                                    f'{", ".join(ask.body)}')
        server = self.store.server(ident, ask.caller)
        known[names[0]](ask, server)
        return Response(202)

    # Power

    def reboot(self, ask: Ask, server: novastore.Instance) -> None:
        kind = str(ask.inner('reboot').get('type')).upper()
        if kind not in ('SOFT', 'HARD'):
            raise wire.compute(
                400, 'Invalid input for field/attribute type. Value: '
                f"{kind}. '{kind}' is not one of ['HARD', 'Hard', 'hard', "
                "'SOFT', 'Soft', 'soft']")
        states: tuple[str, ...] = ('active',)
        if kind == 'HARD':
            states = ('active', 'stopped', 'paused', 'error')
        if server.machine is None:
            states = ()
        self.store.check(server, 'reboot', *states)
        suffix = '' if kind == 'SOFT' else '_hard'
        line = self.store.begin(server, 'reboot', ask.request_id, ask.caller,
                                'compute_reboot_instance')
        self.store.move(server, task_state=f'rebooting{suffix}')
        server.up = None
        options = self.world.options
        seconds = (options.reboot_hung if kind == 'SOFT'
                   and server.machine.hung else options.reboot)

        def started() -> None:
            if server.task_state == f'rebooting{suffix}':
                self.store.move(server, task_state=f'reboot_started{suffix}')
        self.world.after(seconds / 2, started)
        self.builder.power(server, line, seconds,
                           lambda machine: machine.reboot(), on=True)

    def stop(self, ask: Ask, server: novastore.Instance) -> None:
        self.store.check(server, 'stop', 'active', 'error')
        line = self.store.begin(server, 'stop', ask.request_id, ask.caller,
                                'compute_stop_instance')
        self.store.move(server, task_state='powering-off')
        options = self.world.options
        hung = server.machine is not None and server.machine.hung
        self.builder.power(server, line,
                           options.stop_hung if hung else options.stop,
                           lambda machine: machine.stop(), on=False)

    def start(self, ask: Ask, server: novastore.Instance) -> None:
        self.store.check(server, 'start', 'stopped')
        line = self.store.begin(server, 'start', ask.request_id, ask.caller,
                                'compute_start_instance')
        self.store.move(server, task_state='powering-on')
        self.builder.power(server, line, self.world.options.reboot,
                           lambda machine: machine.start(), on=True)

    def pause(self, ask: Ask, server: novastore.Instance) -> None:
        """Stop its processors; what it has not written is in its memory."""
        self.store.check(server, 'pause', 'active')
        if server.machine is not None:
            server.machine.freeze()
        self.store.move(server, 'paused')

    def unpause(self, ask: Ask, server: novastore.Instance) -> None:
        self.store.check(server, 'unpause', 'paused')
        if server.machine is not None:
            server.machine.unfreeze()
        self.store.move(server, 'active')

    def rescue(self, ask: Ask, server: novastore.Instance) -> None:
        """Boot another system, which has none of the server's volumes.

        It may well have the host keys of its image, and let the same user
        log in.
        """
        self.store.check(server, 'rescue', 'active', 'stopped', 'error')
        line = self.store.begin(server, 'rescue', ask.request_id, ask.caller,
                                'compute_rescue_instance')
        self.store.move(server, task_state='rescuing')

        def booted(machine: hardware.Vm) -> None:
            machine.stop()
            server.asleep = machine
            server.machine = self.builder.make_machine(
                server.name, machine.keys, server.bus)
        server.up = None
        self.builder.power(server, line, self.world.options.reboot, booted,
                           on=True, state='rescued')

    def unrescue(self, ask: Ask, server: novastore.Instance) -> None:
        self.store.check(server, 'unrescue', 'rescued')
        line = self.store.begin(server, 'unrescue', ask.request_id,
                                ask.caller, 'compute_unrescue_instance')
        self.store.move(server, task_state='unrescuing')

        def booted(machine: hardware.Vm) -> None:
            machine.stop()
            server.machine, server.asleep = server.asleep, None
            server.machine.start()
        server.up = None
        self.builder.power(server, line, self.world.options.reboot, booted,
                           on=True)

    def reset(self, ask: Ask, server: novastore.Instance) -> None:
        if not ask.caller.admin:
            raise wire.compute(403, "Policy doesn't allow os_compute_api:"
                               'os-admin-actions:reset_state to be '
                               'performed.')
        body = ask.inner('os-resetState')
        schema.check(ask, {'state': body.get('state')}, {
            'state': schema.one_of('active', 'error')})
        self.store.move(server, str(body['state']))

    def force(self, ask: Ask, server: novastore.Instance) -> None:
        """Delete one that was deleted softly."""
        line = self.store.begin(server, 'delete', ask.request_id, ask.caller)
        self.builder.delete(server, line)

    # Security groups

    def _group(self, ask: Ask, name: str) -> Record:
        """:raises Refusal: 404 unknown, or 409 several of that name."""
        wanted = ask.inner(name).get('name')
        schema.check(ask, {'name': wanted}, {'name': schema.some})
        rows = [row for row in
                self.neutron.store.rows['security_group'].values()
                if row['project_id'] == ask.caller.project_id
                and wanted in (row['id'], row['name'])]
        if not rows:
            raise wire.compute(404, f'Security group {wanted} is not found '
                                    f'for project {ask.caller.project_id}')
        if len(rows) > 1:
            raise wire.compute(409, 'Multiple security groups found '
                               f"matching '{wanted}'. Use an ID to be more "
                               'specific.')
        return rows[0]

    def _ports(self, server: novastore.Instance) -> list[Record]:
        return [port for port in map(self.neutron.store.rows['port'].get,
                                     server.ports) if port is not None]

    def add_group(self, ask: Ask, server: novastore.Instance) -> None:
        group = self._group(ask, 'addSecurityGroup')
        ports = self._ports(server)
        if not all(port['port_security_enabled'] and port['fixed_ips']
                   for port in ports):
            raise wire.compute(400, 'Network requires port_security_enabled '
                               'and subnet associated in order to apply '
                               'security groups.')
        for port in ports:
            if group['id'] not in port['security_groups']:
                port['security_groups'] = [*port['security_groups'],
                                           group['id']]

    def remove_group(self, ask: Ask, server: novastore.Instance) -> None:
        group = self._group(ask, 'removeSecurityGroup')
        ports = [port for port in self._ports(server)
                 if group['id'] in port['security_groups']]
        if not ports:
            raise wire.compute(
                404, f'Security group {group["id"]} not associated with the '
                f'instance {server.id}')
        for port in ports:
            port['security_groups'] = [each for each in
                                       port['security_groups']
                                       if each != group['id']]

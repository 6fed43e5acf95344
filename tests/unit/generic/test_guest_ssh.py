# SPDX-License-Identifier: Apache-2.0

"""The simulated VM behind SSH, and as SSH is inside the process."""

import base64

import pytest

from manila_drivers import exception
from manila_drivers.generic import guest
from manila_drivers.generic import guest_planning
from manila_drivers.testing.simulators import faults
from manila_drivers.testing.simulators import guest as simulated
from manila_drivers.testing.simulators import ssh as ssh_simulator
from manila_drivers.testing.simulators.guest import runner
from manila_drivers.transport import command
from manila_drivers.transport import ssh
from tests.unit.generic import guest_world


def test_a_share_over_ssh(tmp_path):
    house = guest_world.House()
    house.volume(1)
    server = ssh_simulator.SshServer({'127.0.0.1': runner.host(house.vm)})
    hosts = ssh.Hosts()
    with server:
        known = tmp_path / 'known_hosts'
        server.write_known_hosts(known)
        there = guest.Guest(hosts.host(ssh.Target(
            '127.0.0.1', ssh.Login(
                server.user, password=command.Secret(server.password)),
            ssh.KnownHosts((str(known),)), port=server.port)))
        assert there.reachable()
        served = house.served(1)
        facts = there.look([served.disk], wait=30)
        there.run(guest_planning.serve(facts, served, fresh=True))
        assert there.look([served.disk]).serves(served)
        house.vm.faults.arm(faults.Fault('reset_after', nth=1,
                                         match='^command umount'))
        with pytest.raises(exception.OutcomeUnknown):
            there.run(guest_planning.release(there.look([served.disk]),
                                             served))
        there.run(guest_planning.release(there.look([served.disk]), served))
        hosts.close()
    assert house.devices[1].content.clean


class Trust:
    """Remembers whose key it was shown."""

    def __init__(self, blob=None):
        self.blob, self.shown = blob, []

    def types(self, host, port):
        return []

    def verify(self, host, port, kind, blob):
        self.shown.append((host, port, kind, blob))
        if self.blob not in (None, blob):
            raise exception.NotTrusted('another key')


def _target(trust, **login):
    return ssh.Target('10.254.0.5', ssh.Login('manila', **login), trust)


def test_keys_are_shown_once():
    vm, trust = simulated.Machine('vm', password='secret'), Trust()  # noqa: S106
    host = vm.runner(_target(trust, password=command.Secret('secret')))
    for _ in range(2):
        host.run(command.Command.of('true'))
    (where, port, kind, blob), = trust.shown
    assert (where, port, kind) == ('10.254.0.5', 22, 'ssh-ed25519')
    assert base64.b64encode(blob).startswith(b'AAAAC3NzaC1lZDI1NTE5AAAAI')
    again = simulated.Machine('vm', password='secret', seed=1)  # noqa: S106
    host = again.runner(_target(Trust(blob),
                                password=command.Secret('secret')))
    with pytest.raises(exception.NotTrusted):
        host.run(command.Command.of('true'))


def test_who_is_let_in(tmp_path):
    key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample'
    (tmp_path / 'id').write_text('private')
    (tmp_path / 'id.pub').write_text(key + ' a remark\n')
    vm = simulated.Machine('vm', keys=[key])
    vm.runner(_target(Trust(), key_file=str(tmp_path / 'id'))).run(
        command.Command.of('true'))
    (tmp_path / 'id.pub').write_text(key + 'x\n')
    for target in (_target(Trust(), key_file=str(tmp_path / 'id')),
                   _target(Trust(), password=command.Secret('guessed'))):
        with pytest.raises(exception.AccessDenied):
            vm.runner(target).run(command.Command.of('true'))


@pytest.mark.parametrize(('how', 'kind'), [
    ('stop', exception.Unreachable), ('freeze', exception.Unreachable)])
def test_who_does_not_answer(how, kind):
    clock = guest_world.Clock()
    vm = simulated.Machine('vm', clock=clock, sleep=clock.sleep)
    there = guest.Guest(vm.runner())
    getattr(vm, how)()
    begun = clock()
    assert not there.reachable(timeout=20.0)
    assert clock() - begun <= 20
    with pytest.raises(kind):
        there.look()
    vm.start()
    vm.unfreeze()
    assert there.reachable()


def test_a_hung_system_does_not_let_go_of_its_disks():
    house = guest_world.House()
    served = house.made(1)
    house.vm.freeze()
    assert not house.vm.unplug(served.disk.volume_id)
    house.vm.stop()
    assert house.vm.unplug(served.disk.volume_id)


def test_without_root_a_program_changes_nothing():
    vm = simulated.Machine('vm')
    with pytest.raises(exception.BackendError, match='umount'):
        vm.runner().run(command.Command.of('umount', '/shares/x'))

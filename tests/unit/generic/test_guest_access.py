# SPDX-License-Identifier: Apache-2.0

"""At no moment does anybody reach more of a share than rules give.

Effective access is asked of the simulated VM after every program; clients
stay connected through all changes.
"""

import functools

import hypothesis
from hypothesis import strategies as st
import pytest

from manila_drivers import exception
from manila_drivers import networks
from manila_drivers.generic import guest_access
from manila_drivers.generic import guest_planning
from manila_drivers.nas import samba
from manila_drivers.nas import samba_plan
from manila_drivers.testing.simulators.guest import disk
from tests.unit.generic import guest_world
from tests.unit.nas import world

RANK = guest_world.RANK
# What may change who reaches something.
_CHANGE = frozenset({'exportfs', 'net', 'smbcontrol', 'umount', 'mount'})
#: Addresses that networks of the world end between.
CLIENTS = (*world.CLIENTS[:4], *world.CLIENTS[8:10], world.CLIENTS[-2],
           world.CLIENTS[-1])
_SLOW = [hypothesis.HealthCheck.too_slow,
         hypothesis.HealthCheck.filter_too_much]

USERS = st.dictionaries(st.sampled_from(('alice', 'bob')),
                        st.sampled_from(('rw', 'ro')))


class Watch:
    """Notes the most that anybody had at any moment."""

    def __init__(self, house, given):
        self._house, self._given = house, given
        self.most = given()
        house.vm.programs.observer = self.look

    def look(self):
        if self._house.vm.ran[-1][0] not in _CHANGE:
            return
        for who, level in self._given().items():
            if RANK[level] > RANK[self.most[who]]:
                self.most[who] = level

    def excess(self, before, after):
        self._house.vm.programs.observer = lambda: None
        return {who: level for who, level in self.most.items()
                if RANK[level] > max(RANK[before[who]], RANK[after[who]])}


def _nfs(house, served):
    return lambda: {client: house.vm.reaches('NFS', served.path, client)
                    for client in world.CLIENTS}


def _cifs(house, served):
    return lambda: {(client, user): house.vm.reaches(
        'CIFS', served.name, client, user)
        for client in CLIENTS for user in (None, 'alice', 'bob')}


def _cifs_meant(share):
    let_in = {}
    if share.networks is not None:
        let_in = dict.fromkeys(samba.admitted(share.networks).networks, 'rw')

    def level(client, user):
        if share.networks is not None:
            return networks.level_for(let_in, client)
        return share.users.get(user)

    return {(client, user): level(client, user) for client in CLIENTS
            for user in (None, 'alice', 'bob')}


@hypothesis.settings(max_examples=25, deadline=None,
                     suppress_health_check=_SLOW)
@hypothesis.given(st.lists(st.tuples(
    world.LEVELS, st.integers(0, 12), st.booleans()), max_size=4))
def test_histories_of_nfs(history):
    house = guest_world.House()
    served = house.made(1)
    given = _nfs(house, served)
    for wanted, cut, boots in history:
        before, after = given(), world.meant(wanted)
        watch = Watch(house, given)
        if cut:
            house.cut(cut)
            exception.caught(functools.partial(house.export, served, wanted))
            house.vm.faults.disarm()
        if boots:
            house.reboot(orderly=False)
        house.export(served, wanted)
        assert not watch.excess(before, after)
        assert given() == after
        house.reboot(orderly=False)
        assert given() == after


SHARES = st.one_of(
    world.LEVELS.map(lambda levels: {'networks': levels}),
    USERS.map(lambda users: {'users': users}))


@hypothesis.settings(max_examples=40, deadline=None,
                     suppress_health_check=_SLOW)
@hypothesis.given(st.lists(st.tuples(
    SHARES, st.integers(0, 6), st.booleans(),
    st.lists(st.tuples(st.sampled_from(CLIENTS),
                       st.sampled_from((None, 'alice', 'bob'))),
             max_size=4)), max_size=5))
def test_histories_of_samba(history):
    """Clients stay connected, and keep what they had until told."""
    _history_of_samba(history)


def _history_of_samba(history):
    house = guest_world.House()
    served = house.made(1)
    given = _cifs(house, served)
    for parts, cut, boots, clients in history:
        share = guest_world.share(served, **parts)
        before, after = given(), _cifs_meant(share)
        watch = Watch(house, given)
        if cut:
            house.cut(cut)
            exception.caught(functools.partial(
                house.share, served, **parts))
            house.vm.faults.disarm()
        if boots:
            house.reboot(orderly=False)
        house.guest.share(house.look(), share)
        assert not watch.excess(before, after)
        assert given() == after
        for client, user in clients:
            house.vm.connect('CIFS', served.name, client, user)
        assert given() == after


def _broken(monkeypatch, how):
    """Planners with one fault each."""
    plan = samba_plan.plan

    def without(word):
        return lambda facts, wanted: [
            cmd for cmd in plan(facts, wanted) if word not in str(cmd)]

    def closing_some(facts, wanted):
        return [samba_plan.closed(wanted.name, full=False)
                if 'manila-smb-close' in str(cmd) else cmd
                for cmd in plan(facts, wanted)]

    if how == 'open to IPv6':
        wanted_before = samba.wanted
        monkeypatch.setattr(samba, 'wanted', lambda share: {
            key: '0.0.0.0/0' if value == 'ALL' else value
            for key, value in wanted_before(share).items()})
    elif how == 'nobody is everybody':
        wanted_before = samba.wanted
        monkeypatch.setattr(samba, 'wanted', lambda share: {
            key: value for key, value in wanted_before(share).items()
            if value != '-' and (share.networks is not None
                                 or key != 'hosts deny')})
    else:
        monkeypatch.setattr(samba_plan, 'plan', {
            'nobody is disconnected': without('manila-smb-close'),
            'only who is denied': closing_some,
            'no mark': lambda facts, wanted: [
                samba_plan._imported(wanted.name, samba.wanted(wanted)),
                samba_plan.closed(wanted.name),
                samba_plan.asked(wanted.name)] if samba_plan.doubtful(
                    facts, wanted) else []}[how])


_ONE = [('10.0.0.1', 'alice'), ('10.0.0.1', None)]
_LESS = [({'users': {'alice': 'rw'}}, 0, False, _ONE),
         ({'users': {'alice': 'ro'}}, 0, False, []),
         ({'users': {}}, 0, False, [])]


@pytest.mark.parametrize(('how', 'history'), [
    ('open to IPv6', [({'networks': guest_world.nets('10.0.0.1')}, 0, False,
                       [])]),
    ('nobody is everybody', [({'users': {}}, 0, False, [])]),
    ('nobody is disconnected', _LESS), ('only who is denied', _LESS),
    # The connection ends behind the import.
    ('no mark', [_LESS[0], ({'users': {'alice': 'ro'}}, 1, False, [])])])
def test_broken_planners_are_caught(monkeypatch, how, history):
    _history_of_samba(history)
    _broken(monkeypatch, how)
    with pytest.raises((AssertionError, exception.BackendError)):
        _history_of_samba(history)


def test_without_mp_the_vms_own_disk_would_be_exported(monkeypatch):
    monkeypatch.setattr(guest_access, 'mounted_only', lambda export: export)
    house = guest_world.House()
    served = house.made(1)
    house.export(served, guest_world.nets('0.0.0.0/0'))
    house.vm.unplug(served.disk.volume_id)
    house.reboot()
    assert house.nfs(served)['10.0.0.1'] == 'rw'


# What Manila's own driver has left

def _upstream(house, number=1):
    """A share as it leaves it: any UUID, lines everywhere, CIFS open."""
    content = disk.FileSystem('ext4', guest_world.ident('random'), disk.GIB)
    house.volume(number, content=content)
    house.clock.sleep(10)
    served = house.served(number)
    name = house.vm.system.disks.of(served.disk.volume_id).path
    run = house.vm.execute
    run(('mkdir', '-p', served.path))
    run(('mount', name, served.path))
    house.vm.system.tree.text['/etc/fstab'] += (
        f'UUID={content.uuid} {served.path} ext4 rw,relatime 0 0\n')
    for client in '10.0.0.1', '10.0.0.10':
        run(('exportfs', '-o', 'rw,no_subtree_check,no_root_squash',
             f'{client}:{served.path}'))
    house.vm.system.tree.text['/etc/exports'] = run(
        ('cat', '/var/lib/nfs/etab')).stdout
    run(('net', 'conf', 'addshare', served.name, served.path, 'writeable=y',
         'guest_ok=y'))
    for key, value in (
            ('browseable', 'yes'), ('create mask', '0755'),
            ('hosts deny', '0.0.0.0/0'), ('hosts allow', '10.0.0.1'),
            ('read only', 'no')):
        run(('net', 'conf', 'setparm', served.name, key, value))
    house.vm.system.tree.kept()
    return served


def test_a_share_of_upstreams_driver_is_taken_over():
    house = guest_world.House()
    served = _upstream(house)
    assert house.cifs(served)['2001:db8::1', None] == 'rw'
    wanted = guest_world.nets('10.0.0.1', '192.0.2.0/24')
    house.do(guest_planning.serve, served)
    before = _nfs(house, served)()
    watch = Watch(house, _nfs(house, served))
    house.export(served, wanted)
    assert not watch.excess(before, world.meant(wanted))
    house.share(served, networks=wanted)
    assert house.cifs(served)['2001:db8::1', None] is None
    assert house.cifs(served)['10.0.0.1', None] == 'rw'
    for _ in range(2):
        assert {client for client, level in house.nfs(served).items()
                if level} == {'10.0.0.1', '192.0.2.7'}
        house.reboot()
    assert house.vm.system.tree.text['/etc/exports'].strip() == ''


def test_another_share_of_upstreams_keeps_its_lines():
    house = guest_world.House()
    served, other = _upstream(house, 1), _upstream(house, 2)
    house.export(served, {})
    house.do(guest_planning.release, served)
    house.reboot()
    assert house.nfs(other)['10.0.0.1'] == 'rw'
    assert set(house.nfs(served).values()) == {None}


_CONTINUED = (
    '{}\t10.0.0.1(rw) \\\n\t10.0.0.10(rw,no_root_squash) \\\n  *(ro)\n',
    '{}\\\n 10.0.0.1(rw)\n', '  \\\n{} 10.0.0.1(rw)\n',
    '"{}" 10.0.0.1(rw)\\\n\n', '{} 10.0.0.1(rw) \\', '{} 10.0.0.1(rw)')


@pytest.mark.parametrize('line', _CONTINUED)
def test_a_line_that_goes_on_is_taken_over_whole(line):
    house = guest_world.House()
    served, other = house.made(1), house.made(2)
    kept = ('# a remark that goes on \\\n' + served.path + ' *(rw)\n'
            + _CONTINUED[0].format(other.path))
    files = house.vm.system.tree.text
    files['/etc/exports'] = kept + line.format(served.path)
    house.vm.execute(('exportfs', '-r'))
    assert house.nfs(served)['10.0.0.1'] == 'rw'
    others = house.nfs(other)
    assert others['10.0.0.10'] == 'rw' and others['192.0.2.7'] == 'ro'
    house.export(served, guest_world.nets('192.0.2.7'))
    assert files['/etc/exports'] == kept
    for _ in range(2):
        assert {client for client, level in house.nfs(served).items()
                if level} == {'192.0.2.7'}
        assert house.nfs(other) == others
        house.reboot()


def test_a_share_of_upstreams_that_is_shrunk_before_it_is_taken_over():
    house = guest_world.House()
    served = _upstream(house)
    house.devices[1].content.size = disk.GIB
    house.devices[1].resize(4)
    house.vm.resized(served.disk.volume_id)
    house.do(guest_planning.grow, served, 4)
    house.vm.connect('CIFS', served.name, '10.0.0.1')
    house.do(guest_planning.shrink, served, 2)
    assert house.nfs(served)['10.0.0.1'] == 'rw'
    assert house.nfs(served)['10.0.1.1'] is None
    assert house.cifs(served)['10.0.0.1', None] == 'rw'


def test_numbers_that_clients_know_are_kept():
    house = guest_world.House()
    served = house.made(1)
    house.export(served, guest_world.nets('10.0.0.1'))
    assert guest_world.fsid(house, served) == served.ident
    house.export(served, guest_world.nets('10.0.0.0/8'))
    options = {option for entry in house.vm.system.nfs.entries
               for option in entry.options}
    assert {f'fsid={served.ident}', 'mountpoint', 'no_root_squash',
            'sync'} <= options


def test_two_hundred_rules_take_two_execs():
    house = guest_world.House()
    served = house.made(1)
    wanted = guest_world.nets(*(f'10.1.{number}.1' for number in range(200)))
    execs = house.vm.execs
    house.export(served, wanted)
    assert house.vm.execs == execs + 2
    house.share(served, networks=wanted)
    assert house.vm.execs == execs + 4


def test_without_samba_nfs_is_served():
    house = guest_world.House()
    house.vm.system.smb.installed = False
    served = house.made(1)
    house.export(served, guest_world.nets('10.0.0.1'))
    assert house.nfs(served)['10.0.0.1'] == 'rw'
    with pytest.raises(exception.BackendError, match='Samba'):
        house.share(served, networks={})
    house.do(guest_planning.release, served)
    assert house.look().mount(served.path) is None


def test_smbd_that_does_not_run_has_no_clients():
    house = guest_world.House()
    served = house.made(1)
    house.share(served, users={'alice': 'rw'})
    house.vm.system.smb.running = False
    house.share(served, users={'alice': 'ro'})
    house.vm.system.smb.running = True
    assert house.cifs(served, 'alice')['10.0.0.1', 'alice'] == 'ro'


def test_a_setting_that_is_not_kept_is_noticed():
    house = guest_world.House()
    served = house.made(1)
    house.vm.system.smb._save = lambda name, section: None
    with pytest.raises(exception.BackendError):
        house.share(served, networks={})

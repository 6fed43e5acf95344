# SPDX-License-Identifier: Apache-2.0

"""Shares of a real smbd, real clients, and the simulated one beside it."""

import ipaddress

import pytest

from manila_drivers.nas import samba
from manila_drivers.nas import samba_plan
from manila_drivers.nas import samba_text
from manila_drivers.testing.simulators import guest as simulated
from manila_drivers.transport import script
from tests.functional.lab import box
from tests.functional.lab import need
from tests.functional.lab import network
from tests.functional.nas import runner
from tests.functional.nas import smbd

pytestmark = pytest.mark.timeout(900)

USERS = ('alice', 'bob smith')
PATH = '/srv/share-1'
CLIENTS = ('one', 'two')


class SambaSite:
    """A server, two clients that know two users, and a simulated server."""

    def __init__(self):
        self.room = box.Box('samba')
        self.net = network.Network(self.room, '2001:db8:8')
        self.smbd = smbd.Smbd(self.net.host('server'), USERS)
        self.smbd.start()
        self.smbd.share(PATH)
        self.runner = runner.BoxRunner(self.smbd.box)
        self.hosts = {name: self.net.host(name) for name in CLIENTS}
        self.vm = simulated.Machine('simulated')
        self.vm.execute(('mkdir', '-p', PATH))

    def facts(self, where):
        commands = samba.questions()
        return samba.understand(str(where), script.run(where, commands))

    def set(self, **parts):
        """Have a share be something, on both servers."""
        share = samba.SambaShare('share-1', PATH, **parts)
        for where in self.runner, self.vm.runner():
            results = script.run(where, samba_plan.plan(
                self.facts(where), share))
            if results:
                assert samba_plan.undone(results[-1].stdout, share) == ''
            assert not samba_plan.doubtful(self.facts(where), share)
            assert samba_plan.plan(self.facts(where), share) == []

    def client(self, name, *, ipv6=False, user=None):
        server = (self.net.ipv6 if ipv6 else self.net.ipv4)('server')
        return smbd.SmbUser(self.hosts[name], server, user)

    def gets(self, *users):
        """Return who may write and who read; both servers agree on it."""
        found, simulated_found = {}, {}
        for name in CLIENTS:
            for ipv6 in False, True:
                for user in users or (None,):
                    key = name, 6 if ipv6 else 4, user
                    found[key] = self.client(name, ipv6=ipv6,
                                             user=user).gets('share-1')
                    address = (self.net.ipv6 if ipv6
                               else self.net.ipv4)(name)
                    simulated_found[key] = self.vm.reaches(
                        'CIFS', 'share-1', address, user)
        assert simulated_found == found
        return {key for key, level in found.items() if level == 'rw'}, {
            key for key, level in found.items() if level == 'ro'}

    def both(self, *words, stdin=''):
        """Run a command on both servers; it has to end in the same way."""
        real = self.smbd.box.run(*words, stdin=stdin, check=False)
        told = self.vm.execute(words, stdin)
        assert (told.status, told.stdout) == (real.returncode, real.stdout)
        return real


@pytest.fixture(scope='module')
def site():
    need.programs(*need.BOXES, 'smbd', 'smbclient', 'smbcontrol')
    made = SambaSite()
    yield made
    made.room.close()


def nets(*texts, level='rw'):
    return {ipaddress.ip_network(text): level for text in texts}


def test_addresses(site):
    one4, one6 = site.net.ipv4('one'), site.net.ipv6('one')
    two4 = site.net.ipv4('two')
    site.set(networks={})
    assert site.gets() == (set(), set())
    site.set(networks=nets(one4))
    assert site.gets() == ({('one', 4, None)}, set())
    site.set(networks=nets(one6, two4))
    assert site.gets() == ({('one', 6, None), ('two', 4, None)}, set())
    site.set(networks=nets('192.0.2.0/24'))
    assert site.gets() == ({('one', 4, None), ('two', 4, None)}, set())
    site.set(networks=nets('2001:db8:8::/64'))
    assert site.gets() == ({('one', 6, None), ('two', 6, None)}, set())
    # Whoever may only read gets nothing, not even by a wider rule.
    site.set(networks={**nets('0.0.0.0/0', '::/0'), **nets(one4,
                                                           level='ro')})
    assert site.gets() == ({('one', 6, None), ('two', 4, None),
                            ('two', 6, None)}, set())
    site.set(networks={})
    assert site.gets() == (set(), set())


def test_users(site):
    everywhere = [(name, version) for name in CLIENTS for version in (4, 6)]

    def of(*users):
        return {(*where, user) for where in everywhere for user in users}

    known = (*USERS, None)
    site.set(users={})
    assert site.gets(*known) == (set(), set())
    site.set(users={'alice': 'rw', 'bob smith': 'ro'})
    assert site.gets(*known) == (of('alice'), of('bob smith'))
    site.set(users={'bob smith': 'rw'})
    assert site.gets(*known) == (of('bob smith'), set())
    site.set(users={'alice': 'ro', 'nobody else': 'rw'})
    assert site.gets(*known) == (set(), of('alice'))
    site.set(users={})
    assert site.gets(*known) == (set(), set())


def test_who_is_turned_out_is_disconnected(site):
    one4, two4 = site.net.ipv4('one'), site.net.ipv4('two')
    site.set(networks=nets(one4, two4))
    one = site.client('one').connected('share-1')
    two = site.client('two').connected('share-1')
    # More for others is no matter.
    site.set(networks=nets(one4, two4, '198.51.100.1'))
    assert one.works()
    assert two.works()
    site.set(networks=nets(two4))
    assert not one.works()
    assert two.works()
    site.set(networks={})
    assert not two.works()
    for each in one, two:
        each.close()


def test_who_may_no_longer_write_is_disconnected(site):
    site.set(users={'alice': 'rw', 'bob smith': 'rw'})
    alice = site.client('one', user='alice').connected('share-1')
    bob = site.client('two', user='bob smith').connected('share-1')
    site.set(users={'alice': 'rw'})
    assert alice.works()
    assert not bob.works()
    site.set(users={'alice': 'ro'})
    assert not alice.works()
    for each in alice, bob:
        each.close()


def test_without_the_close_a_client_keeps_what_it_had(site):
    """So the simulated one has it, and so the test above says something."""
    site.set(users={'alice': 'rw'})
    alice = site.client('one', user='alice').connected('share-1')
    wanted = samba.SambaShare('share-1', PATH, users={'alice': 'ro'})
    commands = [each for each in samba_plan.plan(
        site.facts(site.runner), wanted) if 'manila-smb-close' not in str(
            each)]
    script.run(site.runner, commands)
    assert alice.works()
    # Samba only looks whether somebody gets in at all.
    script.run(site.runner, [samba_plan.closed('share-1', full=False)])
    assert alice.works()
    script.run(site.runner, [samba_plan.closed('share-1')])
    assert not alice.works()
    alice.close()


def test_a_pause(site):
    one4 = site.net.ipv4('one')
    site.set(networks=nets(one4))
    one = site.client('one').connected('share-1')
    for where in site.runner, site.vm.runner():
        script.run(where, samba_plan.suspended(site.facts(where),
                                               'share-1'))
    assert not one.works()
    assert site.gets() == (set(), set())
    for where in site.runner, site.vm.runner():
        script.run(where, samba_plan.resumed(site.facts(where), 'share-1'))
    assert site.gets() == ({('one', 4, None)}, set())
    site.set(networks=nets(one4))
    one.close()


def test_the_end(site):
    site.set(networks=nets('192.0.2.0/24'))
    one = site.client('one').connected('share-1')
    for where in site.runner, site.vm.runner():
        for _ in range(2):
            script.run(where, samba_plan.removed(site.facts(where),
                                                 'share-1'))
    assert not one.works()
    assert site.gets() == (set(), set())
    one.close()


def test_what_upstreams_driver_leaves_lets_in_ipv6(site):
    site.both('net', 'conf', 'addshare', 'share-1', PATH, 'writeable=y',
              'guest_ok=y')
    for key, value in (('browseable', 'yes'), ('create mask', '0755'),
                       ('hosts deny', '0.0.0.0/0'),
                       ('hosts allow', '127.0.0.1'), ('read only', 'no')):
        site.both('net', 'conf', 'setparm', 'share-1', key, value)
    assert site.gets() == ({('one', 6, None), ('two', 6, None)}, set())
    site.set(networks={})
    assert site.gets() == (set(), set())


def test_net_conf(site):
    for words in (
            ('list',), ('listshares',), ('showshare', 'share-2'),
            ('delshare', 'share-2'), ('getparm', 'share-2', 'path'),
            ('setparm', 'share-3', 'path', '/srv'),
            ('setparm', 'SHARE-3', 'Allow Hosts', '10.0.0.1 10.0.0.2'),
            ('setparm', 'share-3', 'writable', 'yes'),
            ('setparm', 'share-3', 'nonsense', 'x'),
            ('setparm', 'share-3', 'path'),
            ('getparm', 'share-3', 'path'),
            ('getparm', 'share-3', 'comment'), ('showshare', 'share-3'),
            ('delparm', 'share-3', 'hosts allow'),
            ('delparm', 'share-3', 'hosts allow'),
            ('delparm', 'share-2', 'path'), ('addshare', 'share-3', '/srv'),
            ('addshare', 'share-4', '/surely/not'), ('list',),
            ('delshare', 'Share-3'), ('delshare', 'share-4'),
            ('listshares',)):
        site.both('net', 'conf', *words)


@pytest.mark.parametrize(('text', 'section'), [
    ('', 'share-5'), ('[share-5]\n\tbogus = 1\n', 'share-5'),
    ('[share-5]\n\tpath = /srv\n', 'share-6'),
    ('[share-5]\n\tpath = /srv\n\tvalid users = "a b" "D\\c"\n', 'share-5'),
    ('[share-5]\n\tpath = /srv\n\tguest ok = Yes\n', 'SHARE-5')])
def test_import(site, text, section):
    site.both('net', 'conf', 'import', '/dev/stdin', section, stdin=text)
    site.both('net', 'conf', 'list')


def test_what_smb_conf_comes_to(site):
    """Its own sections, and its say in those of the registry, are told."""
    text = site.smbd.box.run('cat', smbd.FILE).stdout
    site.set(networks=nets('192.0.2.0/24'))
    file, smb = {'Filed': {'path': PATH, 'guest ok': 'yes'},
                 'SHARE-1': {'invalid users': '"alice b" eve'}}, \
        site.vm.system.smb

    def told(name):
        found = [samba.in_force(str(where), script.run(
            where, samba.in_force_questions()))
            for where in (site.runner, site.vm.runner())]
        assert found[0].registry == found[1].registry
        kept = site.facts(site.runner).section(name) or {}
        says = {one.overrides(name, kept) for one in found}
        assert len(says) == 1, says
        return says.pop()

    try:
        assert told('share-1') == ''
        smb.file = file
        site.smbd.box.write(smbd.FILE, text + ''.join(
            samba_text.write(*one) for one in file.items()))
        assert told('share-1') == (
            'available = no, not None; '
            'invalid users = "alice b" eve, not None')
        assert site.gets() == (set(), set())
        assert told('filed') == (
            f'guest ok = yes, not no; path = {PATH}, not None')
        smb.includes = False
        site.smbd.box.write(smbd.FILE, text.replace(
            'include = registry', ''))
        assert told('share-1') == 'Samba does not read its registry'
    finally:
        site.smbd.box.write(smbd.FILE, text)
        smb.file, smb.includes = {}, True


def test_without_smbd_nobody_is_connected(site):
    site.set(networks=nets('192.0.2.0/24'))
    site.smbd.stop()
    site.vm.system.smb.running = False
    site.set(networks={})
    site.smbd.start()
    site.vm.system.smb.running = True
    assert site.gets() == (set(), set())

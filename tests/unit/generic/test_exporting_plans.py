# SPDX-License-Identifier: Apache-2.0

"""Tables of who reaches a share, who shall, and what is done about it."""

import dataclasses
import ipaddress

import pytest

from manila_drivers import access
from manila_drivers import plan
from manila_drivers.generic import exporting
from manila_drivers.generic import notes
from manila_drivers.generic import opts
from manila_drivers.nas import exports
from manila_drivers.nas import kernel
from manila_drivers.nas import samba
from tests.unit.generic import test_assessment as guests

ID, PATH, PLACE = guests.ID, guests.PATH, guests.PLACE
HOST, CIFS, entry = guests.facts.HOST, guests.CIFS, guests.entry
SECTION = PLACE.section
but = dataclasses.replace
Clients = exporting.Clients


def levels(*given):
    """Levels from texts such as ``ro 10.0.0.1``; other names are users."""
    found = {}
    for each in given:
        level, client = each.split()
        found[ipaddress.ip_network(client) if client[0].isdigit()
              else client] = level
    return found


def nfs(*given, **parts):
    return Clients(opts.NFS, levels(*given), **parts)


def by_ip(*given, **parts):
    return Clients(opts.CIFS_IP, levels(*given), **parts)


def by_user(*given, **parts):
    return Clients(opts.CIFS_USER, levels(*given), **parts)


def exported(*given, kept=None, mounted=(guests.MOUNT,)):
    """An instance that exports a share to some clients, also for ever."""
    live = []
    for each in given:
        level, client = each.split()
        live.append(entry(PATH, client, level))
    later = [f' {each.split()[1]}(mp,{each.split()[0]},no_root_squash,'
             f'fsid={ID})' for each in (given if kept is None else kept)]
    found = guests.guest(*mounted, live=live)
    return but(found, exported=but(found.nfs, files={
        f'{SECTION}.exports': PATH + ''.join(later)} if later else {}))


def shared(share=None, **more):
    """An instance that shares it with Samba."""
    sections = {} if share is None else {
        SECTION: {**samba.wanted(share), **more}}
    return guests.guest(guests.MOUNT, sections=sections)


def ip_share(*given):
    return samba.SambaShare(SECTION, PATH, networks=levels(*given))


def user_share(*given):
    return samba.SambaShare(SECTION, PATH, users=levels(*given))


# -- what an instance shows --------------------------------------------------

@pytest.mark.parametrize(('found', 'helper', 'seen'), [
    (exported(), opts.NFS, {}),
    (exported('rw 10.0.0.1', 'ro 10.1.0.0/16'), opts.NFS,
     levels('rw 10.0.0.1', 'ro 10.1.0.0/16')),
    # A restart would let in others, or fewer.
    (exported('rw 10.0.0.1', kept=()), opts.NFS, None),
    (exported('rw 10.0.0.1', kept=['rw 10.0.0.1', 'rw 10.0.0.2']), opts.NFS,
     None),
    (exported('rw host.example'), opts.NFS, None),
    (shared(), opts.CIFS_IP, {}), (shared(), opts.CIFS_USER, {}),
    (shared(ip_share()), opts.CIFS_IP, {}),
    (shared(ip_share('rw 10.0.0.1')), opts.CIFS_IP, levels('rw 10.0.0.1')),
    (shared(user_share('rw alice', 'ro bob')), opts.CIFS_USER,
     levels('rw alice', 'ro bob')),
    # It is what the other helper has made.
    (shared(ip_share('rw 10.0.0.1')), opts.CIFS_USER, None),
    (shared(user_share('rw alice')), opts.CIFS_IP, None),
    (shared(ip_share('rw 10.0.0.1'), path='/x'), opts.CIFS_IP, None),
    (shared(ip_share('rw 10.0.0.1'), available='no'), opts.CIFS_IP, None)])
def test_who_reaches_a_share(found, helper, seen):
    place = PLACE if helper == opts.NFS else CIFS
    assert exporting.seen(found, place, helper) == seen


@pytest.mark.parametrize(('clients', 'found'), [
    (nfs('rw 10.0.0.1', 'ro 10.1.0.0/16'),
     exported('rw 10.0.0.1', 'ro 10.1.0.0/16')),
    (nfs(), exported()),
    # Of two that overlap an instance shows them apart.
    (nfs('rw 10.0.0.0/31', 'ro 10.0.0.1'),
     exported('ro 10.0.0.1', 'rw 10.0.0.0/31')),
    (by_ip('rw 10.0.0.1'), shared(ip_share('rw 10.0.0.1'))),
    (by_ip('rw 10.0.0.0/30', 'ro 10.0.0.1'),
     shared(ip_share('rw 10.0.0.0', 'rw 10.0.0.2/31'))),
    (by_ip('ro 10.0.0.1'), shared(ip_share())),
    (by_user('rw alice', 'ro bob'),
     shared(user_share('rw alice', 'ro bob')))])
def test_what_was_carried_out_is_recognised(clients, found):
    place = PLACE if clients.helper == opts.NFS else CIFS
    assert clients.digest() == notes.digest(
        exporting.seen(found, place, clients.helper))


def test_others_are_not_recognised():
    texts = [clients.digest() for clients in (
        nfs(), nfs('rw 10.0.0.1'), nfs('ro 10.0.0.1'), nfs('rw 10.0.0.2'),
        by_user('rw alice'), by_user('ro alice'), by_ip('rw 10.0.0.3'))]
    assert len(set(texts)) == len(texts)
    assert by_ip('ro 10.0.0.1').digest() == by_ip().digest()


# -- what can be said --------------------------------------------------------

def rule(ident, to, level='rw', kind='ip'):
    return access.Rule(ident, kind, to, level)


def test_the_rule_of_a_network_is_known():
    found = exporting.wanted([rule('a', '10.0.0.1'),
                              rule('b', '10.1.0.0/16', 'ro')], opts.NFS)
    assert found == nfs('rw 10.0.0.1', 'ro 10.1.0.0/16', source={
        ipaddress.ip_network('10.0.0.1'): 'a',
        ipaddress.ip_network('10.1.0.0/16'): 'b'})


def test_samba_has_no_readers_by_address():
    found = exporting.wanted([rule('a', '10.0.0.1'),
                              rule('b', '10.0.0.2', 'ro')], opts.CIFS_IP)
    assert (found.helper, found.levels) == (opts.CIFS_IP,
                                            levels('rw 10.0.0.1',
                                                   'ro 10.0.0.2'))
    assert found.errors == {'b': samba.READ_ONLY}


def test_users_are_those_of_rules():
    found = exporting.wanted([rule('a', 'alice', 'ro', 'user'),
                              rule('b', '10.0.0.2')], opts.CIFS_USER)
    assert found == by_user('ro alice', errors=found.errors)
    assert list(found.errors) == ['b']


@pytest.mark.parametrize('clients', [
    by_ip('rw 10.0.0.1', errors={'x': 'y'}), by_user('rw alice'),
    nfs('rw 10.0.0.1', errors={'x': 'y'}), nfs()])
def test_what_can_be_said_stays(clients):
    found = exported('ro 10.9.9.9')
    assert exporting.servable(clients, found, PLACE) == clients


@pytest.mark.parametrize(('now', 'kept'), [
    ([], None), (['rw 10.250.0.1', 'rw 10.9.9.9'], 'rw')])
def test_nobody_writes_who_may_only_read(monkeypatch, now, kept):
    """A rule is refused of which the backend cannot say everything."""
    monkeypatch.setattr(kernel, '_EXTRA', 1)
    given = levels('rw 10.0.0.0/8', 'rw 192.0.2.1', 'ro 10.1.1.0/24',
                   'ro 10.1.3.0/24')
    clients = Clients(opts.NFS, given, {'x': 'y'}, {
        network: f'rule of {network}' for network in given})
    left = exporting.servable(clients, exported(*now), PLACE)
    assert set(left.errors) == {'x', 'rule of 10.0.0.0/8'}
    assert left.errors['x'] == 'y'
    assert left == but(clients, levels=left.levels, errors=left.errors)
    assert 'kept apart' in left.errors['rule of 10.0.0.0/8']
    network = ipaddress.ip_network
    assert network('10.0.0.0/8') not in left.levels
    assert left.levels[network('192.0.2.1')] == 'rw'
    assert left.levels[network('10.1.1.0/24')] == 'ro'
    assert left.levels.get(network('10.1.1.1')) != 'rw'
    assert left.levels.get(network('10.250.0.1')) == kept


# -- no more than now --------------------------------------------------------

@pytest.mark.parametrize(('clients', 'found', 'left', 'withheld'), [
    (nfs('rw 10.0.0.1'), exported('rw 10.0.0.1'), ['rw 10.0.0.1'], False),
    (nfs('rw 10.0.0.1'), exported('ro 10.0.0.1'), ['ro 10.0.0.1'], True),
    (nfs('ro 10.0.0.1'), exported('rw 10.0.0.1'), ['ro 10.0.0.1'], False),
    (nfs('rw 10.0.0.1'), exported(), [], True),
    (nfs(), exported('rw 10.0.0.1'), [], False),
    (nfs('rw 10.0.0.0/8'), exported('rw 10.0.0.1'), ['rw 10.0.0.1'], True),
    (nfs('rw 10.0.0.1'), exported('rw 10.0.0.0/8'), ['rw 10.0.0.1'], False),
    (by_ip('rw 10.0.0.1'), shared(ip_share('rw 10.0.0.1')),
     ['rw 10.0.0.1'], False),
    (by_ip('rw 10.0.0.1', 'rw 10.0.0.2'), shared(ip_share('rw 10.0.0.1')),
     ['rw 10.0.0.1'], True),
    (by_ip('rw 10.0.0.1'), shared(ip_share('rw 10.0.0.0/8')),
     ['rw 10.0.0.1'], False),
    (by_ip('rw 10.0.0.1'), shared(), [], True),
    (by_ip('rw 10.0.0.0/31', 'ro 10.0.0.1'), shared(), [], True),
    (by_ip('ro 10.0.0.1'), shared(), [], False),
    (by_ip('rw 10.0.0.0/31', 'ro 10.0.0.1'),
     shared(ip_share('rw 10.0.0.0/31')),
     ['rw 10.0.0.0/31', 'ro 10.0.0.1'], False),
    (by_ip(), shared(ip_share('rw 10.0.0.1')), [], False),
    # Who that is cannot be told.
    (by_ip('rw 10.0.0.1'), shared(user_share('rw alice')), [], True),
    (by_user('rw alice', 'ro bob'), shared(user_share('ro alice', 'rw bob')),
     ['ro alice', 'ro bob'], True),
    (by_user('rw alice'), shared(user_share('rw alice', 'rw bob')),
     ['rw alice'], False),
    (by_user('rw alice', 'rw bob'), shared(user_share('rw alice')),
     ['rw alice'], True),
    (by_user(), shared(user_share('rw alice')), [], False),
    (by_user('rw alice'), shared(), [], True)])
def test_nobody_is_given_more_than_now(clients, found, left, withheld):
    place = PLACE if clients.helper == opts.NFS else CIFS
    clients = but(clients, errors={'x': 'y'})
    assert exporting.narrowed(clients, found, place) == but(
        clients, levels=levels(*left), withheld=withheld)


# -- plans -------------------------------------------------------------------

def test_what_is_exported():
    disk = but(guests.DISK, uuid='own-uuid')
    mounted = but(guests.MOUNT, disk=disk)
    clients = nfs('rw 10.0.0.1')
    for mounts, uuid in (((mounted,), 'own-uuid'), ((guests.MOUNT,), ID),
                         ((), ID), ((guests.DEAD,), ID)):
        assert exporting.goal(exported(mounted=mounts), PLACE, clients) \
            == exports.Export(PATH, SECTION, uuid, clients.levels,
                              ('no_root_squash',))
    assert exporting.goal(shared(), CIFS, by_user('ro alice')) \
        == user_share('ro alice')
    assert exporting.goal(shared(), CIFS, by_ip('rw 10.0.0.1')) \
        == ip_share('rw 10.0.0.1')
    assert exporting.goal(shared(), CIFS, by_ip()) == ip_share()


SIX = [f'rw 10.0.0.{number}' for number in range(1, 7)]


@pytest.mark.parametrize(('found', 'clients', 'says'), [
    (guests.guest(guests.MOUNT), nfs(), None),
    (guests.guest(guests.MOUNT), nfs('rw 10.0.0.1'), 'to 10.0.0.1/32 rw'),
    (exported('rw 10.0.0.1'), nfs(), 'to nobody'),
    (guests.guest(guests.MOUNT), nfs(*SIX[:5]),
     '10.0.0.4/32 rw, 10.0.0.5/32 rw)'),
    (guests.guest(guests.MOUNT), nfs(*SIX), '10.0.0.5/32 rw and 1 more)'),
    # Nothing is made so that nobody may use it.
    (shared(), by_ip(), None), (shared(), by_user(), None),
    (shared(), by_ip('ro 10.0.0.1'), None),
    (shared(), by_ip('rw 10.0.0.1'), 'to 10.0.0.1/32 rw'),
    (shared(ip_share('rw 10.0.0.1')), by_ip('rw 10.0.0.1'), None),
    (shared(ip_share('rw 10.0.0.1')), by_ip(), 'to nobody'),
    (shared(user_share('rw alice')), by_user('ro alice'), 'to alice ro')])
def test_what_is_done(found, clients, says):
    place = PLACE if clients.helper == opts.NFS else CIFS
    steps = exporting.plan_access(found, place, HOST, clients)
    if says is None:
        assert list(steps) == []
        return
    assert list(steps) == [plan.Step('export share', PATH, {
        'host': HOST, 'found': found,
        'goal': exporting.goal(found, place, clients), 'closed': ''})]
    assert f'export share {PATH} (' in str(steps) and says in str(steps)


@pytest.mark.parametrize('clients', [nfs(*SIX), nfs()])
def test_a_script_that_opens_it_is_told_in_any_case(clients):
    found = guests.guest()
    step, = exporting.plan_access(found, PLACE, HOST, clients, closed=True)
    assert step.args['closed'] == PLACE.ident

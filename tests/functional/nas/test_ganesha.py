# SPDX-License-Identifier: Apache-2.0

"""The helper for Ganesha on two real servers and with real clients."""

import dataclasses
import ipaddress

import pytest

from manila_drivers.nas import exports
from manila_drivers.nas import ganesha_bus
from tests.functional.nas import ganesha

FSID = '11111111-2222-3333-4444-555555555555'


def export(path, levels, name='share-1', options=()):
    return exports.Export(path, name, FSID, {
        ipaddress.ip_network(network): level
        for network, level in levels.items()}, options)


def reconcile(site, wanted):
    before = {name: each.execs for name, each in site.runners.items()}
    outcomes = site.helper.reconcile([wanted])
    assert exports.failed(outcomes) == {}
    return max(each.execs - before[name]
               for name, each in site.runners.items())


@pytest.fixture
def share(ganeshas, request):
    path = f'/srv/{request.node.name[:40]}'
    for server in ganeshas.servers.values():
        server.share(path)
    options = ganeshas.helper.options({})
    yield lambda levels: export(path, levels, request.node.name[:40],
                                options)
    reconcile(ganeshas, export(path, {}, request.node.name[:40]))


def both(**given):
    return [{'one': None, 'two': None, 'three': None, **given}] * 2


def test_rules_from_none_to_many_and_back(ganeshas, share):
    one, two, _ = (each.ipv4 for each in ganeshas.place.clients.values())
    path = share({}).path
    assert ganeshas.gets(path) == both()
    pids = [server.box.run('cat', '/run/ganesha.pid').stdout
            for server in ganeshas.servers.values()]
    for levels, given in (
            ({one: 'rw', two: 'ro'}, both(one='rw', two='ro')),
            ({one: 'ro', two: 'rw'}, both(one='ro', two='rw')),
            ({two: 'rw'}, both(two='rw')),
            ({'192.0.2.0/24': 'ro', two: 'rw'},
             both(one='ro', two='rw', three='ro')),
            ({'0.0.0.0/0': 'rw', two: 'ro'},
             both(one='rw', two='ro', three='rw')),
            ({'::/0': 'rw'}, both()),
            ({}, both())):
        wanted = share(levels)
        assert reconcile(ganeshas, wanted) <= 2
        assert ganeshas.gets(path) == given
        assert reconcile(ganeshas, wanted) == 1
        ganeshas.forget()
        assert reconcile(ganeshas, wanted) == 1
    assert pids == [server.box.run('cat', '/run/ganesha.pid').stdout
                    for server in ganeshas.servers.values()]


def test_all_again_after_a_restart(ganeshas, share):
    one, two, _ = (each.ipv4 for each in ganeshas.place.clients.values())
    wanted = share({one: 'rw', two: 'ro'})
    reconcile(ganeshas, wanted)
    for server in ganeshas.servers.values():
        server.restart()
    assert ganeshas.gets(wanted.path) == both(one='rw', two='ro')
    assert reconcile(ganeshas, wanted) == 1
    reconcile(ganeshas, dataclasses.replace(wanted, levels={}))
    for server in ganeshas.servers.values():
        server.restart()
    assert ganeshas.gets(wanted.path) == both()


def test_numbers_are_the_same_on_all_servers_and_for_ever(ganeshas, share):
    """Clients hold on to directories by handles that contain them."""
    many = ganeshas.place.crowd
    wanted = [share({'10.0.0.7': 'rw'})]
    for number in range(3):
        path = f'{wanted[0].path}-{number}'
        for server in ganeshas.servers.values():
            server.share(path)
        wanted.append(dataclasses.replace(
            wanted[0], path=path, name=f'{wanted[0].name}-{number}'))
    for each in wanted:
        reconcile(ganeshas, each)

    def numbers():
        return [{path: number for number, path in ganesha_bus.exports(
            server.dbus('ShowExports').stdout).items()
            if path.startswith(wanted[0].path)}
            for server in ganeshas.servers.values()]

    before = numbers()
    assert before[0] == before[1]
    assert len(set(before[0].values())) == len(wanted)
    address = ganeshas.place.net.ipv4('ganesha1')
    held = many.handle(address, wanted[0].path, '10.0.0.7')
    # The rules of one change; all servers are restarted.
    reconcile(ganeshas, dataclasses.replace(
        wanted[0], levels=share({'10.0.0.0/24': 'ro'}).levels))
    assert many.holds(address, held, '10.0.0.7') == 'ro'
    for server in ganeshas.servers.values():
        server.restart()
    assert numbers() == before
    assert many.holds(address, held, '10.0.0.7') == 'ro'
    assert many.holds(address, held, '10.0.1.7') is None
    for each in wanted[1:]:
        reconcile(ganeshas, dataclasses.replace(each, levels={}))


def test_everybody_and_the_narrower_of_both_kinds(ganeshas, share):
    some = ('10.0.0.7', '10.0.0.8', '200.0.0.1', '2001:db8::7',
            '2001:db8::8', '9000::1')
    for one, other in ('rw', 'ro'), ('ro', 'rw'):
        wanted = share({
            '0.0.0.0/0': one, '10.0.0.0/24': other, '10.0.0.7': one,
            '::/0': one, '2001:db8::/64': other, '2001:db8::7': one})
        reconcile(ganeshas, wanted)
        for name in ganeshas.servers:
            assert list(ganeshas.place.crowd.gets(
                ganeshas.place.net.ipv4(name), wanted.path, some,
                ganeshas.place.net.ipv6(name)).values()) == [
                    one, other, one] * 2


def test_server_that_is_down_is_reported_and_catches_up(ganeshas, share):
    one, two, _ = (each.ipv4 for each in ganeshas.place.clients.values())
    reconcile(ganeshas, share({one: 'rw'}))
    down = ganeshas.servers['ganesha2']
    down.stop()
    outcomes = ganeshas.helper.reconcile([share({two: 'rw'})])
    assert set(exports.failed(outcomes)) == {'ganesha2'}
    down.start()
    path = share({}).path
    assert ganeshas.gets(path) == [both(two='rw')[0], both(one='rw')[0]]
    reconcile(ganeshas, share({two: 'rw'}))
    assert ganeshas.gets(path) == both(two='rw')


def test_cut_off_between_file_and_daemon(ganeshas, share):
    """The daemon was not told of the file; the next call notices."""
    one, two, _ = (each.ipv4 for each in ganeshas.place.clients.values())
    reconcile(ganeshas, share({one: 'rw', two: 'rw'}))
    wanted = share({one: 'rw'})
    for name, site in ganeshas.runners.items():
        facts = ganeshas.helper._server(name, [wanted.path]).told
        allocated = ganeshas.helper.allocate({name: facts}, [wanted])
        for cmd in ganeshas.helper.plan(facts, [wanted], allocated)[:3]:
            site.run(cmd)
    assert ganeshas.gets(wanted.path) == both(one='rw', two='rw')
    ganeshas.forget()
    assert reconcile(ganeshas, wanted) == 2
    assert ganeshas.gets(wanted.path) == both(one='rw')


def test_thousand_rules(ganeshas, share):
    one = ganeshas.place.clients['one'].ipv4
    levels = {f'10.{n // 250}.{n % 250}.0/24': 'ro' for n in range(1000)}
    wanted = share({**levels, one: 'rw'})
    assert reconcile(ganeshas, wanted) == 2
    assert ganeshas.gets(wanted.path) == both(one='rw')
    assert reconcile(ganeshas, wanted) == 1


@pytest.mark.parametrize('name', ['a b', 'a#b', 'a;b', '$(touch x)', 'a{b}',
                                  'a,b', '%include', 'a=b', 'caf\u00e9'])
def test_hostile_paths(ganeshas, name):
    one = ganeshas.place.clients['one'].ipv4
    path = f'/srv/{name}'
    for server in ganeshas.servers.values():
        server.share(path)
    options = ganeshas.helper.options({})
    wanted = export(path, {one: 'rw'}, 'hostile', options)
    reconcile(ganeshas, wanted)
    found = ganeshas.helper.survey([path])
    assert all(seen.levels[path] == wanted.levels
               for seen in found.values())
    reconcile(ganeshas, dataclasses.replace(wanted, levels={}))
    for server in ganeshas.servers.values():
        left = server.box.run('ls', '-A', ganesha.EXPORT_DIR).stdout
        assert left == 'INDEX.conf\n'


def test_options_reach_the_server(ganeshas, share):
    one = ganeshas.place.clients['one'].ipv4
    wanted = dataclasses.replace(share({one: 'rw'}), options=(
        *ganeshas.helper.options({
            'gnfs:export_options': 'squash=no_root_squash,'
            'anonymous_uid=99,sectype=sys,manage_gids=true'}),))
    reconcile(ganeshas, wanted)
    ganeshas.place.clients['one'].box.run(
        'nfs-cp', '/etc/hostname', 'nfs://%s%s/root?version=4' % (
            ganeshas.place.net.ipv4('ganesha1'), wanted.path))
    owner = ganeshas.servers['ganesha1'].box.run(
        'stat', '-c', '%u', f'{wanted.path}/root').stdout
    assert owner == '0\n'


def owner(ganeshas, share, number):
    """Whose a file is that root of a client writes."""
    server = ganeshas.servers['ganesha1']
    ganeshas.place.clients['one'].box.run(
        'nfs-cp', '/etc/hostname', 'nfs://%s%s/of-%d?version=4' % (
            ganeshas.place.net.ipv4('ganesha1'), share.path, number))
    return server.box.run('stat', '-c', '%u', f'{share.path}/of-{number}'
                          ).stdout.strip()


@pytest.mark.parametrize(('before', 'after', 'found'), [
    # The first is what an update reports, and does not do.
    ('protocols=3', 'protocols=3:4', 'rw'),
    ('protocols=3:4', 'protocols=3', None),
    ('protocols=4', 'protocols=3:4', 'rw'),
    ('transports=udp', 'transports=tcp', 'rw'),
    ('transports=tcp', 'transports=udp', None)])
def test_options_of_an_export_that_is_there_take_effect(
        ganeshas, share, before, after, found):
    one = ganeshas.place.clients['one'].ipv4
    for text in before, after:
        wanted = dataclasses.replace(
            share({one: 'rw'}), options=ganeshas.helper.options(
                {'gnfs:export_options': text}))
        reconcile(ganeshas, wanted)
    assert ganeshas.gets(wanted.path) == both(one=found)
    assert reconcile(ganeshas, wanted) == 1


def test_whom_files_belong_to_takes_effect_at_once(ganeshas, share):
    """An update is enough: whoever has it mounted does not notice."""
    one = ganeshas.place.clients['one'].ipv4
    given = []
    for number, text in enumerate((
            'squash=no_root_squash', 'squash=root_squash,anonymous_uid=99',
            'squash=root_squash,anonymous_uid=88', 'squash=no_root_squash')):
        wanted = dataclasses.replace(
            share({one: 'rw'}), options=ganeshas.helper.options(
                {'gnfs:export_options': text}))
        reconcile(ganeshas, wanted)
        given.append(owner(ganeshas, wanted, number))
    assert given == ['0', '99', '88', '0']


def test_options_whose_update_was_cut_off_take_effect(ganeshas, share):
    """The file has them; whether Ganesha does nobody knows."""
    one = ganeshas.place.clients['one'].ipv4
    first, wanted = (dataclasses.replace(
        share({one: 'rw'}), options=ganeshas.helper.options(
            {'gnfs:export_options': text}))
        for text in ('protocols=3', 'protocols=3:4'))
    reconcile(ganeshas, first)
    for name, site in ganeshas.runners.items():
        facts = ganeshas.helper._server(name, [wanted.path]).told
        allocated = ganeshas.helper.allocate({name: facts}, [wanted])
        for cmd in ganeshas.helper.plan(facts, [wanted], allocated)[:3]:
            site.run(cmd)
    ganeshas.forget()
    reconcile(ganeshas, wanted)
    assert ganeshas.gets(wanted.path) == both(one='rw')

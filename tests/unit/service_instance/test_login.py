# SPDX-License-Identifier: Apache-2.0

"""Logins to instances: who they are, and those that do not answer."""

import dataclasses
import types

import pytest

from manila_drivers import exception
from manila_drivers.service_instance import login
from manila_drivers.service_instance import names
from manila_drivers.service_instance import pins
from manila_drivers.transport import command
from tests.unit.service_instance import conftest


@pytest.fixture
def managed(site):
    return site.manager()


@pytest.fixture
def made(site, managed):
    found = {}
    managed.create(site.request(), found)
    return found


def machine(site, made):
    return site.sim.server(made['instance_id']).machine


def swap_key(site, made):
    site.keys[id(machine(site, made))] = conftest.key_line('another')


def test_a_host_with_another_key_is_not_trusted(site, managed, made):
    swap_key(site, made)
    with pytest.raises(exception.NotTrusted) as caught:
        site.manager().runner(made).run(command.Command.of('true'))
    assert made['instance_id'] in caught.value.what
    assert 'service_instance_known_hosts' in caught.value.check


def test_the_key_of_details_without_one_is_kept_in_private_storage(
        site, made):
    """As of Manila's own driver: the first key that is seen is the one."""
    upstream = {key: value for key, value in made.items()
                if key not in (names.HOST_KEY, names.SERVER_ID)}
    site.storage.rows.clear()
    assert site.manager().alive(upstream)
    swap_key(site, made)
    later = site.manager()
    assert not later.alive(upstream)
    with pytest.raises(exception.NotTrusted):
        later.require(upstream)


def test_known_hosts_that_the_operator_names_count_alone(site, made):
    file = site.path / 'known_hosts'
    file.write_text(f'{made["ip"]} {conftest.key_line("another")}\n')
    strict = site.manager(service_instance_known_hosts=file)
    assert not strict.alive(made)
    swap_key(site, made)
    assert site.manager(service_instance_known_hosts=file).alive(made)


def test_a_dead_instance_costs_one_short_wait(site, managed, made):
    site.sim.kill(made['instance_id'])
    managed = site.manager()
    begin = site.clock()
    site.tries = 0
    for _ in range(26):
        assert not managed.alive(made)
    assert site.tries == 1
    assert site.clock() - begin < 10
    assert made['instance_id'] not in managed.last_trouble(made)
    assert 'No connection' in managed.last_trouble(made)


def test_one_that_comes_back_is_asked_again(site, managed, made):
    site.sim.kill(made['instance_id'])
    assert not managed.alive(made)
    managed.reboot(made, hard=True)
    assert managed.alive(made)


def test_a_dead_one_is_asked_again_after_a_while(site, managed, made):
    site.host.nics[next(each for each in site.host.nics
                        if each.startswith('tap'))].up = False
    assert not managed.alive(made)
    managed.network_helper.setup_connectivity_with_service_instances()
    site.clock.sleep(login.MOURNING + 1)
    assert managed.alive(made)


def test_an_instance_that_lives_costs_no_request(site, managed, made):
    mark = site.sim.mark()
    for _ in range(3):
        assert managed.alive(made)
    assert site.sim.asked(mark) == []


def test_why_it_cannot_be_used(site, managed, made):
    site.sim.kill(made['instance_id'])
    site.clock.sleep(60)
    with pytest.raises(exception.Unreachable) as caught:
        managed.require(made)
    assert 'SHUTOFF' in str(caught.value)
    assert made['ip'] in str(caught.value)
    site.sim.ask('DELETE', f'/compute/v2.1/servers/{made["instance_id"]}')
    site.clock.sleep(60)
    with pytest.raises(exception.NotFound, match='gone'):
        managed.require(made)
    with pytest.raises(exception.NotFound, match='no service instance'):
        managed.require({names.SERVER_ID: 'x'})


def test_the_password_is_the_options_and_in_no_details(site):
    managed = site.manager(path_to_private_key=None,
                           service_instance_password='manila')
    made = {}
    managed.create(site.request(), made)
    assert 'password' not in made and 'pk_path' not in made
    assert 'manila' not in [made[key] for key in made if key != 'username']
    assert managed.alive({**made, 'password': 'of old'})
    assert not any(each[1] == 'keypair'
                   for each in site.sim.left(site.before))


def test_a_wrong_password_is_told_in_the_end(site):
    managed = site.manager(path_to_private_key=None,
                           service_instance_password='hush-hush',
                           max_time_to_build_instance=60)
    made = {}
    begin = site.clock()
    with pytest.raises(exception.Unreachable) as caught:
        managed.create(site.request(), made)
    text = str(caught.value)
    assert 'refused' in text and 'hush' not in text and 'ACTIVE' in text
    assert 60 < site.clock() - begin < 160
    managed.delete(made)
    assert site.lasting() == []


def test_a_soft_reboot(site, managed, made):
    managed.reboot_server(made, soft_reboot=True)
    assert managed.alive(made)


def test_a_private_key_alone_is_enough(site):
    """The image has the key already."""
    site.public.unlink()
    made = {}
    managed = site.manager(max_time_to_build_instance=40)
    with pytest.raises(exception.Unreachable):
        managed.create(site.request(), made)
    machine(site, made).keys = (site.public_key,)
    site.clock.sleep(60)
    assert managed.alive(made)


def test_a_key_file_that_is_gone_is_replaced_by_the_options(site, managed,
                                                            made):
    assert managed.alive({**made, 'pk_path': '/nowhere/id'})


def test_pins_without_a_storage_live_as_long_as_the_process():
    known = pins.Pins()
    known.put('a', 'ssh-ed25519 x')
    assert known.get('a') == 'ssh-ed25519 x' and known.get('b') == ''
    known.drop('a')
    assert known.get('a') == ''


def test_commands_to_a_dead_instance_cost_one_short_wait(site, managed,
                                                         made):
    site.sim.kill(made['instance_id'])
    managed.logins._probe = probing(site)
    begin = site.clock()
    for _ in range(26):
        with pytest.raises(exception.Unreachable, match=r'No connection'):
            managed.runner(made).run(command.Command.of('mount'))
    assert site.clock() - begin <= login.ANSWERING
    # What has been seen alive by then is used at once.
    site.sim.ask('POST', f'/compute/v2.1/servers/{made["instance_id"]}'
                 f'/action', {'reboot': {'type': 'HARD'}})
    for _ in range(40):
        site.clock.sleep(1)
        site.sim.machine_at(made['ip'])
    managed.runner(made).run(command.Command.of('mount'))
    assert managed.alive(made)


def test_an_instance_that_came_back_is_asked_before_it_is_forgotten(
        site, managed, made):
    """A call that is repeated then would believe that it is still away."""
    site.sim.kill(made['instance_id'])
    managed.logins._probe = probing(site)
    with pytest.raises(exception.Unreachable):
        managed.runner(made).run(command.Command.of('mount'))
    died = site.clock()
    site.sim.ask('POST', f'/compute/v2.1/servers/{made["instance_id"]}'
                 f'/action', {'reboot': {'type': 'HARD'}})
    while site.sim.machine_at(made['ip']) is None:
        site.clock.sleep(1)
        assert site.clock() < died + login.MOURNING - login.AGAIN
    site.clock.sleep(login.AGAIN)
    managed.runner(made).run(command.Command.of('mount'))
    assert site.clock() < died + login.MOURNING


def test_one_that_lets_nobody_in_is_asked_once_more(site, managed, made):
    """It takes connections, and logging in takes its time."""
    managed.logins._probe = lambda target, seconds: None
    tried = []

    def silent(cmd):
        tried.append(site.clock())
        raise exception.Unreachable('no banner')
    runner = managed.runner(made)
    runner._inner = types.SimpleNamespace(run=silent)
    for _ in range(29):
        with pytest.raises(exception.Unreachable):
            runner.run(command.Command.of('mount'))
        site.clock.sleep(1)
    assert len(tried) == 2


def probing(site):
    def probe(target, seconds):
        if site.answering(target.host) is None:
            site.clock.sleep(seconds)
            raise exception.Unreachable(f'No connection to {target.host}')
    return probe


def test_nobody_listens(managed, made):
    target = managed.logins.target({**made, names.IP: '127.0.0.1'})
    closed = dataclasses.replace(target, port=1)
    with pytest.raises(exception.Unreachable):
        login.connect(closed, 2.0)

# SPDX-License-Identifier: Apache-2.0

"""Tear-downs by a login that Nova shows another project, or region."""

import pytest

from manila_drivers import exception
from manila_drivers.service_instance import denials
from manila_drivers.service_instance import names

USER = 'manila'
#: Projects of the logins of Nova, Cinder, Neutron and Glance.
ALL = ('demo',) * 4
NOVA = ('demo', 'service', 'service', 'service')


@pytest.fixture
def made(site):
    found = {}
    site.manager().create(site.request(), found)
    return found


def logged_in(site, projects, *roles):
    """Return a manager whose logins are of these projects."""
    sim = site.sim
    sim.user(USER).roles.setdefault(
        sim.keystone.project('demo').id, set()).update({'member', *roles})
    auth, turns = sim.auth, iter(projects)
    sim.auth = lambda: auth(project=next(turns))
    managed = site.manager()
    sim.auth = auth
    return managed


def stays(site, made, projects, *lost):
    """Nothing goes by another login; all of it by the right one."""
    there = site.sim.inventory()
    details = {key: value for key, value in made.items() if key not in lost}
    for _ in range(2):
        with pytest.raises(exception.Conflict, match='no server') as told:
            logged_in(site, projects).delete(details)
    assert 'project_name' in str(told.value)
    assert site.sim.inventory() == there
    site.manager().delete(details)
    assert site.lasting() == []


@pytest.mark.parametrize('projects', [ALL, NOVA])
@pytest.mark.parametrize('lost', [(), (names.INSTANCE_ID,)])
def test_an_instance_of_another_project_is_not_gone(site, made, projects,
                                                    lost):
    stays(site, made, projects, *lost)


def test_a_port_tells_of_one_whose_project_is_not_known(site, made):
    """As Manila's own driver has left it."""
    stays(site, made, NOVA, names.HOME)


def test_who_believes_nova_is_caught(site, made, monkeypatch):
    monkeypatch.setattr(denials, 'check', lambda *parts: None)
    with pytest.raises(pytest.fail.Exception):
        stays(site, made, ALL)


def test_an_administrator_is_shown_it_anywhere(site, made):
    logged_in(site, NOVA, 'admin').delete(made)
    assert site.lasting() == []


@pytest.mark.parametrize('regions', ['RegionTwo', 'RegionTwo RegionThree'])
def test_what_was_made_in_another_region_is_not_gone(site, made, regions):
    project = made[names.HOME].partition(' ')[0]
    site.sim.ask('DELETE', f'/compute/v2.1/servers/{made["instance_id"]}',
                 user=USER)
    site.clock.sleep(10)
    with pytest.raises(exception.Conflict, match='RegionTwo'):
        site.manager().delete({**made, names.HOME: f'{project} {regions}'})
    # One of several that share a Nova is enough.
    site.manager().delete({**made, names.HOME: f'{project} X RegionOne'})
    assert site.lasting() == []


@pytest.mark.parametrize('lost', [(), (names.HOME,)])
def test_one_that_is_really_gone_is_passed_over(site, made, lost):
    site.sim.ask('DELETE', f'/compute/v2.1/servers/{made["instance_id"]}',
                 user=USER)
    site.clock.sleep(10)
    details = {key: value for key, value in made.items() if key not in lost}
    for _ in range(2):
        site.manager().delete(details)
    assert site.lasting() == []


@pytest.mark.parametrize('roles', [(), ('admin',)])
def test_what_nova_denies_its_administrator_is_gone(site, made, roles):
    """Also where it is not told in which region it was made."""
    details = {**made, names.HOME: made[names.HOME].partition(' ')[0]}
    site.sim.ask('DELETE', f'/compute/v2.1/servers/{made["instance_id"]}',
                 user=USER)
    site.clock.sleep(10)
    if roles:
        logged_in(site, NOVA, *roles).delete(details)
    else:
        with pytest.raises(exception.Conflict, match='not told'):
            logged_in(site, NOVA).delete(details)
        site.manager().delete(details)
    assert site.lasting() == []

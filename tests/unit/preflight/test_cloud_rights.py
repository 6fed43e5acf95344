# SPDX-License-Identifier: Apache-2.0

"""Services and rights of the Generic driver are looked at one by one."""

import functools

import pytest

from manila_drivers.preflight import looking
from manila_drivers.testing.backends import openstack as backends
from manila_drivers.testing.simulators import openstack
from tests.unit.audit import generic_planted
from tests.unit.direct import bench


@pytest.fixture
def place(tmp_path, monkeypatch):
    return generic_planted.Place(tmp_path, monkeypatch)


def look(place):
    return looking.look(place.conf, 'generic')


def told(report):
    return sorted((one.option, one.tried) for one in report.findings)


def test_nothing_is_wrong_with_a_cloud_that_is_as_it_should_be(place):
    before, mark = place.inventory(), place.mark()
    report = look(place)
    assert (report.findings, report.unseen) == ((), ())
    assert place.inventory() == before
    assert [line for line in place.requests(mark)[0]
            if not line.startswith('GET')] == []


def test_each_right_that_is_missing_is_told_once(place):
    """Refuse as a policy does that the login's roles do not fulfil."""
    for path in ('/servers/detail', '/volumes/detail', '/snapshots/detail'):
        place.sim.arm(openstack.Fault('status', code=403, times=None,
                                      match=f'GET .*{path}'))
    report = look(place)
    assert told(report) == sorted([
        ('[nova] username', 'may not list servers'),
        ('[cinder] username', 'may not list volumes'),
        ('[cinder] username', 'may not list volume snapshots')])
    assert all(one.do and one.answered for one in report.findings)


def test_a_service_that_refuses_hides_no_other(place):
    text = place.conf.read_text()
    for group in ('nova', 'cinder'):
        before, header, after = text.partition(f'[{group}]')
        text = before + header + after.replace(
            f'password = {generic_planted.PASSWORD}', 'password = wrong', 1)
    place.conf.write_text(text)
    report = look(place)
    assert [one.option for one in report.findings] == [
        '[nova] username', '[cinder] username']


# -- what it takes to make things ---------------------------------------------

@pytest.fixture
def serving(tmp_path):
    """A cloud whose driver makes share servers, and the section for it."""
    with functools.partial(backends.CloudCluster, serves=True)() as cluster:
        def look(**more):
            return looking.look(bench.write(
                tmp_path / 'manila.conf', {
                    'generic': {**cluster.options(), **more},
                    **cluster.sections()}, state_path=tmp_path), 'generic')
        look.sim = cluster.sim
        yield look


def warned(report):
    return {(one.option, one.severity, one.tried.partition(':')[0])
            for one in report.findings}


def test_nothing_is_wrong_with_a_cloud_for_share_servers(serving):
    before, mark = serving.sim.inventory(), serving.sim.mark()
    report = serving()
    assert (report.findings, report.unseen) == ((), ())
    assert serving.sim.inventory() == before
    assert [line for line in serving.sim.requests(mark)
            if not line.startswith('GET') and 'identity' not in line] == []


def roles(sim, *names):
    user = sim.user(sim.username)
    for project in user.roles:
        user.roles[project] = set(names)


def test_a_login_that_may_only_look_is_told(serving):
    roles(serving.sim, 'reader')
    report = serving()
    assert {one.option for one in report.findings} == {
        f'[{group}] username' for group in ('nova', 'cinder', 'neutron')}
    assert all('reader alone' in one.tried and one.severity == 'warning'
               for one in report.findings)
    # And so it is.
    for path, body in (('/volume/v3/volumes', {'volume': {'size': 1}}),
                       ('/network/v2.0/networks', {'network': {}}),
                       ('/compute/v2.1/os-keypairs', {'keypair': {}})):
        assert serving.sim.ask('POST', path, body,
                               user=serving.sim.username)[0] == 403


@pytest.mark.parametrize('names', [('member',), ('member', 'reader')])
def test_a_login_that_is_no_administrators_is_told(serving, names):
    roles(serving.sim, *names)
    [one] = serving().findings
    assert (one.option, one.severity) == ('[neutron] username', 'warning')
    assert 'not the role admin' in one.tried


@pytest.mark.parametrize(('group', 'limits', 'words'), [
    ('cinder', {'volumes': 0}, '0 of 0 volumes left'),
    ('cinder', {'gigabytes': 0, 'snapshots': 0}, '0 of 0 snapshots left'),
    ('nova', {'instances': 0}, '0 of 0 instances left'),
    ('nova', {'cores': 1, 'ram': 100}, '100 of 100 MiB of memory left')])
def test_a_quota_that_is_used_up_is_told_once(serving, group, limits, words):
    kept = getattr(serving.sim, group).store
    project = serving.sim.keystone.project('service').id
    kept.limits[project] = {**kept.quota(project), **limits}
    [one] = serving().findings
    assert (one.option, one.severity) == (
        f'[{group}] project_name', 'warning')
    assert words in one.tried


@pytest.mark.parametrize(('group', 'limits'), [
    ('cinder', {'volumes': -1, 'gigabytes': -1, 'snapshots': -1}),
    ('nova', {'instances': -1, 'cores': -1, 'ram': -1})])
def test_no_limit_is_none(serving, group, limits):
    kept = getattr(serving.sim, group).store
    project = serving.sim.keystone.project('service').id
    kept.limits[project] = {**kept.quota(project), **limits}
    assert serving().findings == ()


def test_the_mode_is_guessed_from_the_rest_of_the_section(serving):
    for mode in (None, 'perhaps'):
        report = serving(driver_handles_share_servers=mode,
                         service_image_name='nope')
        assert [one.option for one in report.findings] == [
            'driver_handles_share_servers', 'service_image_name']


def test_types_that_are_not_told_are_not_known(serving):
    serving.sim.arm(openstack.Fault('status', code=403, times=None,
                                    match='GET .*/types'))
    [one] = serving(cinder_volume_type='ceph1').findings
    assert (one.option, one.severity) == ('[cinder] username', 'warning')
    assert 'it is not known' in one.tried


def test_what_there_is_has_no_finding(serving):
    sim = serving.sim
    sim.options.create_volume = 3600.0
    status, told = sim.ask('POST', '/volume/v3/volumes', {'volume': {
        'name': 'base', 'size': 1}}, user=sim.username)
    assert status == 202
    base = told['volume']['id']
    assert [one.answered for one in serving(
        service_image_name=None, service_instance_boot_from_volume=True,
        service_instance_base_boot_volume_id=base).findings] == ['creating']
    sim.cinder.store.volumes[base].status = 'available'
    assert serving(
        cinder_volume_type='ceph1', backend_availability_zone='nova',
        service_image_name=None, service_instance_boot_from_volume=True,
        service_instance_base_boot_volume_id=base,
        service_instance_boot_volume_type='ceph1').findings == ()

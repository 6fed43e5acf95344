# SPDX-License-Identifier: Apache-2.0

"""All that is wrong is found in one look, five things at a time."""

import collections
import functools
import pathlib
import random

import pytest

from manila_drivers import exception
from manila_drivers.preflight import looking
from manila_drivers.preflight import reading
from manila_drivers.testing.backends import openstack
from manila_drivers.testing.backends import vast as backends
from manila_drivers.testing.simulators import vast as simulators
from manila_drivers.vastdata import checks
from tests.unit.direct import bench
from tests.unit.preflight import table

FILTERS = pathlib.Path(__file__).resolve().parents[3] / (
    'etc/manila/rootwrap.d')
#: Benches that are no kind of their own.
MADE = {'servers': functools.partial(openstack.CloudCluster, serves=True)}
#: How many things are wrong with one section.
AT_ONCE = 5


@pytest.fixture(scope='module', params=sorted(table.TABLES))
def place(request, tmp_path_factory):
    with bench.bench(request.param, tmp_path_factory.mktemp('c'),
                     MADE.get(request.param)) as made:
        rootwrapped(made.conf.parent)
        yield made


def rootwrapped(here):
    """Write configurations of rootwrap, of which one is right."""
    programs = here / 'programs'
    programs.mkdir()
    (here / 'none').mkdir()
    for name in ('find', 'mkdir', 'mount', 'stat', 'umount'):
        (programs / name).symlink_to('/bin/true')
    for name, filters, places in (
            ('right', FILTERS, '/usr/bin,/bin,/usr/sbin,/sbin'),
            ('unfiltered', here / 'none', '/usr/bin,/bin,/usr/sbin,/sbin'),
            ('unequipped', FILTERS, programs)):
        (here / f'{name}.conf').write_text(
            f'[DEFAULT]\nfilters_path={filters}\nexec_dirs={places}\n')


def look(place, wrongs, **more):
    """Look at a section with which so many things are wrong."""
    section = {'driver_handles_share_servers': False,
               'share_backend_name': 'b', **place.cluster.options()}
    defaults = {'state_path': place.conf.parent}
    for wrong in wrongs:
        (defaults if wrong.misplaced else section).update({
            name: value.replace('{here}', str(place.conf.parent))
            if isinstance(value, str) else value
            for name, value in wrong.values.items()})
    conf = bench.write(place.conf.with_name('wrong.conf'),
                       {place.kind: section, **place.cluster.sections()},
                       **defaults)
    clock = (place.cluster._server if place.kind == 'vast'
             else place.cluster.sim)
    clock.ahead = sum(wrong.ahead for wrong in wrongs)
    try:
        return looking.look(conf, place.kind, **more)
    finally:
        clock.ahead = 0.0


def options(report):
    return collections.Counter(one.option for one in report.findings)


def test_the_table_is_long_enough():
    assert len({(kind, str(wrong)) for kind, wrongs in table.TABLES.items()
                for wrong in wrongs}) >= 100


def test_nothing_is_wrong_with_a_correct_section(place):
    report = look(place, [])
    assert (report.findings, report.unseen) == ((), ())


def test_nothing_is_wrong_with_rootwrap_as_it_is_shipped(place):
    report = look(place, [table.Wrong('', {
        'root_helper': 'sudo rootwrap {here}/right.conf'}, misplaced=True)],
        ask=False)
    assert report.findings == ()


def clash(one, other):
    """Tell if two things cannot be wrong, or be seen, at once."""
    touched = {one.option, *one.values} & {other.option, *other.values}
    pools = {'glusterfs_servers', 'glusterfs_targets',
             'glusterfs_volume_pattern'}
    helpers = {'gpfs_nfs_server_type', 'gpfs_nfs_server_list',
               'gpfs_share_helpers'}
    # Of another kind of server other options are read.
    kinds = {'gpfs_nfs_server_type', 'knfs_export_options',
             'ganesha_nfs_export_options', 'ganesha_export_dir',
             'ganesha_config_path'}
    # What is only for CES is right for a type that is not known.
    automatic = {'gpfs_nfs_server_type', 'gpfs_export_addresses'}
    # Whoever learns keys needs none.
    keys = {'gpfs_ssh_host_key_policy', 'gpfs_ssh_known_hosts'}
    # One that runs everything here needs no login.
    logins = {'is_gpfs_node', 'gpfs_ssh_login', 'gpfs_ssh_use_sudo',
              'gpfs_ssh_private_key'}
    return bool(touched) or any(
        {one.option, *one.values} & group
        and {other.option, *other.values} & group
        for group in (pools, helpers, kinds, automatic, keys, logins)) or (
            one.asked and hides(other)) or (other.asked and hides(one))


def hides(wrong):
    """Tell if the backend cannot be asked, or not for all."""
    return wrong.alone or not wrong.asked and not wrong.misplaced and bool(
        {wrong.option, *wrong.values} & reaching())


def reaching():
    names = {name for wrongs in table.TABLES.values() for wrong in wrongs
             for name in (wrong.option, *wrong.values)}
    return {name for name in names if looking.REACHING.search(name)} | {
        'service_instance_name_or_id', 'service_net_name_or_ip',
        'tenant_net_name_or_ip', 'share_helpers',
        'vast_vippool_name', 'vast_nfs_protocols', 'glusterfs_servers',
        'glusterfs_volume_pattern', 'glusterfs_targets'}


def fives(kind):
    """Return sets of five that have each of a table at least once."""
    chosen = random.Random(kind)
    left = list(table.TABLES[kind])
    chosen.shuffle(left)
    while left:
        five = [left.pop()]
        for wrong in [*left, *chosen.sample(
                table.TABLES[kind], len(table.TABLES[kind]))]:
            if len(five) < AT_ONCE and not any(
                    clash(wrong, other) for other in five):
                five.append(wrong)
        left = [wrong for wrong in left if wrong not in five]
        yield five


@pytest.mark.turns
@pytest.mark.parametrize(('place', 'number'), [
    (kind, number) for kind in sorted(table.TABLES)
    for number in range(len(list(fives(kind))))], indirect=['place'])
def test_five_things_are_found_in_one_look(place, number):
    five = list(fives(place.kind))[number]
    assert len(five) == AT_ONCE
    report = look(place, five)
    wanted = {wrong.option for wrong in five}
    found = options(report)
    assert set(found) == wanted, '\n'.join(map(str, report.findings))
    assert set(found.values()) == {1}, '\n'.join(map(str, report.findings))
    for one in report.findings:
        assert one.tried


@pytest.mark.parametrize(('seconds', 'told'), [
    (0, None), (3, None), (-3, None), (30, '30 s ahead'),
    (-30, '29 s behind'), (7200, '7200 s ahead')])
def test_a_clock_that_differs_is_told(place, seconds, told):
    """Times are told in whole seconds, and answers take a while."""
    if place.kind in ('generic', 'servers'):
        # Its simulated services have this host's clock.
        return
    report = look(place, [table.Wrong('', {}, ahead=seconds)])
    assert len(report.findings) == (told is not None)
    for one in report.findings:
        (number, unit, word), (wanted, _, way) = (
            one.answered.removeprefix('it is ').split(), told.split())
        assert (unit, word, one.severity) == ('s', way, 'warning')
        assert int(wanted) - 2 <= int(number) <= int(wanted) + 1


@pytest.mark.parametrize(('name', 'near'), [
    ('vast_mgmt_hots', 'vast_mgmt_host'),
    ('vast_vipool_name', 'vast_vippool_name'),
    ('share_backend_nam', 'share_backend_name')])
def test_the_nearest_name_is_told(vast, name, near):
    report = look(vast, [table.unknown(name)])
    assert [(one.option, near in one.do) for one in report.findings] == [
        (name, True)]


@pytest.mark.parametrize('name', ['colour_of_the_rack', 'q'])
def test_no_name_is_told_that_is_far(vast, name):
    [found] = look(vast, [table.unknown(name)]).findings
    assert (found.option, found.do) == (
        name, 'see the names of options in the configuration reference')


@pytest.fixture
def vast(tmp_path):
    with bench.bench('vast', tmp_path) as made:
        yield made


def neglected():
    """A cluster of an old version, without trash, and open to all."""
    sim = simulators.VmsSim(open_root=True)
    sim.add_pool(backends.POOL, *backends.ADDRESSES)
    sim.options.trash_enabled = False
    sim.options.sw_version = '4.7.0'
    return backends.Cluster(sim)


def test_what_the_cluster_has_wrong_is_found_at_once(tmp_path):
    with bench.bench('vast', tmp_path, neglected) as place:
        report = look(place, [
            table.Wrong('vast_vippool_name', {'vast_vippool_name': 'nope'}),
            table.Wrong('vast_qos_policy', {'vast_qos_policy': 'nope'}),
            table.Wrong('vast_bind_vippool', {'vast_bind_vippool': 'True'}),
            table.Wrong('vast_open_parent_view', {
                'vast_open_parent_view': 'refuse'})])
    assert options(report) == dict.fromkeys((
        'vast_mgmt_host', 'vast_vippool_name', 'vast_qos_policy',
        'vast_bind_vippool', 'vast_open_parent_view'), 1)


@pytest.mark.parametrize('resource', [
    'viewpolicies', 'quotas', 'snapshots', 'globalsnapstreams'])
def test_a_right_that_is_missing_is_told_by_its_name(vast, resource):
    vast.cluster.sim.options.permission_denied = {f'GET {resource}',
                                                  'GET views'}
    report = look(vast, [])
    told = [one.tried for one in report.findings
            if one.option == 'vast_mgmt_user']
    assert sorted(told) == sorted({'may not view views',
                                   f'may not view {resource}'})


def test_nothing_is_asked_offline(vast):
    mark = vast.cluster.mark()
    report = look(vast, [table.Wrong('vast_vippool_name', {
        'vast_vippool_name': 'nope'})], ask=False)
    assert report.findings == ()
    assert vast.cluster.mark() == mark


def test_nothing_is_changed(vast):
    before = vast.cluster.inventory()
    look(vast, [])
    assert vast.cluster.inventory() == before
    assert not list(vast.conf.parent.glob('*.sqlite3'))


@pytest.mark.parametrize(('driver', 'told'), [
    (None, 'is not set'), ('nonsense', 'cannot be imported'),
    ('manila_drivers.vastdata.driver.Nothing', 'cannot be imported'),
    ('manila_drivers.vastdata.backend.VastBackend', 'no driver'),
    ('manila.share.drivers.vastdata.driver.VASTShareDriver',
     "is Manila's own")])
def test_a_section_without_a_driver_says_so(vast, driver, told):
    report = look(vast, [table.Wrong('share_driver',
                                     {'share_driver': driver})])
    assert [one.option for one in report.findings] == ['share_driver']
    assert told in report.findings[0].tried
    assert report.unseen


def test_a_file_or_section_that_is_missing_is_an_error(tmp_path, vast):
    with pytest.raises(exception.ConfigurationError):
        looking.look(tmp_path / 'none.conf', 'vast')
    with pytest.raises(exception.ConfigurationError):
        looking.look(vast.conf, 'none')


# -- what these tests would notice --------------------------------------------

FIVE = [wrong for wrong in table.VAST if str(wrong) in (
    'vast_root_export=../x', 'vast_nfs_protocols=',
    'vast_export_addresses=bad..name', 'vast_ssl_cert_path=/nowhere/ca.pem',
    'vast_mgmt_user=None')]


def test_a_look_that_ends_at_the_first_is_noticed(vast, monkeypatch):
    assert len(FIVE) == 5
    assert len(options(look(vast, FIVE))) == 5
    monkeypatch.setattr(reading, '_MOST', 1)
    assert len(options(look(vast, FIVE))) < 3


def test_a_probe_that_stops_the_others_is_noticed(vast, monkeypatch):
    two = [table.Wrong(name, {name: 'nope'})
           for name in ('vast_vippool_name', 'vast_qos_policy')]
    assert set(options(look(vast, two))) == {'vast_vippool_name',
                                             'vast_qos_policy'}
    probes = checks.probes

    def as_one(found, unscoped):
        first, others = probes(found, unscoped)

        def all_of_them():
            for each in (first, *others):
                each()
        return all_of_them, []
    monkeypatch.setattr(checks, 'probes', as_one)
    assert len(options(look(vast, two))) == 1


def test_a_driver_of_manila_is_told_how_to_go_over(tmp_path):
    """Say so wherever there is a Manila or none: it is not imported."""
    path = bench.write(tmp_path / 'manila.conf', {'one': {
        'share_driver':
            'manila.share.drivers.vastdata.driver.VASTShareDriver'}})
    [found] = looking.look(path, 'one').findings
    assert 'check --migrate' in found.do

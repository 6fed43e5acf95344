# SPDX-License-Identifier: Apache-2.0

"""From a section of Manila's driver to one of ours."""

import configparser
import json
import uuid

import pytest

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.cli import main
from manila_drivers.preflight import decisions
from manila_drivers.preflight import looking
from manila_drivers.preflight import migrating
from manila_drivers.standalone import configuration
from manila_drivers.vastdata import driver as vastdata
from tests.unit.audit import generic_planted
from tests.unit.direct import bench

TAILS = {'vast': 'vastdata.driver.VASTShareDriver',
         'gluster': 'glusterfs.glusterfs_native.GlusterfsNativeShareDriver',
         'ces': 'ibm.gpfs.GPFSShareDriver'}
#: Options of a working section that Manila's driver does not have.
OWN = {'vast': ('vast_ssl_cert_path', 'vast_connect_timeout',
                'vast_retries'),
       'gluster': ('glusterfs_known_hosts', 'glusterfs_ssh_port',
                   'glusterfs_quota'),
       'ces': ('gpfs_ssh_known_hosts', 'gpfs_ssh_use_sudo')}


def upstream(place, *leave, **more):
    """Write a section as Manila's driver has it."""
    values = {'driver_handles_share_servers': False,
              **place.cluster.options(), **more,
              'share_driver': 'manila.share.drivers.' + TAILS[place.kind]}
    for name in OWN[place.kind]:
        if name not in leave and name not in more:
            values.pop(name, None)
    return bench.write(place.conf.with_name('upstream.conf'),
                       {'other': {'a': 'b'}, place.kind: values,
                        'behind': {'c': 'd'}}, state_path=place.conf.parent)


@pytest.fixture(params=sorted(TAILS))
def place(request, tmp_path):
    with bench.bench(request.param, tmp_path) as made:
        yield made


@pytest.fixture
def vast(tmp_path):
    with bench.bench('vast', tmp_path) as made:
        yield made


def decide(found):
    return [one for one in found.findings
            if one.severity == migrating.DECIDE]


def test_every_open_decision_is_told_and_none_that_is_taken(place):
    conf = upstream(place)
    found = migrating.migrate(conf, place.kind)
    assert found.driver == 'manila_drivers.' + TAILS[place.kind]
    told = decide(found)
    chosen = decisions.DRIVERS[TAILS[place.kind]]
    assert len(told) >= 2
    assert len(told) == len({one.option for one in told})
    for one in told:
        assert one.option in one.do
    # What is decided is asked no more: take the first choice of each.
    lines = [line for one in chosen for line, _ in one.choices[:1]]
    conf.write_text(conf.read_text().replace(
        f'[{place.kind}]', '\n'.join([f'[{place.kind}]', *lines])))
    assert decide(migrating.migrate(conf, place.kind, ask=False)) == []


def test_the_section_is_ours_with_its_lines_and_without_secrets(place):
    conf = upstream(place, share_backend_name='NAME')
    secret = place.cluster.secrets()
    conf.write_text(conf.read_text().replace(
        f'[{place.kind}]', f'[{place.kind}]\n# why it is so\n'
        f'#gpfs_ssh_password = of-before-7\nvast_api_token = a-\n  b-split-9'
        ))
    text = migrating.migrate(conf, place.kind, ask=False).section
    assert '# why it is so' in text
    for word in (*secret.values(), 'of-before-7', 'b-split-9'):
        assert word not in text
    parsed = configparser.ConfigParser(interpolation=None)
    parsed.read_string(text)
    assert parsed.sections() == [place.kind]
    assert parsed[place.kind]['share_driver'] == (
        'manila_drivers.' + TAILS[place.kind])
    assert parsed[place.kind]['share_backend_name'] == 'NAME'
    assert text.count('# Decide: ') >= 2


def test_the_lines_to_choose_from_are_none_that_is_wrong(vast):
    """Each choice goes into a section that is looked at then."""
    chosen = decisions.DRIVERS[TAILS['vast']]
    for line, _ in (choice for one in chosen for choice in one.choices):
        name, _, value = line.partition(' = ')
        if name == 'vast_ssl_cert_path':
            continue
        conf = upstream(vast, 'vast_ssl_cert_path', **{name: value})
        report = looking.look(conf, 'vast', ask=False,
                              driver='manila_drivers.' + TAILS['vast'])
        assert [one for one in report.findings
                if one.severity == 'error'] == []


def test_what_would_be_wrong_then_is_told_as_well(vast):
    conf = upstream(vast, 'vast_ssl_cert_path', vast_vippool_name='nope')
    found = migrating.migrate(conf, 'vast')
    assert 'vast_vippool_name' in [one.option for one in found.findings]


@pytest.mark.parametrize('path', [
    'manila.share.drivers.netapp.common.NetAppDriver', 'nonsense', ''])
def test_a_driver_without_counterpart_is_none(vast, path):
    conf = upstream(vast)
    conf.write_text(conf.read_text().replace(
        'manila.share.drivers.' + TAILS['vast'], path))
    with pytest.raises(exception.ConfigurationError, match='counterpart'):
        migrating.migrate(conf, 'vast')


def row(share, size=1):
    return {'id': share, 'name': f'share-{share}', 'size': size,
            'share_proto': 'NFS', 'export_locations': []}


def test_what_the_first_start_changes_is_what_it_does(vast, monkeypatch):
    sim = vast.cluster.sim
    rows = []
    for hosts in ((), ['192.0.2.5'], [('192.0.2.0/29', 'ro')]):
        share = str(uuid.uuid4())
        sim.make_upstream_share(share, 1, hosts)
        rows.append(row(share))
    conf = upstream(vast, 'vast_ssl_cert_path')
    before, mark = vast.cluster.inventory(), vast.cluster.mark()
    found = migrating.first_start(conf, 'vast', rows)
    changing = [line for line in vast.cluster.requests(mark)
                if not line.startswith(('GET', 'POST /api/v1/token'))]
    assert changing == []
    assert vast.cluster.inventory() == before
    told = [str(step) for step in found]
    assert len(told) >= 3

    ran, run = [], plan.run

    def running(steps, perform, **more):
        ran.extend(str(step) for step in steps)
        return run(steps, perform, **more)
    monkeypatch.setattr(plan, 'run', running)
    made = vastdata.VASTShareDriver(
        configuration=configuration.Configuration.from_file(conf, 'vast'))
    made.do_setup(None)
    made.ensure_shares(None, rows)
    assert sorted(told) == sorted(ran)


def test_the_command_prints_it_all(vast, capsys, tmp_path):
    share = str(uuid.uuid4())
    vast.cluster.sim.make_upstream_share(share)
    (tmp_path / 'shares.json').write_text(json.dumps([row(share)]))
    conf = upstream(vast, 'vast_ssl_cert_path')
    code = main.main(['--config-file', str(conf), 'check', 'vast',
                      '--migrate', '--shares', str(tmp_path / 'shares.json'),
                      '-f', 'json'])
    told = capsys.readouterr()
    found = json.loads(told.out)
    assert {one['Severity'] for one in found} >= {'decide', 'change'}
    assert any(share in one['Tried'] for one in found)
    assert 'share_driver = manila_drivers.vastdata' in told.err
    assert code == 1


def test_the_command_ends_as_it_says(vast, capsys):
    ok = ['--config-file', str(vast.conf), 'check']
    assert main.main(ok) == 0
    assert 'vast: 0 findings' in capsys.readouterr().err
    text = vast.conf.read_text()
    vast.conf.write_text(text.replace('[vast]', '[vast]\nvast_squash = x'))
    assert main.main([*ok, '--offline', '-f', 'json']) == 2
    found, = json.loads(capsys.readouterr().out)
    assert (found['Option'], found['Backend']) == ('vast_squash', 'vast')
    vast.conf.write_text(text.replace('vast_ssl_cert_path',
                                      'vast_ssl_cert_verify = no\n#'))
    assert main.main(ok) == 1
    assert main.main([*ok, 'nowhere']) == 2


# -- the Generic driver -------------------------------------------------------

UPSTREAM_GENERIC = 'manila.share.drivers.generic.GenericShareDriver'


@pytest.fixture
def generic(tmp_path, monkeypatch):
    return generic_planted.Place(tmp_path, monkeypatch)


def of_upstream(place, **more):
    """Have Manila's own driver in the section."""
    text = place.conf.read_text()
    lines = '\n'.join(f'{name} = {value}' for name, value in more.items())
    conf = place.conf.with_name('upstream.conf')
    conf.write_text(text.replace('share_driver = manila_drivers.generic.'
                                 'GenericShareDriver',
                                 f'share_driver = {UPSTREAM_GENERIC}\n'
                                 f'{lines}'))
    assert UPSTREAM_GENERIC in conf.read_text()
    return conf


def test_generic_has_nothing_to_decide_and_says_what_changes(generic):
    conf = of_upstream(generic, smb_template_config_path='/etc/smb.conf')
    found = migrating.migrate(conf, 'generic')
    assert found.driver == 'manila_drivers.generic.GenericShareDriver'
    assert found.driver in found.section
    assert generic_planted.PASSWORD not in found.section
    told = {one.severity: one for one in found.findings}
    assert sorted(told) == [migrating.CHANGE, 'warning']
    assert told['warning'].option == 'smb_template_config_path'
    assert (decide(found), found.unseen) == ([], ())


def test_generic_shows_what_the_first_start_changes(generic):
    with generic.backend() as backend:
        share = backend.shares.create(size=1, name='one', proto='NFS')
        row = {'id': share.id, 'name': f'share-{share.id}', 'size': 1,
               'share_proto': 'NFS', 'export_locations': [
                   {'path': path} for path in share.locations]}
    conf = of_upstream(generic)
    before = generic.inventory()
    assert list(migrating.first_start(conf, 'generic', [row])) == []
    generic_planted.unmounted(generic, share)
    broken = generic.inventory()
    steps = list(migrating.first_start(conf, 'generic', [row]))
    assert [step.action for step in steps] == ['serve share again']
    assert generic.inventory() == broken != before


def test_shares_of_share_servers_are_not_guessed_at(generic):
    conf = of_upstream(generic)
    conf.write_text(conf.read_text().replace(
        'driver_handles_share_servers = False',
        'driver_handles_share_servers = True'))
    with pytest.raises(exception.Unsupported, match='share servers'):
        migrating.first_start(conf, 'generic', [])


@pytest.mark.parametrize('text', [
    None, '{', '{"a": 1}', '[1]', '[{"name": "share-1"}]', '[{"id": 3}]'])
def test_shares_that_cannot_be_read_are_no_mere_warning(
        vast, capsys, tmp_path, text):
    """Exit with 2, and tell all that was found beside them."""
    conf, file = upstream(vast, 'vast_ssl_cert_path'), tmp_path / 'shares'
    if text is not None:
        file.write_text(text)
    run = ['--config-file', str(conf), '--backend', 'vast', 'check',
           '--migrate', '-f', 'json']
    assert main.main(run) == 1
    before = json.loads(capsys.readouterr().out)
    assert main.main([*run, '--shares', str(file)]) == 2
    told = json.loads(capsys.readouterr().out)
    assert told[:-1] == before
    assert 'of --shares' in told[-1]['Tried']
    assert main.main([*(word for word in run if word != '--migrate'),
                      '--shares', str(file)]) == 2
    assert 'without --migrate' in capsys.readouterr().err


def test_a_share_that_is_not_there_is_told_before_the_first_start(
        vast, capsys, tmp_path):
    sim, ident, lost = vast.cluster.sim, str(uuid.uuid4()), str(uuid.uuid4())
    sim.make_upstream_share(ident, 1, ())
    conf, file = upstream(vast, 'vast_ssl_cert_path'), tmp_path / 'shares'
    file.write_text(json.dumps([row(ident), row(lost)]))
    assert main.main(['--config-file', str(conf), '--backend', 'vast',
                      'check', '--migrate', '--shares', str(file),
                      '-f', 'json']) == 2
    [told] = [one for one in json.loads(capsys.readouterr().out)
              if one['Severity'] == 'error']
    assert lost in told['Tried']
    assert 'it is lost' in told['Answered']


def test_a_crash_is_no_mere_warning(vast, capsys, monkeypatch):
    def crash(*args, **more):
        raise KeyError('nobody expects that')
    monkeypatch.setattr(looking, 'look', crash)
    assert main.main(['--config-file', str(vast.conf), 'check', 'vast',
                      'vast', '-f', 'json']) == 2
    told = json.loads(capsys.readouterr().out)
    assert len(told) == 2
    assert all('KeyError' in one['Answered'] for one in told)

# SPDX-License-Identifier: Apache-2.0

"""The GPFS driver's helpers on several simulated servers."""

import dataclasses
import ipaddress
import threading
import types

import pytest

from manila_drivers import exception
from manila_drivers import networks
from manila_drivers.ibm.gpfs.helpers import gnfs
from manila_drivers.ibm.gpfs.helpers import knfs
from manila_drivers.nas import directory
from manila_drivers.nas import exports
from manila_drivers.nas import ganesha_bus
from manila_drivers.nas import ganesha_exports
from manila_drivers.testing.simulators import faults
from manila_drivers.testing.simulators import nfs
from manila_drivers.testing.simulators.nfs import files
from manila_drivers.transport import command
from tests.unit.nas import world

RULES = {'10.0.0.1': 'rw', '10.0.0.0/30': 'ro', '2001:db8::/64': 'rw'}


@dataclasses.dataclass
class Site:
    """A helper and its servers."""

    helper: object
    servers: dict

    def apply(self, levels, **parts):
        return self.helper.reconcile([world.export(levels, **parts)])

    def execs(self):
        return {server.execs for server in self.servers.values()}

    def forget(self):
        """Have what a new process has: a helper that knows nothing."""
        self.helper = type(self.helper)(self.helper.execute,
                                        self.helper.configuration)


def site(kind, **options):
    helper, server = {'KNFS': (knfs.KNFSHelper, nfs.KernelNfs),
                      'GNFS': (gnfs.GNFSHelper, nfs.Ganesha)}[kind]
    servers = {name: server(name) for name in ('nfs1', 'nfs2', 'nfs3')}
    return Site(helper(
        world.execute(servers.__getitem__),
        types.SimpleNamespace(**{
            'gpfs_nfs_server_list': list(servers),
            'ganesha_export_dir': '/etc/ganesha/export.d', **options})),
        servers)


@pytest.fixture(params=['KNFS', 'GNFS'])
def place(request):
    return site(request.param)


def meant(levels):
    return world.meant({ipaddress.ip_network(network): level
                        for network, level in levels.items()})


def test_two_execs_per_server_whatever_the_rules(place):
    many = {f'10.2.{n // 250}.{n % 250}': 'rw' for n in range(500)}
    outcomes = place.apply(many)
    assert exports.failed(outcomes) == {}
    assert place.execs() == {2}
    place.apply(many)
    assert place.execs() == {3}


def test_servers_are_talked_to_at_once(place):
    """None of them goes on before the others have been asked as well."""
    together = threading.Barrier(len(place.servers))

    class Waiting:
        def __init__(self, server):
            self.words, self.judge = server.words, server.judge
            self._server = server

        def run(self, cmd):
            together.wait(timeout=20)
            return self._server.run(cmd)

    waiting = {name: Waiting(server)
               for name, server in place.servers.items()}
    place.helper.execute.server = waiting.__getitem__
    assert exports.failed(place.apply(RULES)) == {}
    assert place.execs() == {2}


def test_an_export_above_the_shares_is_told_of(place, caplog):
    """It lets everybody in, whatever the rules say."""
    for path, told in (world.PATH + '0', False), ('/gpfs', False), \
            (world.PATH.rpartition('/')[0], True):
        caplog.clear()
        server = place.servers['nfs2']
        by_hand(server, path)
        if told:
            assert server.access('192.0.2.77', world.PATH) == 'rw'
        assert exports.failed(place.apply(RULES)) == {}
        assert ('nfs2 also exports' in caplog.text) == told
        assert 'nfs1 also exports' not in caplog.text


def by_hand(server, path):
    """Everybody may write."""
    if isinstance(server, nfs.KernelNfs):
        server.execute(['exportfs', '-i', '-o', 'rw,fsid=9', f'*:{path}'])
        return
    file = '/etc/ganesha/hand.conf'
    server.files.text[file] = (
        f'EXPORT {{ Export_Id = 9; Path = "{path}"; Pseudo = "{path}"; '
        'Tag = "hand"; Access_Type = RW; FSAL { Name = VFS; } }')
    for call in (ganesha_bus.remove(9), ganesha_bus.add(file, 9)):
        server.execute(call.words())


def test_every_server_is_reconciled(place):
    for levels in RULES, {'10.0.0.1': 'ro'}, {}:
        assert exports.failed(place.apply(levels)) == {}
        for server in place.servers.values():
            assert world.given(server) == meant(levels)
            server.reboot()
            assert world.given(server) == meant(levels)
    assert {server.inventory() for server in place.servers.values()} == {
        frozenset()}


def test_identity_is_the_same_on_every_server(place):
    place.apply(RULES)
    texts = {tuple(sorted(server.files.text.items()))
             for server in place.servers.values()}
    assert len(texts) == 1


def test_dead_server_is_reported_and_catches_up(place):
    place.apply(RULES)
    place.servers['nfs2'].dead = True
    outcomes = place.apply({'10.0.0.5': 'rw'})
    assert set(exports.failed(outcomes)) == {'nfs2'}
    assert isinstance(outcomes['nfs2'].error, exception.Unreachable)
    for name in 'nfs1', 'nfs3':
        assert world.given(place.servers[name]) == meant({'10.0.0.5': 'rw'})
    place.servers['nfs2'].dead = False
    assert place.servers['nfs2'].access('10.0.0.1', world.PATH) == 'rw'
    assert exports.failed(place.apply({'10.0.0.5': 'rw'})) == {}
    assert world.given(place.servers['nfs2']) == meant({'10.0.0.5': 'rw'})


@pytest.mark.parametrize('kind', ['reset_before', 'reset_after', 'status'])
@pytest.mark.parametrize('target', [RULES, {'10.0.0.2': 'rw'}, {}])
def test_fault_at_every_command(place, kind, target):
    place.apply({'10.0.0.1': 'rw', '10.0.0.0/8': 'rw'})
    struck = 0
    for nth in range(1, 30):
        one = place.servers['nfs1']
        one.faults.disarm()
        one.faults.arm(faults.Fault(kind, nth=nth, match='^command',
                                    code=1))
        outcome = place.apply(target)['nfs1']
        struck += bool(one.faults.fired)
        given = world.given(one)
        one.faults.disarm()
        if outcome.error is None:
            assert given == meant(target)
            assert target or one.inventory() == frozenset()
            one.reboot()
            assert world.given(one) == meant(target)
        place.forget()
        assert exports.failed(place.apply(target)) == {}
        assert world.given(one) == meant(target)
        if not target:
            assert one.inventory() == frozenset()
        place.apply({'10.0.0.1': 'rw', '10.0.0.0/8': 'rw'})
        if nth > 5 and struck < nth:
            break
    assert struck >= 5


@pytest.mark.parametrize('kind', ['refused', 'reset_before', 'reset_after',
                                  'cut_off'])
@pytest.mark.parametrize('nth', [1, 2])
def test_fault_at_every_exec(place, kind, nth):
    one = place.servers['nfs1']
    one.faults.arm(faults.Fault(kind, nth=nth, match='^exec'))
    outcome = place.apply(RULES)['nfs1']
    assert one.faults.fired == 1
    if outcome.error is None:
        assert world.given(one) == meant(RULES)
    one.faults.disarm()
    assert exports.failed(place.apply(RULES)) == {}
    assert world.given(one) == meant(RULES)


@pytest.mark.parametrize('target', [RULES, {}])
def test_a_server_that_must_not_be_looked_at_is_an_error(place, target):
    """sudo refuses with the exit code that says that nothing is there."""
    place.apply({'10.0.0.1': 'rw', '10.0.0.0/8': 'rw'})
    one = place.servers['nfs1']
    before = dict(one.files.text)
    one.faults.arm(faults.Fault('status', match='^command grep', code=1))
    outcome = place.apply(target)['nfs1']
    assert 'simulated failure' in str(outcome.error)
    assert one.files.text == before


@pytest.mark.parametrize(('said', 'known'), [
    ('', True), ('grep: /etc/exports.d: No such file or directory', True),
    ('sudo: unable to resolve host nfs1: Name or service not known', True),
    ('sudo: a password is required', False),
    ('sudo: unable to resolve host x\nsudo: a password is required', False),
    ('grep: /etc/exports.d: Permission denied', False)])
def test_nothing_there_and_nothing_known_are_told_apart(said, known):
    result = command.Result('', said + '\n', 1)
    assert (directory.objection(result) == '') is known
    assert directory.objection(command.Result('', said, 0)) == ''


def test_a_server_agrees_with_those_that_are_not_told(place):
    """Handles of clients hold what the others have said."""
    def identity(server):
        if isinstance(server, nfs.Ganesha):
            return {export.id for export in server.exports.values()}
        return {entry.fsid for entry in server.entries}

    place.apply(RULES, fsid='7')
    wanted = [world.export(RULES)]
    for number, export in list(getattr(
            place.servers['nfs1'], 'exports', {}).items()):
        for name in 'nfs1', 'nfs3':
            text = place.servers[name].files.text
            file = f'/etc/ganesha/export.d/{export.tag}.conf'
            text[file] = text[file].replace(f'= {number};', '= 4711;')
            place.servers[name].reboot()
    place.servers['nfs2'] = type(place.servers['nfs2'])('nfs2')
    place.helper.execute.server = place.servers.__getitem__
    place.forget()
    outcomes = place.helper.run(place.helper.planned(
        place.helper.ask(wanted), wanted, ['nfs2']))
    assert set(outcomes) == {'nfs2'}
    assert exports.failed(outcomes) == {}
    assert identity(place.servers['nfs2']) == identity(
        place.servers['nfs1'])
    assert world.given(place.servers['nfs2']) == meant(RULES)


def test_survey_sees_what_is_exported(place):
    place.apply(RULES)
    place.servers['nfs3'].dead = True
    found = place.helper.survey()
    assert isinstance(found.pop('nfs3'), exception.Unreachable)
    for seen in found.values():
        for client, level in meant(RULES).items():
            assert networks.PrefixTable(seen.levels[world.PATH]).level(
                ipaddress.ip_network(client)) == level
        assert seen.doubtful == frozenset()


def test_many_healthy_shares_cost_one_exec(place):
    wanted = [world.export({'10.0.0.1': 'rw'}, path=f'/gpfs0/s{n}',
                           name=f's{n}', fsid=f'{n:032x}')
              for n in range(1, 120)]
    place.helper.reconcile(wanted)
    before = place.execs()
    place.forget()
    outcomes = place.helper.reconcile(wanted)
    assert {execs - 1 for execs in place.execs()} == before
    assert not any(outcome.changed for outcome in outcomes.values())


def test_check_names_the_option(place):
    place.helper.check()
    for server in place.servers.values():
        server.dead = True
    with pytest.raises(exception.ConfigurationError,
                       match='gpfs_nfs_server_list'):
        place.helper.check()


def test_access_that_a_network_hides_is_refused_not_widened():
    def within(wide, narrow):
        return {ipaddress.ip_network('::/0'): wide, **{
            ipaddress.ip_network((n << 96, 120)): narrow for n in range(40)}}

    levels = within('ro', 'rw')
    assert site('KNFS').helper.refused(world.export(levels)).keys() == {
        network for network, level in levels.items() if level == 'rw'}
    assert not site('GNFS').helper.refused(world.export(levels))
    levels = within('rw', 'ro')
    place = site('KNFS')
    assert len(place.helper.refused(world.export(levels))) == 40
    assert set(exports.failed(place.apply(levels))) == set(place.servers)
    assert not site('GNFS').helper.refused(world.export(levels))
    assert site('GNFS').helper.refused(
        world.export({ganesha_exports.ANYBODY: 'rw'}))


@pytest.mark.parametrize(('kind', 'name', 'text'), [
    ('KNFS', 'knfs_export_options', 'sync,fsid=0'),
    ('KNFS', 'knfs_export_options', 'no_such_option'),
    ('GNFS', 'ganesha_nfs_export_options', 'root_access = "*"'),
    ('GNFS', 'ganesha_nfs_export_options', 'clients = *'),
    ('GNFS', 'ganesha_export_dir', 'not/absolute')])
def test_options_that_are_refused(kind, name, text):
    with pytest.raises(exception.ConfigurationError, match=name):
        site(kind, **{name: text}).helper.check()


def test_options_of_operators():
    kernel = site('KNFS', knfs_export_options='rw,sync,no_root_squash,'
                  'insecure,no_wdelay,no_subtree_check').helper
    assert kernel.options({}) == ('sync', 'no_root_squash', 'insecure',
                                  'no_wdelay', 'no_subtree_check')
    assert kernel.options({'knfs:export_options': 'root_squash'}) == (
        'sync', 'insecure', 'no_wdelay', 'no_subtree_check', 'root_squash')
    ganesha = site('GNFS', ganesha_nfs_export_options=(
        'maxread = 65536, nfs_protocols = "3,4"')).helper
    assert ganesha.options({'gnfs:export_options': 'squash=none'}) == (
        'maxread=65536', 'protocols=3:4', 'squash=none')
    with pytest.raises(exception.InvalidRequest, match='access_type'):
        ganesha.options({'gnfs:export_options': 'access_type=RW'})


def test_missing_directory_is_not_exported(place):
    place.servers['nfs2'].files.is_directory = lambda path: False
    outcomes = place.apply(RULES)
    assert isinstance(outcomes['nfs2'].error, exception.NotFound)
    assert set(exports.failed(outcomes)) == {'nfs2'}
    assert exports.failed(place.apply({})) == {}


@pytest.mark.parametrize('said', [
    "stat: cannot statx '/gpfs0/share-1': Permission denied",
    'sudo: a password is required', ''])
def test_a_directory_that_is_not_told_of_is_not_missing(place, said):
    """Nobody is let in; but the error tells what has really failed."""
    stat = place.servers['nfs2'].files._commands
    stat['stat'] = lambda words, stdin: files.Result('', said, 1)
    outcomes = place.apply(RULES)
    error = outcomes['nfs2'].error
    assert set(exports.failed(outcomes)) == {'nfs2'}
    assert 'not told' in str(error)
    assert said in str(error)
    assert not isinstance(error, exception.NotFound)
    assert set(world.given(place.servers['nfs2']).values()) == {None}
    assert exports.failed(place.apply({})) == {}


def test_line_of_somebody_else_is_warned_about(caplog):
    place = site('KNFS')
    place.servers['nfs1'].files.text['/etc/exports'] = (
        f'{world.PATH} *(rw)\n')
    place.apply(RULES)
    assert 'nfs1 exports /gpfs0/share-1 again' in caplog.text


@pytest.mark.parametrize(('busy', 'limit', 'failed'), [
    (1, 300, False), (7, 300, False), (10**6, 0.2, True)])
def test_ganesha_that_reads_its_exports_is_told_again(busy, limit, failed):
    """It refuses changes meanwhile, such as after a SIGHUP; how often it was
    asked does not count."""
    class Reading(nfs.Ganesha):
        left = busy

        def special(self, words, stdin):
            if words[0] == 'dbus-send' and 'AddExport' in words[5]:
                self.left -= 1
                if self.left >= 0:
                    return files.failed(
                        'Error org.freedesktop.DBus.Error.InvalidArgs: '
                        'another export admin operation is in progress, try '
                        'again later')
            return super().special(words, stdin)

    place = site('GNFS', gpfs_command_timeout=limit)
    place.helper.execute.sleep = lambda seconds: None
    place.servers['nfs2'] = place.helper.execute.server.__self__[
        'nfs2'] = Reading('nfs2')
    errors = exports.failed(place.apply(RULES))
    assert set(errors) == ({'nfs2'} if failed else set())
    assert (world.given(place.servers['nfs2']) == meant(RULES)) != failed
    assert failed == ('try again later' in str(errors.get('nfs2')))


def test_what_exportfs_does_not_do_is_noticed():
    """There are failures that it only warns of, with exit code 0."""
    class Careless(nfs.KernelNfs):
        careless = False

        def special(self, words, stdin):
            if self.careless and list(words[:2]) == ['exportfs', '-u']:
                return command.Result('', 'exportfs: something is odd\n', 0)
            return super().special(words, stdin)

    place = site('KNFS')
    careless = Careless('nfs2')
    place.servers['nfs2'] = place.helper.execute.server.__self__[
        'nfs2'] = careless
    assert exports.failed(place.apply(RULES)) == {}
    careless.careless = True
    error, = exports.failed(place.apply({'10.0.0.1': 'rw'})).values()
    assert 'exportfs -u' in str(error)
    assert place.execs() == {4, 5}
    careless.careless = False
    assert exports.failed(place.apply({'10.0.0.1': 'rw'})) == {}
    assert world.given(careless) == meant({'10.0.0.1': 'rw'})


def test_a_full_disk_is_reported_and_leaves_nothing(place):
    """Half a file is written, and no server ever reads it."""
    assert exports.failed(place.apply(RULES)) == {}
    server = place.servers['nfs2']
    commands = server.files._commands
    tee = commands['tee']

    def full(arguments, stdin):
        tee(arguments, stdin[:len(stdin) // 2])
        return files.failed(f'tee: {arguments[-1]}: No space left on device')

    commands['tee'] = full
    before, wanted = world.given(server), {'10.0.0.2': 'rw'}
    error, = exports.failed(place.apply(wanted)).values()
    assert 'No space left on device' in str(error)
    # Kernel NFS lets in what both have, until the next start.
    assert world.given(server) == (
        {**meant({}), '10.0.0.2': before['10.0.0.2']}
        if isinstance(server, nfs.KernelNfs) else before)
    server.reboot()
    assert world.given(server) == before
    # Nobody can be let in any more even so.
    assert exports.failed(place.apply({})) == {}
    assert set(world.given(server).values()) == {None}
    commands['tee'] = tee
    assert exports.failed(place.apply(wanted)) == {}
    for one in place.servers.values():
        one.reboot()
        assert world.given(one) == meant(wanted)
        assert not [name for name in one.files.text
                    if name.endswith(('.new', '.pending'))]


@pytest.mark.parametrize(('text', 'told'), [
    ('%include /etc/ganesha/export.d/INDEX.conf\n', False),
    ('# %include /etc/ganesha/export.d/INDEX.conf\nNFSv4 { }\n', True),
    (None, False)])
def test_an_index_that_ganesha_does_not_read_is_told_of(caplog, text, told):
    """Exports work, up to the next restart."""
    place = site('GNFS')
    server = place.servers['nfs2']
    del server.files.text['/etc/ganesha/ganesha.conf']
    if text is not None:
        server.files.text['/etc/ganesha/ganesha.conf'] = text
    place.helper.check()
    assert ('nfs2: there is no line "%include' in caplog.text) == told
    assert 'nfs1' not in caplog.text


@pytest.mark.parametrize('method', ['AddExport', 'UpdateExport',
                                    'RemoveExport'])
def test_what_ganesha_does_not_do_is_noticed(method):
    """It says that it did."""
    class Idle(nfs.Ganesha):
        idle = False

        def special(self, words, stdin):
            before = dict(self.exports)
            result = super().special(words, stdin)
            if self.idle and words[0] == 'dbus-send' and method in words[5]:
                self.exports = before
            return result

    place = site('GNFS')
    idle = place.servers['nfs2'] = place.helper.execute.server.__self__[
        'nfs2'] = Idle('nfs2')
    if method != 'AddExport':
        place.apply({'10.0.0.3': 'rw'})
    idle.idle = True
    wanted = {} if method == 'RemoveExport' else RULES
    errors = exports.failed(place.apply(wanted))
    assert set(errors) == {'nfs2'}
    idle.idle = False
    assert exports.failed(place.apply(wanted)) == {}
    assert world.given(idle) == meant(wanted)

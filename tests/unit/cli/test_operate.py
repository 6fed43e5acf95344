# SPDX-License-Identifier: Apache-2.0

"""``manila-drivers share``, ``snapshot`` and ``backend``, on a simulator."""

import json
import os
import pathlib
import subprocess
import sys

import pytest
import yaml

from manila_drivers import exception
from manila_drivers.cli import main
from manila_drivers.cli.operate import app
from manila_drivers.cli.operate import exits
from manila_drivers.cli.operate import progress
from tests.unit.direct import bench

ROOT = pathlib.Path(__file__).resolve().parents[3]


@pytest.fixture
def place(tmp_path):
    with bench.bench('vast', tmp_path) as made:
        yield made


@pytest.fixture
def run(place, capsys):
    """The command; returns exit code, standard output, standard error."""
    def call(*words):
        code = main.main(['--config-file', str(place.conf), *words])
        told = capsys.readouterr()
        return code, told.out, told.err
    return call


@pytest.fixture
def done(run):
    """The command, which has to succeed; returns what it printed as JSON."""
    def call(*words):
        code, out, err = run(*words, '-f', 'json')
        assert (code, err) == (0, '')
        return json.loads(out)
    return call


def test_a_share_lives_and_leaves_nothing(place, done):
    made = done('share', 'create', 'one', '2')
    assert (made['size'], made['status'], made['protocol']) == (
        2, 'available', 'NFS')
    export = made['export_locations'][0]
    rule = done('share', 'allow', 'one', '192.0.2.0/24', '--level', 'ro')
    assert (rule['to'], rule['level'], rule['state']) == (
        '192.0.2.0/24', 'ro', 'active')
    assert place.cluster.level('192.0.2.9', export) == 'ro'
    assert done('share', 'access', 'list', 'one')[0]['Level'] == 'ro'
    assert done('share', 'resize', 'one', '3')['size'] == 3
    done('snapshot', 'create', 'one', 'monday')
    clone = done('snapshot', 'clone', 'monday', 'two', '--size', '4')
    assert (clone['size'], clone['status']) == (4, 'available')
    assert done('share', 'create', 'three', '--snapshot', 'monday')[
        'snapshot_id'] == clone['snapshot_id']
    assert [one['Name'] for one in done('share', 'list')] == [
        'one', 'two', 'three']
    assert done('share', 'show', 'one')['access'] == ['ro 192.0.2.0/24']
    assert done('snapshot', 'list', '--share', 'one')[0]['Share'] == 'one'
    assert done('snapshot', 'show', 'monday')['size'] == 3
    assert done('share', 'deny', 'one', '192.0.2.0/24')[0][
        'Result'] == 'denied'
    assert place.cluster.level('192.0.2.9', export) is None
    done('snapshot', 'delete', 'monday')
    gone = done('share', 'delete', 'one', 'two', 'three')
    assert [one['Result'] for one in gone] == ['deleted'] * 3
    assert done('share', 'list') == []
    assert place.cluster.inventory() == place.empty


def test_release_and_adopt(place, done):
    export = done('share', 'create', 'one', '1')['export_locations'][0]
    done('share', 'release', 'one')
    assert done('share', 'list') == []
    planned = done('share', 'adopt', export, 'again', '--dry-run')
    assert planned['operation'] == 'adopt share'
    assert done('share', 'list') == []
    assert done('share', 'adopt', export, 'again')['size'] == 1


def test_a_snapshot_is_released_and_adopted(place, done, run):
    done('share', 'create', 'one', '1')
    done('snapshot', 'create', 'one', 'first')
    ident = done('snapshot', 'show', 'first')['id']
    assert done('snapshot', 'release', 'first')[0]['Result'] == 'released'
    assert done('snapshot', 'list') == []
    location = 'share-snapshot-' + ident
    planned = done('snapshot', 'adopt', 'one', location, 'again', '--dry-run')
    assert planned['operation'] == 'adopt snapshot'
    assert done('snapshot', 'list') == []
    found = done('snapshot', 'adopt', 'one', location, 'again')
    assert (found['share'], found['status']) == ('one', 'available')
    code, _, err = run('share', 'revert', 'one')
    assert (code, 'cannot be brought back' in err) == (exits.REFUSED, True)
    assert run('snapshot', 'revert', 'again')[0] == exits.REFUSED
    done('snapshot', 'delete', 'again')
    done('share', 'delete', 'one')
    assert place.cluster.inventory() == place.empty


def test_a_share_is_reverted(tmp_path, capsys):
    with bench.bench('ces', tmp_path) as place:
        def done(*words):
            code = main.main(['--config-file', str(place.conf), *words,
                              '-f', 'json'])
            told = capsys.readouterr()
            assert (code, told.err) == (0, '')
            return json.loads(told.out)
        export = done('share', 'create', 'one', '2')['export_locations'][0]
        done('snapshot', 'create', 'one', 'first')
        place.cluster.fill(export, 2 ** 30)
        for words in (('share', 'revert', 'one'),
                      ('share', 'revert', 'one', '--snapshot', 'first'),
                      ('snapshot', 'revert', 'first')):
            planned = done(*words, '--dry-run')
            assert planned['operation'] == 'revert to snapshot first'
            assert any(step.startswith('restore snapshot')
                       for step in planned['steps'])
            assert place.cluster.used(export) == 2 ** 30
            assert done(*words)['status'] == 'available'
            assert place.cluster.used(export) == 0
            place.cluster.fill(export, 2 ** 30)


CHANGES = [
    (('share', 'create', 'new', '1'), 'create'),
    (('share', 'resize', 'one', '5'), 'extend'),
    (('share', 'resize', 'one', '1'), 'shrink'),
    (('share', 'allow', 'one', '198.51.100.0/24'), ''),
    (('share', 'deny', 'one', '192.0.2.0/24'), ''),
    (('share', 'delete', 'other'), 'delete'),
    (('share', 'release', 'other'), 'forget'),
    (('snapshot', 'create', 'one', 'second'), 'take'),
    (('snapshot', 'clone', 'first', 'clone'), 'create'),
    (('snapshot', 'release', 'first'), 'forget'),
    (('snapshot', 'delete', 'first'), 'delete')]


def changing(place, mark):
    return [line for line in place.cluster.requests(mark)
            if not line.startswith('GET') and 'token' not in line]


@pytest.mark.parametrize(('words', 'told'), CHANGES,
                         ids=[' '.join(words) for words, _ in CHANGES])
def test_a_dry_run_tells_its_steps_and_changes_nothing(place, done, run,
                                                       words, told):
    done('share', 'create', 'one', '2')
    done('share', 'create', 'other', '1')
    done('share', 'allow', 'one', '192.0.2.0/24')
    done('snapshot', 'create', 'one', 'first')
    before = (done('share', 'list'), done('snapshot', 'list'),
              done('share', 'access', 'list', 'one'),
              place.cluster.inventory())
    mark = place.cluster.mark()
    found = done(*words, '--dry-run')
    found = found[0] if isinstance(found, list) else found
    found = {name.lower(): value for name, value in found.items()}
    assert changing(place, mark) == []
    assert found['changes'] == len(found['steps'])
    assert before == (done('share', 'list'), done('snapshot', 'list'),
                      done('share', 'access', 'list', 'one'),
                      place.cluster.inventory())
    assert found['steps'] == [] if words[0] == 'snapshot' \
        and told == 'forget' else any(
            step.startswith(told) for step in found['steps']), found
    mark = place.cluster.mark()
    code, _, err = run(*words)
    assert (code, err) == (0, '')
    # What is forgotten has no trace on the cluster.
    assert bool(changing(place, mark)) == (told != 'forget')


def test_it_is_printed_as_is_wanted(run, done):
    done('share', 'create', 'one', '2')
    _, table, _ = run('share', 'list')
    assert '| one  |' in table
    _, text, _ = run('share', 'show', 'one', '-f', 'yaml')
    assert yaml.safe_load(text)['size'] == 2
    _, value, _ = run('share', 'show', 'one', '-f', 'value', '-c', 'name',
                      '-c', 'status')
    assert value.split() == ['one', 'available']


REFUSED = [
    (('share', 'show', 'none'), exits.MISSING, 'none'),
    (('share', 'create', 'one', '3'), exits.REFUSED, 'another share one'),
    (('share', 'create', 'two'), exits.REFUSED, 'needs a size'),
    (('share', 'create', 'two', '1', '--extra-spec', 'x'), exits.REFUSED,
     'NAME=VALUE'),
    (('share', 'create', ' two', '1'), exits.REFUSED, 'no name'),
    (('share', 'allow', 'one', 'nonsense'), exits.REFUSED, 'neither an IP'),
    (('share', 'allow', 'one', 'x', '--type', 'user'), exits.REFUSED,
     'access type'),
    (('share', 'create', 'two', '1', '--snapshot', 'none'), exits.MISSING,
     'snapshot none'),
    (('share', 'adopt', '10.0.0.1:/none', 'x'), exits.REFUSED, '/none'),
    (('backend', 'show', 'nowhere'), exits.REFUSED, '[nowhere]')]


@pytest.mark.parametrize(('words', 'code', 'text'), REFUSED,
                         ids=[' '.join(words) for words, _, _ in REFUSED])
def test_an_error_is_one_line_and_an_exit_code(run, words, code, text):
    assert run('share', 'create', 'one', '2')[0] == 0
    found, out, err = run(*words)
    assert (found, out) == (code, '')
    assert err.count('\n') == 1
    assert text in err


@pytest.mark.parametrize('words', [
    ('share', 'create', 'x', '0'), ('share', 'create', 'x', 'many'),
    ('share', 'list', '-f', 'nonsense'), ('share', 'nonsense')])
def test_arguments_that_make_no_sense(run, words):
    try:
        code = run(*words)[0]
    except SystemExit as ended:
        code = ended.code
    assert code == 2


def test_one_that_fails_stops_no_other(place, run):
    for name in ('one', 'two'):
        run('share', 'create', name, '1')
    code, out, err = run('share', 'delete', 'one', 'none', 'two', '-f',
                         'json')
    assert code == exits.MISSING
    assert [one['Result'] for one in json.loads(out)] == [
        'deleted', 'failed', 'deleted']
    assert 'none' in err
    assert place.cluster.inventory() == place.empty


def test_a_backend_that_is_away_is_for_later(place, run):
    run('share', 'create', 'one', '1')
    place.cluster.stop()
    code, _, err = run('share', 'create', 'two', '1')
    # That is how a start ends: the option may be wrong.
    assert (code, 'vast_mgmt_host' in err) == (exits.REFUSED, True)
    # What is recorded can be read nevertheless.
    assert run('share', 'list')[0] == 0


def test_every_error_has_a_code():
    def kinds(kind):
        yield kind
        for one in kind.__subclasses__():
            yield from kinds(one)
    found = {kind.__name__: exits.code(kind.__new__(kind))
             for kind in kinds(exception.DriverError)}
    assert set(found.values()) == {1, 2, 3, 4}
    assert found['OutcomeUnknown'] == found['Busy'] == 4
    assert found['PossibleDataLoss'] == found['NoRoom'] == 1


def test_backends_are_shown(run, done):
    assert done('backend', 'list') == [{
        'Name': 'vast', 'Driver':
        'manila_drivers.vastdata.driver.VASTShareDriver', 'Enabled': False}]
    found = done('backend', 'show')
    assert found['snapshot_support'] is True
    assert found['registry'].startswith('sqlite:///')
    assert done('backend', 'capacity', 'vast')[0]['Total'] > 0


def test_a_backend_has_to_be_named_where_there_are_several(place, run):
    text = place.conf.read_text()
    place.conf.write_text(text + text[text.index('[vast]'):].replace(
        '[vast]', '[second]'))
    code, _, err = run('share', 'list')
    assert (code, 'vast' in err, 'second' in err) == (2, True, True)
    assert run('--backend', 'second', 'share', 'list')[0] == 0


def test_completion_knows_all_commands(run):
    code, out, _ = run('complete')
    assert code == 0
    for name in app.COMMANDS:
        assert name.split()[-1] in out
    assert '--dry-run' in out


def test_each_command_explains_itself(run):
    for name in app.COMMANDS:
        try:
            code, _, _ = run('help', *name.split())
        except SystemExit as ended:
            code = ended.code
        assert code in (0, None)


def test_the_page_has_all_commands_and_no_others():
    page = (ROOT / 'doc/source/user/command.rst').read_text()
    for name in app.COMMANDS:
        assert f'``{name}' in page, name


def test_without_the_extra_it_says_what_to_install():
    script = ('import sys; sys.modules["cliff"] = None; '
              'from manila_drivers.cli import main; '
              'sys.exit(main.main(["share", "list", "--no-such"]))')
    found = subprocess.run([sys.executable, '-c', script], cwd=ROOT,
                           capture_output=True, text=True, check=False)
    assert (found.returncode, 'manila-drivers[cli]' in found.stderr) == (
        2, True)
    assert 'Traceback' not in found.stderr


@pytest.mark.parametrize('words', [
    ['share', 'list'], ['backend', 'show'], ['check', '--offline']])
def test_a_manila_that_is_there_is_not_imported(place, tmp_path, words):
    """It would take a second, and give drivers another base class."""
    (tmp_path / 'manila').mkdir()
    (tmp_path / 'manila' / '__init__.py').write_text(
        "raise RuntimeError('Manila was imported')")
    found = subprocess.run(
        [sys.executable, '-m', 'manila_drivers.cli.main', '--config-file',
         str(place.conf), *words], cwd=ROOT, capture_output=True, text=True,
        check=False, env={**os.environ, 'PYTHONPATH': str(tmp_path)})
    assert (found.returncode, 'Manila was' in found.stderr) == (0, False)
    # That one would be found.
    broken = subprocess.run(
        [sys.executable, '-c', 'import manila_drivers.compat'], cwd=ROOT,
        capture_output=True, text=True, check=False,
        env={**os.environ, 'PYTHONPATH': str(tmp_path)})
    assert 'Manila was imported' in broken.stderr


def test_no_secret_is_told(place, run):
    secret = place.cluster.secrets()['password']
    for words in (('backend', 'show'), ('-vv', 'share', 'create', 'x', '1'),
                  ('share', 'list')):
        code, out, err = run(*words)
        assert (code, secret in out + err) == (0, False)


# -- progress -------------------------------------------------------------

class Stream:
    def __init__(self, terminal):
        self.text, self._terminal = '', terminal

    def isatty(self):
        return self._terminal

    def write(self, text):
        self.text += text

    def flush(self):
        pass


def test_a_terminal_gets_a_bar():
    stream = Stream(True)
    shown = progress.Progress(stream, 'copying')
    for percent in (None, 0, 50):
        shown(percent)
    shown.done()
    assert 'copying [###############...............]  50 %' in stream.text
    assert stream.text.count('\n') == 1
    assert stream.text.endswith('100 %\x1b[K\n')


def test_a_file_gets_a_line_now_and_then():
    now = [0.0]
    stream = Stream(False)
    shown = progress.Progress(stream, 'copying', clock=lambda: now[0])
    for percent in range(40):
        shown(percent)
        now[0] += 1
    shown.done()
    assert stream.text.splitlines() == [
        'copying: 0 %', 'copying: 10 %', 'copying: 20 %', 'copying: 30 %',
        'copying: 100 %']


def test_nothing_is_shown_of_what_did_not_take_long():
    stream = Stream(True)
    progress.Progress(stream, 'copying').done()
    assert stream.text == ''


@pytest.mark.parametrize('words', [('share', 'frob'), ('share',)])
def test_what_is_no_command_is_told_in_one_line_as_an_error(run, words):
    code, out, err = run(*words)
    assert (code, out) == (2, '')
    assert 'share access list, share adopt, share allow' in err
    assert 'snapshot' not in err
    assert err.count('\n') == 1


@pytest.mark.parametrize('words', [
    ('share', 'create', '', '1'), ('share', 'adopt', 'a:/b', ''),
    ('snapshot', 'create', 'one', ''), ('snapshot', 'clone', 'zero', '')])
def test_an_unset_variable_of_a_shell_is_no_name(place, run, words):
    """Else each repetition would make another one."""
    with place.backend() as backend:
        backend.shares.create(size=1, name='one').snapshot('zero')
    before = place.cluster.inventory()
    code, _, err = run(*words)
    assert code == 2
    assert 'is no name' in err
    assert place.cluster.inventory() == before


def test_a_share_is_adopted_by_one_name(place, run):
    with place.backend() as backend:
        share = backend.shares.create(size=1, name='one')
        export = share.locations[0]
        share.release()
    assert run('share', 'adopt', export, 'back')[0] == 0
    assert run('share', 'adopt', export, 'back')[0] == 0
    code, _, err = run('share', 'adopt', export, 'other')
    assert code == 2
    assert 'is share back already' in err
    with place.backend() as backend:
        assert backend.shares.adopt(export).name == 'back'


def test_what_a_backend_cannot_do_names_the_share_and_another_way(place,
                                                                  run):
    with place.backend() as backend:
        backend.shares.create(size=1, name='one').snapshot('zero')
    for words in (('share', 'revert', 'one'), ('snapshot', 'revert', 'zero'),
                  ('share', 'revert', 'one', '--dry-run')):
        code, _, err = run(*words)
        assert code == 2
        assert 'Share one cannot be brought back' in err
        assert 'snapshot clone' in err

# SPDX-License-Identifier: Apache-2.0

"""Fields of a dataclass from ``NAME=VALUE``."""

import argparse
import io

import pytest

from manila_drivers.cli import command
from manila_drivers.cli import main
from manila_drivers.cli import options
from manila_drivers.cli import serving
from manila_drivers.cli.command import Refused
from manila_drivers.testing.backends import vast as backend
from manila_drivers.testing.simulators import gluster
from manila_drivers.testing.simulators import vast
from manila_drivers.testing.simulators.gpfs import state as gpfs_state
from manila_drivers.testing.simulators.vast import Options
from manila_drivers.testing.simulators.web.messages import Request


@pytest.mark.parametrize(('setting', 'field', 'value'), [
    ('sw_version=4.6.0-1.1', 'sw_version', '4.6.0-1.1'),
    ('trash_enabled=no', 'trash_enabled', False),
    ('ignore-filters=ON', 'ignore_filters', True),
    ('snapshot_delay=0.5', 'snapshot_delay', 0.5),
    ('duplicate_quota_status = 400', 'duplicate_quota_status', 400),
    ('page_cap=16000', 'page_cap', 16000),
    ('page_cap=None', 'page_cap', None),
    ('permission_denied=views, quotas', 'permission_denied',
     {'views', 'quotas'}),
    ('permission_denied=', 'permission_denied', set()),
])
def test_values_have_the_type_of_their_field(setting, field, value):
    target = Options()
    options.assign(target, [setting])
    assert getattr(target, field) == value
    assert type(getattr(target, field)) is type(value)


@pytest.mark.parametrize('setting', [
    'nonsense=1', 'trash_enabled', 'trash_enabled=maybe', 'page_cap=x',
    'snapshot_delay=', '=1'])
def test_what_makes_no_sense_is_refused_and_changes_nothing(setting):
    target = Options()
    with pytest.raises(Refused, match=setting):
        options.assign(target, [setting])
    assert target == Options()


def test_every_switch_can_be_set_to_what_it_is():
    target = Options()
    for name in Options.__slots__:
        value = getattr(target, name)
        text = (','.join(value) if isinstance(value, set) else str(value))
        options.assign(target, [f'{name}={text}'])
    assert target == Options()


@pytest.mark.parametrize('kind', [
    Options, gluster.Options, gpfs_state.Options],
    ids=['vast', 'gluster', 'gpfs'])
def test_every_switch_is_explained(kind):
    untold = [name for name, text in options.explained(kind).items()
              if not text]
    assert not untold, f'say it in the docstring of {kind.__module__}'


@pytest.mark.parametrize('backend', ['vast', 'gluster', 'gpfs'])
def test_settings_are_listed_with_what_they_do(backend, capsys):
    with pytest.raises(SystemExit) as caught:
        main.main(['simulate', backend, '--settings'])
    assert caught.value.code == 0
    kind = {'vast': Options, 'gluster': gluster.Options,
            'gpfs': gpfs_state.Options}[backend]
    text = capsys.readouterr().out
    for name, told in options.explained(kind).items():
        assert f'{name} = ' in text
        assert told.split(maxsplit=1)[0] in text
    with pytest.raises(SystemExit):
        main.main(['simulate', backend, '--help'])
    assert '--settings' in capsys.readouterr().out


def test_lists_are_lists_of_words():
    target = gpfs_state.Options()
    options.assign(target, ['ces_addresses=192.0.2.1, 192.0.2.2'])
    assert target.ces_addresses == ('192.0.2.1', '192.0.2.2')
    other = gluster.Options()
    options.assign(other, ['missing=client.ssl,server.ssl'])
    assert other.missing == {'client.ssl', 'server.ssl'}


@pytest.mark.parametrize('words', [
    ['vast', '--port', '99999'], ['gluster', '--port', '65536'],
    ['gpfs', '--port', '-1'], ['vast', '--port', 'https'],
    ['vast', '--shares', '-1'], ['vast', '--upstream-shares', '-3'],
    ['vast', '--shares', '1000000000'],
    ['vast', '--pool', 'a=10.0.0.9-10.0.0.1'],
    ['vast', '--pool', 'a=10.0.0.9-::1'], ['vast', '--pool', 'a=nonsense'],
    ['vast', '--pool', 'a=10.0.0.0-10.255.255.255'],
    ['vast', '--pool', 'a='], ['vast', '--pool', 'a=10.0.0.1,'],
    ['gluster', '--volumes', '0x0'], ['gluster', '--volumes', '1x0'],
    ['gluster', '--volumes', '99999x1'],
    ['vast', '--set', 'trash_delay=-1'], ['vast', '--set', 'page_cap=-2'],
    ['vast', '--set', 'trash_delay=nan'], ['vast', '--set', 'task_delay=inf'],
    ['gpfs', '--set', 'replicas=-1'], ['gpfs', '--base', 'relative'],
    ['gpfs', '--base', '/'], ['gpfs', '--base', '/a/../b'],
    ['vast', '--root-export', ''], ['vast', '--root-export', '../x'],
    ['vast', '--tenant', ''], ['vast', '--tenant', 'default'],
    ['vast', '--tenant', 'a', '--tenant', 'a'], ['vast', '--user', ''],
    ['vast', '--backend', 'a]b'], ['gluster', '--user', 'a b'],
    ['vast', '--pool', 'a=10.0.0.1', '--pool', 'a=10.0.0.2'],
    ['gluster', '--volumes', '4x10', '--volumes', '2x10']],
    ids=' '.join)
def test_what_is_out_of_bounds_is_refused_in_a_sentence(words, capsys,
                                                        monkeypatch):
    # Nothing may be served; what is not refused would run for ever.
    monkeypatch.setattr(serving, 'serve', lambda *_: pytest.fail('served'))
    try:
        code = main.main(['simulate', *words])
    except SystemExit as ended:
        code = ended.code
    told = capsys.readouterr().err.strip().splitlines()[-1]
    assert code == 2
    assert words[1] in told or words[-1] in told, told


def test_the_version_is_told(capsys):
    with pytest.raises(SystemExit):
        main.main(['--version'])
    assert capsys.readouterr().out.strip()


def test_requests_are_shown_in_order(monkeypatch):
    """Lines for what came since the last look, without repetition."""
    sim = vast.VmsSim()
    shown = io.StringIO()

    class Stop:
        looks = 0

        def wait(self, seconds):
            self.looks += 1
            for number in range(self.looks):
                sim.handle(request(self.looks, number))
            return self.looks == 4
    monkeypatch.setattr('sys.stdout', shown)
    serving.serve(Stop(), backend.Cluster(sim, object()))
    lines = shown.getvalue().splitlines()
    assert len(lines) == len(set(lines)) == 6
    assert lines == sorted(lines)


def request(look, number):
    return Request('GET', f'/api/v1/{look}{number}/')


def test_a_command_table_is_all_it_takes():
    class Hello:
        SUMMARY = 'say hello'

        def configure(self, parser):
            parser.add_argument('name')

        def run(self, args):
            return len(args.name)
    parser = argparse.ArgumentParser()
    command.add_commands(parser, 'COMMAND', {'hello': Hello()})
    args = parser.parse_args(['hello', 'world'])
    assert args.run(args) == 5

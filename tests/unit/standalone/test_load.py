# SPDX-License-Identifier: Apache-2.0

"""Drivers made without Manila as Manila makes them."""

import os
import threading

import pytest

from manila_drivers import compat
from manila_drivers import driver
from manila_drivers import exception
from manila_drivers import standalone

pytestmark = pytest.mark.skipif(
    compat.MANILA, reason='this process has Manila')

ONE = '11111111-1111-4111-8111-111111111111'


class Plain(driver.ShareDriver):
    """Keeps what it was made with."""

    def __init__(self, *args, **kwargs):
        self.made_with = (args, sorted(kwargs))
        super().__init__((True, False), *args, **kwargs)


HERE = f'{__name__}.Plain'


@pytest.fixture
def config(tmp_path):
    path = tmp_path / 'manila.conf'
    path.write_text(f'[DEFAULT]\nstate_path = {tmp_path}/state\n'
                    '[alpha]\ndriver_handles_share_servers = False\n'
                    'share_type_extra_specs = a:b\n'
                    '[dhss]\ndriver_handles_share_servers = True\n'
                    '[unset]\n[wrong]\ndriver_handles_share_servers = 7\n')
    return path


def test_the_call_is_manilas(config):
    made = standalone.load(HERE, config, 'alpha')

    assert made.made_with == ((), ['configuration', 'private_storage'])
    assert made.configuration.config_group == 'alpha'
    assert made.backend_name == 'alpha'
    assert made.initialized is False


def test_making_touches_nothing(config, tmp_path):
    before = threading.active_count()
    standalone.load(HERE, config, 'alpha')

    assert os.listdir(tmp_path) == ['manila.conf']
    assert threading.active_count() == before


def test_private_data_is_kept_under_state_path(config, tmp_path):
    standalone.load(HERE, config, 'alpha').private_storage.update(
        ONE, {'a': 1})

    assert standalone.load(HERE, config, 'alpha').private_storage.get(
        ONE, 'a') == '1'
    assert os.listdir(tmp_path / 'state') == ['private-data.sqlite3']


def test_locks_are_kept_under_state_path(config, tmp_path):
    with standalone.load(HERE, config, 'alpha').lock('one'):
        assert os.listdir(tmp_path / 'state' / 'locks') == ['manila-one']


def test_extra_specs_have_defaults(config):
    made = standalone.load(HERE, config, 'alpha')

    assert made.extra_specs({}) == {'a': 'b'}
    assert made.extra_specs({'share_type_extra_specs': {}}) == {}


def test_share_servers_have_no_network(config):
    made = standalone.load(HERE, config, 'dhss')

    assert made.admin_network_api is None
    with pytest.raises(compat.errors.NetworkBadConfigurationException,
                       match='without Manila'):
        made.allocate_network(None, {'id': 'v'}, {}, {}, count=1)
    made.allocate_network(None, {'id': 'v'}, {}, {}, count=0)
    with pytest.raises(compat.errors.NetworkBadConfigurationException):
        made.allocate_admin_network(None, {'id': 'v'}, count=1)
    with pytest.raises(NotImplementedError):
        made.setup_server([], metadata={})


@pytest.mark.parametrize('section', ['unset', 'wrong'])
def test_the_mode_must_be_set(config, section):
    with pytest.raises((compat.errors.ManilaException, ValueError),
                       match='driver_handles_share_servers'):
        standalone.load(HERE, config, section)


class OnlyServers(driver.ShareDriver):
    def __init__(self, *args, **kwargs):
        super().__init__(True, *args, **kwargs)


class Confused(driver.ShareDriver):
    def __init__(self, *args, **kwargs):
        super().__init__('yes', *args, **kwargs)


@pytest.mark.parametrize(('name', 'text'), [
    ('OnlyServers', 'does not support driver_handles_share_servers=False'),
    ('Confused', 'no booleans')])
def test_the_mode_must_be_supported(config, name, text):
    with pytest.raises(compat.errors.ManilaException, match=text):
        standalone.load(f'{__name__}.{name}', config, 'alpha')


def test_mistakes_are_named(config):
    with pytest.raises(exception.ConfigurationError, match=r'\[gamma\]'):
        standalone.load(HERE, config, 'gamma')
    with pytest.raises(ImportError):
        standalone.load('manila_drivers.no.Driver', config, 'alpha')


class Noisy(driver.ExecuteMixin, driver.GaneshaMixin, driver.ShareDriver):
    def __init__(self, *args, **kwargs):
        super().__init__(False, *args, **kwargs)


def test_mixins(config, tmp_path):
    made = standalone.load(f'{__name__}.Noisy', config, 'alpha')

    assert made.configuration.ssh_max_pool_conn == 10
    assert made.configuration.ganesha_db_path == (
        f'{tmp_path}/state/manila-ganesha.db')
    assert made._execute('echo', 'x') == ('x\n', '')
    made.set_execute(lambda *command, **kwargs: (command, kwargs))
    assert made._execute('a', b=1) == (('a',), {'b': 1})


def test_flaky_commands_are_repeated(config, monkeypatch):
    made = standalone.load(f'{__name__}.Noisy', config, 'alpha')
    slept = []
    monkeypatch.setattr('time.sleep', slept.append)
    failures = [compat.errors.ProcessExecutionError()] * 2

    def execute(*command, **kwargs):
        if failures:
            raise failures.pop()

    made.set_execute(execute)
    assert made._try_execute('x') is True
    assert slept == [1, 4]

    failures += [compat.errors.ProcessExecutionError()] * 3
    with pytest.raises(compat.errors.ProcessExecutionError):
        made._try_execute('x')


def test_two_drivers_side_by_side(config, tmp_path):
    other = tmp_path / 'other.conf'
    other.write_text(f'[DEFAULT]\nstate_path = {tmp_path}/b\n'
                     '[alpha]\ndriver_handles_share_servers = True\n')
    first = standalone.load(HERE, config, 'alpha')
    second = standalone.load(HERE, other, 'alpha')

    assert first.driver_handles_share_servers is False
    assert second.driver_handles_share_servers is True
    first.private_storage.update(ONE, {'a': 1})
    assert second.private_storage.get(ONE) == {}

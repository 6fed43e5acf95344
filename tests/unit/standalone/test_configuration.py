# SPDX-License-Identifier: Apache-2.0

"""One section of an ini file."""

import copy
import os
import threading

from oslo_config import cfg
import pytest

from manila_drivers import exception
from manila_drivers.standalone import configuration
from manila_drivers.standalone import options

OPTS = [cfg.IntOpt('port', default=443), cfg.StrOpt('word', secret=True),
        cfg.StrOpt('path', default='$state_path/x')]

FILE = """
[DEFAULT]
state_path = /somewhere
port = 1
share_backend_name = everybody
[alpha]
port = 444
word = s3cret
share_backend_name = ALPHA
share_type_extra_specs = a:1,b:2
[beta]
driver_handles_share_servers = False
[oslo_concurrency]
lock_path = /locks
"""


@pytest.fixture
def path(tmp_path):
    path = tmp_path / 'manila.conf'
    path.write_text(FILE)
    return path


def section(path, name):
    return configuration.Configuration.from_file(
        path, name, [*OPTS, *options.SHARE_OPTS])


def test_options_come_from_the_section(path):
    alpha = section(path, 'alpha')

    assert alpha.config_group == 'alpha'
    assert (alpha.port, alpha.word) == (444, 's3cret')
    assert alpha.share_backend_name == 'ALPHA'
    assert alpha.safe_get('share_type_extra_specs') == {'a': '1', 'b': '2'}


def test_there_is_no_fall_back_to_default(path):
    assert section(path, 'beta').port == 443
    assert section(path, 'beta').share_backend_name is None


def test_default_can_be_asked(path):
    assert section(path, 'beta').default_get('share_backend_name') == (
        'everybody')
    assert section(path, 'DEFAULT').port == 1
    assert section(path, 'DEFAULT').config_group is None


def test_names_are_substituted(path):
    assert section(path, 'alpha').path == '/somewhere/x'


def test_unknown_options(path):
    alpha = section(path, 'alpha')

    assert alpha.safe_get('no_such_option') is None
    with pytest.raises(cfg.NoSuchOptError):
        _ = alpha.no_such_option
    assert not hasattr(alpha, 'no_such_option')
    assert getattr(alpha, '_private', None) is None


def test_options_can_be_added_twice(path):
    alpha = section(path, 'alpha')
    alpha.append_config_values([cfg.IntOpt('late', default=3)])
    alpha.append_config_values([cfg.IntOpt('late', default=3)])

    assert alpha.late == 3
    with pytest.raises(cfg.DuplicateOptError):
        alpha.append_config_values([cfg.IntOpt('late', default=4)])


def test_two_files_do_not_meet(path, tmp_path):
    other = tmp_path / 'other.conf'
    other.write_text('[alpha]\nport = 5\n')

    assert section(path, 'alpha').port == 444
    assert section(other, 'alpha').port == 5
    assert section(path, 'alpha').port == 444
    assert 'alpha' not in cfg.CONF


def test_places(path, tmp_path, monkeypatch):
    monkeypatch.setenv('HOME', str(tmp_path))
    bare = tmp_path / 'bare.conf'
    bare.write_text('[alpha]\n')
    state = str(tmp_path / '.local/state/manila_drivers')

    assert section(path, 'alpha').state_path == '/somewhere'
    assert section(path, 'alpha').lock_path == '/locks'
    assert section(bare, 'alpha').state_path == state
    assert section(bare, 'alpha').lock_path == os.path.join(state, 'locks')
    assert section(bare, 'alpha').root_helper == 'sudo -n'
    assert not os.path.exists(state)


def test_without_a_file_there_are_defaults():
    conf = configuration.Configuration(options.SHARE_OPTS, 'alpha')

    assert conf.max_over_subscription_ratio == 20.0


@pytest.mark.parametrize(('text', 'name', 'option'), [
    (None, 'alpha', 'config_file'),
    ('no section\n', 'alpha', 'config_file'),
    (FILE, 'gamma', 'section'),
    ('', 'alpha', 'section')])
def test_what_is_wrong_is_named(tmp_path, text, name, option):
    path = tmp_path / 'manila.conf'
    if text is not None:
        path.write_text(text)

    with pytest.raises(exception.ConfigurationError) as caught:
        section(path, name)

    assert caught.value.option == option
    assert str(path) in str(caught.value)


def test_a_bad_value_is_not_hidden(tmp_path):
    path = tmp_path / 'manila.conf'
    path.write_text('[alpha]\nport = many\n')

    with pytest.raises(cfg.ConfigFileValueError, match='port'):
        _ = section(path, 'alpha').port


def test_copies_are_no_endless_loop(path):
    assert copy.copy(section(path, 'alpha')).config_group == 'alpha'


def test_64_threads_read(path):
    alpha = section(path, 'alpha')
    found = []

    def read():
        alpha.append_config_values([cfg.IntOpt('late', default=3)])
        found.append((alpha.port, alpha.late, alpha.safe_get('none')))

    threads = [threading.Thread(target=read) for _ in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [(444, 3, None)] * 64

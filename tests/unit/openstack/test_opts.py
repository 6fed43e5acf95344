# SPDX-License-Identifier: Apache-2.0

"""The groups of the configuration, beside others that define them too."""

import io

from keystoneauth1 import loading
from oslo_config import cfg
from oslo_config import generator
import pytest

from manila_drivers.openstack import cloud
from manila_drivers.openstack import opts

GROUPS = ('nova', 'cinder', 'neutron', 'glance')


def other(conf):
    """Register a group as Manila does, with words of its own."""
    conf.register_opts([
        cfg.StrOpt('api_microversion', default='2.10', help='Theirs.'),
        cfg.StrOpt('region_name', help='Theirs.')], 'nova')
    loading.register_session_conf_options(conf, 'nova')
    loading.register_auth_conf_options(conf, 'nova')


@pytest.fixture
def conf():
    made = cfg.ConfigOpts()
    made([], default_config_files=[], default_config_dirs=[])
    return made


@pytest.mark.parametrize('order', [
    (other, opts.register), (opts.register, other),
    (opts.register, opts.register), (opts.register, cloud.Cloud)])
def test_whoever_comes_second_finds_the_options_there(conf, order):
    for each in order:
        each(conf)
    assert conf.nova.api_microversion == '2.10'
    assert conf.glance.region_name == 'RegionOne'


def test_an_option_of_another_type_is_kept(conf):
    conf.register_opts([cfg.IntOpt('region_name', default=7)], 'nova')
    opts.register(conf)
    assert conf.nova.region_name == 7


def test_the_list_has_what_is_read_and_no_name_twice(conf):
    opts.register(conf)
    listed = dict(opts.list_opts())
    assert tuple(listed) == GROUPS
    for group, found in listed.items():
        names = [opt.dest for opt in found]
        assert len(names) == len(set(names))
        assert set(conf[group].keys()) <= set(names)
        assert {'auth_url', 'username', 'password', 'project_name',
                'application_credential_id'} <= set(names)
        assert {opt.dest for opt in found if opt.secret} >= {
            'password', 'application_credential_secret'}


def test_options_are_explained():
    for options in opts.GROUPS.values():
        assert all(opt.help.endswith('.') for opt in options)


def test_a_sample_can_be_made(monkeypatch):
    conf = cfg.ConfigOpts()
    generator.register_cli_opts(conf)
    conf(['--namespace', 'any'])
    monkeypatch.setattr(generator, '_get_raw_opts_loaders',
                        lambda namespaces: [('any', opts.list_opts)])
    out = io.StringIO()
    generator.generate(conf, out)
    for group in GROUPS:
        assert f'\n[{group}]\n' in out.getvalue()
    assert out.getvalue().count('#auth_type = ') == 4
    assert out.getvalue().count('#password = ') == 4


def test_an_endpoint_type_is_one_of_six(conf):
    opts.register(conf)
    with pytest.raises(ValueError, match='Valid values'):
        conf.set_override('endpoint_type', 'other', 'nova')

# SPDX-License-Identifier: Apache-2.0

"""The options as oslo-config-generator sees them."""

import io

from oslo_config import cfg
from oslo_config import generator
import pytest

from manila_drivers import opts
from manila_drivers.metrics import opts as metrics
from manila_drivers.vastdata import opts as vast

LISTS = [opts.list_opts(), opts.list_standalone_opts()]


@pytest.mark.parametrize('listed', LISTS)
def test_every_option_is_explained(listed):
    for _, group in listed:
        assert group
        for opt in group:
            assert opt.help.endswith('.'), opt.name


@pytest.mark.parametrize('listed', LISTS)
def test_names_are_unique_within_a_section(listed):
    for _, group in listed:
        names = [opt.name for opt in group]
        assert len(names) == len(set(names))


def test_every_driver_has_a_section():
    sections = {group: [opt.name for opt in found]
                for group, found in opts.list_opts()}

    assert sections['vast'] == [opt.name for opt in (
        *vast.VAST_OPTS, *metrics.METRICS_OPTS)]


def test_credentials_are_marked():
    for _, group in opts.list_opts():
        for opt in group:
            if any(word in opt.name for word in ('password', 'token')):
                assert opt.secret, opt.name


@pytest.mark.parametrize('listed', LISTS)
def test_a_sample_can_be_made(listed, monkeypatch):
    conf = cfg.ConfigOpts()
    generator.register_cli_opts(conf)
    conf(['--namespace', 'any'])
    monkeypatch.setattr(generator, '_get_raw_opts_loaders',
                        lambda namespaces: [('any', lambda: listed)])
    out = io.StringIO()

    generator.generate(conf, out)

    for group, found in listed:
        assert f'[{group or "DEFAULT"}]' in out.getvalue()
        for opt in found:
            assert f'#{opt.name} =' in out.getvalue()

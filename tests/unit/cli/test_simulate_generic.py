# SPDX-License-Identifier: Apache-2.0

"""``manila-drivers simulate generic``, used by its driver as it is printed."""

import configparser
import os
import pathlib
import stat

import pytest

import manila_drivers
from manila_drivers.preflight import looking
from tests.unit.cli.process import ended
from tests.unit.cli.process import refused
from tests.unit.cli.process import running


def written(text, path):
    file = path / 'manila.conf'
    file.write_text(text.replace('[DEFAULT]', f'[DEFAULT]\nroot_helper = env'
                                              f'\nstate_path = {path}'))
    return file


@pytest.mark.parametrize('proto', ['NFS', 'CIFS'])
def test_a_share_lives(tmp_path, proto):
    with running('generic', '--proto', proto, '--backend', 'g1') as (
            process, text):
        file = written(text, tmp_path)
        report = looking.look(file, 'g1')
        assert (report.findings, report.unseen) == ((), ())
        with manila_drivers.Backend.load(file, 'g1') as backend:
            share = backend.shares.create(size=1, proto=proto)
            share.allow('192.0.2.0/24', kind='ip')
            assert share.rules[0].state == 'active'
            share.delete()
            assert backend.audit().differences == ()
        status, output, errors = ended(process)
    assert (status, errors) == (0, '')
    assert ' logins to machines in ' in output


def test_a_section_for_share_servers_has_no_finding(tmp_path):
    file = tmp_path / 'g.conf'
    with running('generic', '--share-servers', '--write-config',
                 str(file)) as (process, text):
        assert stat.S_IMODE(os.stat(file).st_mode) == 0o600
        found = configparser.ConfigParser(interpolation=None)
        found.read_string(file.read_text())
        assert found['generic']['driver_handles_share_servers'] == 'True'
        for group in ('nova', 'cinder', 'neutron', 'glance'):
            assert found[group]['password'] not in text
        report = looking.look(written(file.read_text(), tmp_path), 'generic')
        assert (report.findings, report.unseen) == ((), ())
        assert ended(process)[0] == 0
    assert not pathlib.Path(found['nova']['cafile']).exists()


def test_what_makes_no_sense_is_refused():
    code, told = refused('simulate', 'generic', '--set', 'nothing=1')
    assert (code, 'nothing' in told) == (2, True)

# SPDX-License-Identifier: Apache-2.0

"""Rights that are missing on hosts of GPFS are told one by one."""

import contextlib

import pytest

from manila_drivers.ibm.gpfs import privileges
from manila_drivers.preflight import looking
from tests.unit.audit import gpfs_planted


@pytest.fixture(params=['ces', 'knfs', 'gnfs'])
def place(request, tmp_path, monkeypatch):
    with contextlib.ExitStack() as stack:
        yield gpfs_planted.opened(stack, request.param, tmp_path, monkeypatch)


@pytest.fixture
def ces(tmp_path, monkeypatch):
    with contextlib.ExitStack() as stack:
        yield gpfs_planted.opened(stack, 'ces', tmp_path, monkeypatch)


@pytest.fixture
def knfs(tmp_path, monkeypatch):
    with contextlib.ExitStack() as stack:
        yield gpfs_planted.opened(stack, 'knfs', tmp_path, monkeypatch)


def look(place, forbidden=(), absent=()):
    options = place.cluster.sim.options
    options.forbidden = frozenset(forbidden)
    options.absent = frozenset(absent)
    report = looking.look(place.conf, place.kind)
    assert report.unseen == ()
    return report.findings


def told(findings):
    return sorted((one.severity, one.option, one.tried.partition(' ')[0])
                  for one in findings)


def test_nothing_is_wrong_with_the_rights_of_the_page(place):
    assert look(place) == ()


def test_each_right_that_is_missing_is_told_once(place):
    kind = place.kind.upper()
    needed = {*privileges.GPFS, *privileges.FILES,
              *(privileges.CES if kind == 'CES' else ()),
              *privileges.SERVERS.get(kind, ())}
    before = place.cluster.inventory()
    findings = look(place, {('', name) for name in needed})
    assert told(findings) == sorted([
        *(('error', privileges.OPTION, name) for name in needed),
        *(('warning', privileges.OPTION, f'{privileges.OPTION}:')
          for name in privileges.OPTIONAL if name in needed
          and kind == 'CES'),
        ('warning', '', 'GPFS')])
    assert place.cluster.inventory() == before


@pytest.mark.parametrize('name', privileges.OPTIONAL)
def test_what_may_be_left_out_is_a_warning(ces, name):
    [one] = look(ces, {('', name)})
    assert (one.severity, one.option) == ('warning', privileges.OPTION)
    assert privileges.OPTIONAL[name] in one.tried


def test_a_knfs_server_without_ln_is_a_warning(knfs):
    [one] = look(knfs, {('', 'ln')})
    assert (one.severity, one.option) == ('warning', privileges.OPTION)
    assert privileges.OPTIONAL_THERE['KNFS']['ln'] in one.tried


def test_a_program_that_is_nowhere_is_told_as_that(ces):
    [one, rest] = look(ces, absent={('', 'mmsnapdir')})
    assert (one.severity, one.tried.split()[0], rest.severity) == (
        'error', 'mmsnapdir', 'warning')
    assert 'none of this name' in one.answered


def test_without_sudo_there_is_one_finding(ces):
    sim = ces.cluster.sim
    sim.options.forbidden = frozenset({('', 'ALL')})
    report = looking.look(ces.conf, ces.kind)
    [one] = report.findings
    assert (one.option, 'password is required' in one.answered) == (
        privileges.OPTION, True)
    assert report.unseen


def test_a_right_that_one_server_lacks_names_that_server(tmp_path,
                                                         monkeypatch):
    with contextlib.ExitStack() as stack:
        place = gpfs_planted.opened(stack, 'knfs', tmp_path, monkeypatch)
        server = sorted(place.cluster.sim.servers)[-1]
        findings = look(place, {(server, 'exportfs')})
        assert findings[0].tried.endswith(f'exportfs may not be run as root '
                                          f'on {server}')


def test_nothing_is_run_by_asking(ces):
    mark = len(ces.cluster.sim.log)
    look(ces, {('', 'mmlsfs')})
    ran = [entry.words for entry in ces.cluster.sim.log[mark:]
           if entry.words[0] not in ('sudo', 'date')]
    assert ran == []

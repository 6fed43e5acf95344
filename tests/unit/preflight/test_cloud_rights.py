# SPDX-License-Identifier: Apache-2.0

"""Services and rights of the Generic driver are looked at one by one."""

import pytest

from manila_drivers.preflight import looking
from manila_drivers.testing.simulators import openstack
from tests.unit.audit import generic_planted


@pytest.fixture
def place(tmp_path, monkeypatch):
    return generic_planted.Place(tmp_path, monkeypatch)


def look(place):
    return looking.look(place.conf, 'generic')


def told(report):
    return sorted((one.option, one.tried) for one in report.findings)


def test_nothing_is_wrong_with_a_cloud_that_is_as_it_should_be(place):
    before, mark = place.inventory(), place.mark()
    report = look(place)
    assert (report.findings, report.unseen) == ((), ())
    assert place.inventory() == before
    assert [line for line in place.requests(mark)[0]
            if not line.startswith('GET')] == []


def test_each_right_that_is_missing_is_told_once(place):
    """Refuse as a policy does that the login's roles do not fulfil."""
    for path in ('/servers/detail', '/volumes/detail', '/snapshots/detail'):
        place.sim.arm(openstack.Fault('status', code=403, times=None,
                                      match=f'GET .*{path}'))
    report = look(place)
    assert told(report) == sorted([
        ('[nova] username', 'may not list servers'),
        ('[cinder] username', 'may not list volumes'),
        ('[cinder] username', 'may not list volume snapshots')])
    assert all(one.do and one.answered for one in report.findings)


def test_a_service_that_refuses_hides_no_other(place):
    text = place.conf.read_text()
    for group in ('nova', 'cinder'):
        before, header, after = text.partition(f'[{group}]')
        text = before + header + after.replace(
            f'password = {generic_planted.PASSWORD}', 'password = wrong', 1)
    place.conf.write_text(text)
    report = look(place)
    assert [one.option for one in report.findings] == [
        '[nova] username', '[cinder] username']

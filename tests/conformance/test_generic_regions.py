# SPDX-License-Identifier: Apache-2.0

"""Shares of the Generic driver whose volumes are in another region.

An administrator's login is shown what all projects have, of one region: what
it is not shown there may be in another one, or be another backend's.
"""

import re
import uuid

import pytest

from manila_drivers import compat
from manila_drivers import exception
from manila_drivers.generic import finding
from manila_drivers.generic import settings
from manila_drivers.testing.backends.generic import USER
from manila_drivers.testing.conformance.labs import generic
from manila_drivers.testing.conformance.stage import Stage
from manila_drivers.testing.simulators import openstack
from manila_drivers.testing.simulators.openstack import identity as gateway

errors = compat.errors
GROUPS = ('nova', 'cinder', 'neutron', 'glance')


class OtherRegion(generic.Site):
    """Has Cinder be asked in a region that has nothing of ours."""

    groups = ('cinder',)

    def _text(self, options):
        text = super()._text(options)
        for group in GROUPS:
            name = 'RegionTwo' if group in self.groups else 'RegionOne'
            text = text.replace(f'[{group}]\n',
                                f'[{group}]\nregion_name = {name}\n')
        return text


class OneRegion(OtherRegion):
    groups = ()


class TwoOthers(OtherRegion):
    """Has Nova be asked there as well."""

    groups = ('nova', 'cinder')


@pytest.fixture
def stage(monkeypatch):
    lab = generic.GenericLab()
    two_regions(lab, monkeypatch)
    yield Stage(lab)
    lab.close()


def two_regions(lab, monkeypatch):
    """The second one has its own Cinder, and a Nova without servers."""
    lab.sim.options.regions = ('RegionOne', 'RegionTwo')
    sent = openstack.CloudAdapter.send
    identity = gateway.Identity
    host = identity.host
    monkeypatch.setattr(identity, 'host', lambda self, region: host(
        self, 'RegionOne').replace(
            '://', '://two.' if region == 'RegionTwo' else '://'))

    def send(self, request, *parts, **more):
        if '://two.' not in request.url:
            return sent(self, request, *parts, **more)
        request.url = re.sub(r'/servers/[0-9a-f-]{36}',
                             f'/servers/{uuid.uuid4()}',
                             request.url.replace('://two.', '://'))
        store, lab.sim.cinder.store.volumes = \
            lab.sim.cinder.store.volumes, dict(lab.elsewhere)
        try:
            return sent(self, request, *parts, **more)
        finally:
            lab.sim.cinder.store.volumes = store

    lab.elsewhere = {}
    monkeypatch.setattr(openstack.CloudAdapter, 'send', send)
    site(lab, OneRegion)


def site(lab, kind):
    inner = lab._lab if hasattr(lab, '_lab') else lab
    inner.site.close()
    inner.site = kind()


def logged_in(stage, kind):
    site(stage.lab, kind)
    stage.manager.restart()


def volume(lab, share):
    return next((one for one in lab.sim.cinder.store.volumes.values()
                 if one.metadata.get('manila_share_instance_id') == share.id),
                None)


def denied(stage, kind):
    """Nothing that only another region was asked about is gone."""
    lab, manager = stage.lab, stage.manager
    rule = stage.rule()
    share, other = stage.shared(rule), stage.shared(stage.rule())
    lab._detach(share.id)
    logged_in(stage, kind)
    for call in (lambda: manager.delete_only(share),
                 lambda: manager.update(share, delete=[rule])):
        with pytest.raises(errors.ManilaException) as told:
            call()
        assert 'region_name' in str(told.value) \
            or 'Server ' in str(told.value)
    told, _ = exception.caught_any(lambda: manager.ensure([share]))
    assert told is None or 'status' not in told[share.id]
    logged_in(stage, OneRegion)
    assert volume(lab, share)
    manager.ensure([share])
    stage.exact(share, *[rule])
    manager.delete_only(share)
    assert volume(lab, share) is None
    stage.exact(other)


@pytest.mark.parametrize('kind', [OtherRegion, TwoOthers])
def test_what_is_in_another_region_is_not_gone(stage, kind):
    denied(stage, kind)


def test_who_asks_for_no_region_is_caught(stage, monkeypatch):
    monkeypatch.setattr(finding.VolumeFinder, 'one_region',
                        lambda self: True)
    with pytest.raises(pytest.fail.Exception):
        denied(stage, OtherRegion)


def test_an_administrator_in_the_right_region_is_believed(stage):
    lab, manager = stage.lab, stage.manager
    share = stage.shared(stage.rule())
    lab.machine.unmount(share.export.partition(':')[2])
    lab._detach(share.id)
    lab.sim.ask('DELETE', f'/volume/v3/volumes/{volume(lab, share).id}',
                user=USER)
    lab.advance(60.0)
    manager.delete_only(share)
    assert not lab.storage.get(share.id)


def test_a_volume_that_says_that_it_is_ours_is_believed(stage):
    """Regions may share a Cinder of another name."""
    lab, manager = stage.lab, stage.manager
    share, other = stage.shared(stage.rule()), stage.shared(stage.rule())
    lab._detach(share.id)
    ours = volume(lab, other)
    lab._lab.elsewhere[ours.id] = ours
    logged_in(stage, OtherRegion)
    manager.delete_only(share)
    assert not lab.storage.get(share.id)


def strangers(stage, monkeypatch):
    """Volumes without a mark may be those of another backend."""
    lab, manager = stage.lab, stage.manager
    read = settings.read
    monkeypatch.setattr(settings, 'read', lambda conf, backend, host='': read(
        conf, backend, 'host@generic'))
    manager.restart()
    share, other = stage.shared(stage.rule()), stage.shared(stage.rule())
    lab._detach(share.id)
    theirs = volume(lab, other)
    del theirs.metadata['manila_host']
    lab._lab.elsewhere[theirs.id] = theirs
    logged_in(stage, OtherRegion)
    with pytest.raises(errors.ShareBackendException, match='region_name'):
        manager.delete_only(share)


def test_volumes_without_a_mark_do_not_speak_for_a_backend(stage,
                                                           monkeypatch):
    strangers(stage, monkeypatch)

# SPDX-License-Identifier: Apache-2.0

"""Shares and share servers that Manila's own driver made, and ours serves."""

import contextlib

import pytest

from tests.functional.openstack import manila
from tests.functional.openstack.api import eventually
from tests.functional.openstack.letting_go import LettingGo
from tests.functional.openstack.life import TEXT

pytestmark = [
    pytest.mark.timeout(3000), pytest.mark.slow,
    pytest.mark.parametrize('driver', ['control'], indirect=True,
                            scope='package')]


class Migration(LettingGo):
    """Shares that one driver makes and another one goes on with."""

    def _now_with(self, driver: str) -> None:
        self.served.restart(driver)
        with self.timed('service back with another driver'):
            eventually(self.served.up, 'all backends are up', manila.UP)

    def taken_over(self) -> None:
        """One that is read and written goes on; all operations work."""
        with contextlib.ExitStack() as stack:
            share, location = stack.enter_context(self.share())
            windows, place = stack.enter_context(self.share('CIFS'))
            rule = self.allow(share, self.client.address)
            # Its own driver forgets who may use a CIFS share at a restart.
            self.allow(windows, self.client.address)
            self.client.nfs(location, 'write', 'file', TEXT)
            before = self.inside(location, 'ls', '/shares').split()
            self._now_with(manila.OURS)
            assert self.shares.locations(share) == [location]
            assert self.client.nfs(location, 'read', 'file') == TEXT
            assert self._smb(self.client, place)
            assert not self._smb(self.other, place)
            self._extended(share, location)
            snapshot = self.shares.snapshot(share)
            with self.share(size=2, snapshot=snapshot) as (clone, other):
                self.allow(clone, self.client.address)
                assert self.client.nfs(other, 'read', 'file') == TEXT
            self.shares.delete('snapshots', snapshot)
            self.shares.deny(share, rule)
            assert self.client.level(location) is None
            assert self.inside(location, 'ls', '/shares').split() == before

    def managed(self) -> None:
        """A share server is let go, and taken over by its identifier."""
        self.let_go_and_taken_over(lambda: self._now_with(manila.OURS))

    def handed_back(self) -> None:
        self._now_with(manila.UPSTREAM)


@pytest.mark.parametrize('backend', ['handled', 'single'])
def test_what_manilas_driver_made_is_taken_over(living, story, backend):
    life = living(backend, Migration)
    try:
        story(life, 'taken_over')
        if backend == 'handled':
            # Its servers are torn down by ours.
            life.end()
    finally:
        life.handed_back()


@pytest.mark.parametrize('backend', ['handled'])
def test_a_server_of_manilas_driver_is_managed(living, story, backend):
    life = living(backend, Migration)
    try:
        story(life, 'managed')
    finally:
        life.handed_back()


def test_nothing_is_left(api, living, served):
    living('handled', Migration).end()
    assert not manila.left(served.before, manila.inventory(api))

# SPDX-License-Identifier: Apache-2.0

"""Glance: images that servers are made of."""

from manila_drivers.openstack import records
from manila_drivers.openstack import service


class Images(service.CloudService):
    """The image service."""

    def check(self) -> None:
        """Raise unless the service answers and the login is accepted."""
        self._get('/images', 'The list of images', [('limit', '1')])

    def images(self, name: str | None = None) -> list[records.Image]:
        """Return the active images of that very name, or all of them."""
        query = [('status', 'active')]
        if name is not None:
            query.append(('name', name))
        found = [records.Image.of(each) for each in self._rows(
            '/images', 'images', 'The list of images', query)]
        return service.matching(found, lambda each: (
            each.status == 'active' and name in (None, each.name)))

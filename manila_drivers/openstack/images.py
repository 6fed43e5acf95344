# SPDX-License-Identifier: Apache-2.0

"""Glance: images that servers are made of."""

from manila_drivers.openstack import fields
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

    def trusted(self, name: str) -> tuple[list[records.Image],
                                          list[records.Image]]:
        """Return active images of that very name, and those of strangers.

        Anybody can call an image so, and an administrator is shown all of
        them.  Trusted are those of our own project, public ones, and what
        was shared with our project, and accepted.
        """
        ours = self.project_id()
        found = self.images(name)
        good = [each for each in found if each.owner == ours
                or each.visibility == 'public'
                or each.visibility == 'shared'
                and self._is_shared(each.id, ours)]
        return good, [each for each in found if each not in good]

    def _is_shared(self, ident: str, project: str) -> bool:
        what = 'The list of members of image %s' % ident
        data = self._get('/images/%s/members' % service.part(ident, 'image'),
                         what)
        members = [fields.Fields(each, 'member of an image') for each
                   in service.listed(data, 'members', what)]
        return any(each.text('member_id') == project
                   and each.text('status') == 'accepted' for each in members)

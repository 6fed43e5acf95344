# SPDX-License-Identifier: Apache-2.0

"""The comparison sees what it should see in real classes."""

from manila_drivers.standalone import base
from tests.compat import compare
from tests.compat import describe


class Narrow(base.ShareDriver):
    """Lost a keyword, gained a requirement, and hides a property."""

    snapshots_are_supported = None

    def create_share_from_snapshot(self, context, share, snapshot,
                                   share_server=None):
        """Without the parent share."""

    def extend_share(self, share, new_size, reason, share_server=None):
        """Wants to know why."""


class Wide(base.ShareDriver):
    """Takes more than it is given."""

    def create_share(self, context, share, share_server=None, speed=None,
                     **kwargs):
        """With a hint."""


def lacking(cls):
    return compare.lacking(describe.surface(base.ShareDriver),
                           describe.surface(cls))


def test_narrow_classes_are_caught():
    assert sorted(lacking(Narrow)) == [
        'create_share_from_snapshot: no parameter parent_share',
        'extend_share: reason is required',
        'snapshots_are_supported is missing']


def test_wide_classes_are_fine():
    assert lacking(Wide) == []


def test_classes_without_a_method_are_caught():
    ours = describe.surface(object)

    found = compare.lacking(describe.surface(base.ShareDriver), ours)

    assert 'update_access is missing' in found
    assert len(found) == len(describe.surface(base.ShareDriver))

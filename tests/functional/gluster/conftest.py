# SPDX-License-Identifier: Apache-2.0

"""The data centres that tests share: one without a guest, one with."""

import pytest

from tests.functional.gluster import site as sites
from tests.functional.lab import need


@pytest.fixture(scope='package')
def site(tmp_path_factory):
    need.programs(*need.GLUSTER)
    need.devices('/dev/fuse', '/dev/loop-control')
    with sites.BoxSite(tmp_path_factory.mktemp('site')) as made:
        yield made


@pytest.fixture(scope='package')
def thin(tmp_path_factory):
    """Bricks on thin volumes; where it takes longest is the guest's start."""
    need.programs(*need.GLUSTER, *need.GUESTS)
    need.devices('/dev/fuse', '/dev/net/tun')
    with sites.GuestSite(tmp_path_factory.mktemp('thin')) as made:
        yield made


@pytest.fixture
def site_of_its_own(tmp_path):
    need.programs(*need.GLUSTER)
    with sites.BoxSite(tmp_path) as made:
        yield made

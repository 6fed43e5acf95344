# SPDX-License-Identifier: Apache-2.0

"""Trouble in a cloud, and what takes long: see ``trouble.py``."""

import pytest

from tests.functional.openstack import manila
from tests.functional.openstack.trouble import Trouble

pytestmark = [pytest.mark.timeout(3000), pytest.mark.slow]

CHAPTERS = (
    ('users', 'cifs_by_user'), ('refusing', 'extended_although_refused'),
    ('handled', 'killed'), ('single', 'disks_in_another_order'),
    ('handled', 'deleted_while_it_is_down'), ('handled', 'without_an_agent'),
    ('single', 'crowded'))

#: What Manila's own driver does not do.
FAULTS: dict[str, str] = {}


@pytest.mark.parametrize(('backend', 'chapter'), CHAPTERS)
def test_chapter(living, story, backend, chapter):
    story(living(backend, Trouble), chapter, faults=FAULTS)


def test_nothing_is_left(api, living, served):
    living('handled', Trouble).end()
    assert not manila.left(served.before, manila.inventory(api))

# SPDX-License-Identifier: Apache-2.0

"""The share service is killed with -9 at what it does: ``interrupted.py``."""

import pytest

from tests.functional.openstack.interrupted import Interrupted
from tests.functional.openstack.interrupted import MOMENTS

pytestmark = [pytest.mark.timeout(1800), pytest.mark.slow]

#: What Manila's own driver does not do.
FAULTS = {'extend': 'it takes the volume away while it is extended'}


@pytest.mark.parametrize(('chapter', 'moment'), [
    pytest.param(chapter, moment, id=f'{chapter}-{moment}'.replace(' ', '-'))
    for chapter, moments in MOMENTS.items() for moment in moments])
def test_chapter(living, story, chapter, moment):
    story(living('handled', Interrupted), chapter, moment,
          faults=FAULTS)


def test_nothing_is_left(living, story):
    story(living('handled', Interrupted), 'nothing_is_left', faults=FAULTS)

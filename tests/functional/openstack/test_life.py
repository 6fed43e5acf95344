# SPDX-License-Identifier: Apache-2.0

"""Shares in a real cloud, through Manila's API: our driver, and Manila's own.

Manila's own driver is the control: that a chapter is possible here at all,
and what it costs there.  Where it is known to fail, that is said below.
"""

import pytest

from tests.functional.openstack.life import Life

pytestmark = pytest.mark.timeout(1800)

#: Played every time, in both modes; all others are slow.
ALWAYS = ('cifs_by_address', 'nfs_extended')
#: Behind an extension that has failed, Manila's own driver makes no share on
#: that server any more, and behind a client that vanished neither: it unmounts
#: lazily, the kernel keeps the disk's name, and Nova gives it to the next one.
#: Those come last.
CHAPTERS = ('nfs', 'copies', 'shrink', *ALWAYS, 'extend_while_written',
            'client_that_vanished')

#: What Manila's own driver does not do.
FAULTS = dict.fromkeys(
    ('nfs_extended', 'extend_while_written'),
    'it takes the volume away while it is extended')

PLAYED = [
    pytest.param(backend, chapter, id=f'{backend}-{chapter}', marks=(
        () if chapter in ALWAYS else pytest.mark.slow))
    for backend in ('handled', 'single') for chapter in CHAPTERS]


@pytest.mark.parametrize(('backend', 'chapter'), PLAYED)
def test_chapter(living, story, backend, chapter):
    story(living(backend, Life), chapter, faults=FAULTS)


def test_nothing_is_left(living, story):
    story(living('handled', Life), 'nothing_is_left', faults=FAULTS)

# SPDX-License-Identifier: Apache-2.0

"""The Manila releases that the rig can start: the one pinned table."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Release:
    """One Manila release.

    name: the series as users say it; wheel: the version installed for it;
    microversion: the newest API that it serves; threading: what its services
    can run on, 'eventlet' or native 'threads', its own default first.
    """

    name: str
    wheel: str
    microversion: str
    threading: tuple[str, ...]

    @property
    def updates_access(self) -> bool:
        """Can the level of an access rule be changed in place?"""
        return self.serves('2.88')

    def serves(self, microversion: str) -> bool:
        return _numbers(microversion) <= _numbers(self.microversion)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split('.'))


RELEASES = {release.name: release for release in (
    Release('19.1', '19.1.1', '2.87', ('eventlet',)),
    Release('20.0', '20.0.3', '2.89', ('eventlet',)),
    Release('21.0', '21.0.3', '2.91', ('eventlet',)),
    Release('22.0', '22.0.2', '2.95', ('eventlet', 'threads')),
    Release('23.0', '23.0.1', '2.99', ('threads', 'eventlet')),
)}

# The release whose requirements make up the one environment in which all of
# them run: older releases run with today's libraries, not the reverse.
NEWEST = RELEASES['23.0']


def named(name: str) -> Release:
    """The release called `name`, be it a series or a full version."""
    for release in RELEASES.values():
        if name in (release.name, release.wheel):
            return release
    raise ValueError('no Manila release %s; there are %s'
                     % (name, ', '.join(RELEASES)))

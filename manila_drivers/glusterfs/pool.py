# SPDX-License-Identifier: Apache-2.0

"""Which volumes may become shares, and which of them a share gets.  Pure."""

from collections.abc import Iterable
from collections.abc import Mapping
import hashlib
import re
import string
from typing import TypeVar

from manila_drivers import exception
from manila_drivers.glusterfs import paths
from manila_drivers.glusterfs import records

Located = TypeVar('Located')


class _Template(string.Template):
    delimiter = '#'


class VolumePattern:
    """``glusterfs_volume_pattern``.

    :raises ConfigurationError: it cannot be used.
    """

    OPTION = 'glusterfs_volume_pattern'

    def __init__(self, text: str) -> None:
        try:
            template = _Template(text).substitute(size=r'(?P<size>\d+)')
        except KeyError as exc:
            raise exception.ConfigurationError(
                self.OPTION, '%r has the unknown placeholder #{%s}; there is '
                '#{size} alone' % (text, exc.args[0])) from exc
        except ValueError as exc:
            raise exception.ConfigurationError(
                self.OPTION, '%r has a lone #; write ## for a plain one'
                % text) from exc
        try:
            self._expression = re.compile(template)
        except re.error as exc:
            raise exception.ConfigurationError(
                self.OPTION, '%r is not a regular expression' % text,
                answer=str(exc)) from exc
        self.text = text

    @property
    def open_ended(self) -> bool:
        """Return whether names that go on behind the match belong to it."""
        return not self.text.endswith(('$', r'\Z'))

    def matches(self, name: str) -> bool:
        return self._expression.match(name) is not None

    def size(self, name: str) -> int | None:
        """GiB that a name says; None if it does not."""
        found = self._expression.match(name)
        if found is None or 'size' not in self._expression.groupindex:
            return None
        return int(found['size']) if found['size'] else None


class VolumePool:
    """The volumes that belong to a backend.

    :param pattern: of the names, or
    :param targets: the names by host.
    """

    def __init__(self, pattern: VolumePattern | None,
                 targets: Mapping[str, frozenset[str]],
                 infrastructure: paths.ReservedNames) -> None:
        self._pattern = pattern
        self._targets = targets
        self.infrastructure = infrastructure

    def has(self, host: str, name: str) -> bool:
        """Return whether a volume is one that may become a share."""
        if paths.is_clone(name):
            return False
        if self._pattern is None:
            return name in self._targets.get(host, ())
        return self._pattern.matches(name)

    def size(self, name: str) -> int | None:
        """GiB that the name of a volume promises, or None."""
        return None if self._pattern is None else self._pattern.size(name)

    def unusable(self, volume: records.Volume) -> str:
        """Why a volume cannot become a share, or ''."""
        allowed = volume.allowed
        if allowed is None:
            return ('auth.ssl-allow is not set, so that everybody with a '
                    'certificate could mount it')
        if any(map(paths.is_glob, allowed)):
            return 'auth.ssl-allow has a name that stands for many'
        if not self.infrastructure.has_server(
                self.infrastructure.of(allowed)):
            return 'auth.ssl-allow has no name of a server'
        if volume.snapshots is None:
            return 'whether it has snapshots is not told'
        if volume.snapshots:
            return 'it has %d snapshots' % volume.snapshots
        if volume.coming_back:
            return ('it was brought back to a snapshot and not started '
                    'since: a share that is being reverted, perhaps')
        exposed = volume.exposed()
        return ('%s is on, so that others than the rules say get in'
                % exposed) if exposed else ''

    def unfit(self, volume: records.Volume) -> str:
        """Why a free volume is not handed out, or ''.

        One that is managed may have options that its users are used to.
        """
        why = self.unusable(volume)
        if why:
            return why
        option = volume.hindrance()
        return ('%s is %s, with which it is no share for everybody'
                % (option, volume.options[option])) if option else ''


def best(candidates: Iterable[tuple[Located, str, str, int | None]],
         size: int | None, share_id: str) -> Located | None:
    """The volume a share gets, or None.

    The smallest of those that are large enough; without any, one of unknown
    size.  Among clusters that have such, chance decides, and a repeated call
    comes out the same; in a cluster the first name does.

    :param candidates: usable free volumes, each with host, name and GiB.
    :param size: GiB that are asked for.
    """
    known = list(candidates)
    fitting = [each for each in known
               if each[3] is not None and each[3] >= (size or 0)]
    if fitting:
        least = min(each[3] or 0 for each in fitting)
        fitting = [each for each in fitting if each[3] == least]
    else:
        fitting = [each for each in known if each[3] is None]
    hosts = {each[1] for each in fitting}
    if not hosts:
        return None
    host = min(hosts, key=lambda name: hashlib.sha256(
        (share_id + name).encode()).digest())
    return min((each for each in fitting if each[1] == host),
               key=lambda each: each[2])[0]

# SPDX-License-Identifier: Apache-2.0

"""Microversions: the ones a service has, and the one that is spoken.  Pure."""

from collections.abc import Mapping
import dataclasses
import json
import re
from typing import Any

_TWO = re.compile(r'(\d+)\.(\d+)')

Version = tuple[int, int]


@dataclasses.dataclass(frozen=True)
class VersionRange:
    """The oldest and the newest microversion; None: it has none."""

    least: Version | None
    most: Version | None


def parsed(text: object) -> Version | None:
    """Return a version, None for what is none."""
    found = _TWO.fullmatch(text.strip()) if isinstance(text, str) else None
    return (int(found[1]), int(found[2])) if found else None


def document(text: str, major: str) -> VersionRange | None:
    """Return what a document of versions says of one; None if it does not.

    :param text: of any answer: Nova tells one version, Cinder a list of one,
        roots of services all of them.
    :param major: such as ``v2.1`` or ``v3``.
    """
    try:
        data = json.loads(text)
    except ValueError:
        return None
    for each in _entries(data):
        ident = str(each.get('id') or '')
        # Cinder calls v3.0 what has v3 in its path.
        if major in (ident, ident.removesuffix('.0')):
            return VersionRange(parsed(each.get('min_version')),
                                parsed(each.get('version')))
    return None


def _entries(data: Any) -> list[Mapping[str, Any]]:
    if not isinstance(data, Mapping):
        return []
    found = data.get('version') or data.get('versions')
    if isinstance(found, Mapping):
        found = found.get('values', [found])
    return [each for each in found if isinstance(each, Mapping)] \
        if isinstance(found, list) else []


def chosen(wanted: Version, told: VersionRange) -> Version | None:
    """Return the wanted version, or the nearest one that there is."""
    if told.most is None:
        return None
    return max(min(wanted, told.most), told.least or wanted)

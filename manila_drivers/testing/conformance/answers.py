# SPDX-License-Identifier: Apache-2.0

"""Tell what drivers answer, held against what Manila can take and store."""

from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any

from manila_drivers import access
from manila_drivers.testing.conformance import verdict


def locations(answer: Any) -> list[dict[str, Any]]:
    """Export locations in the long form.

    :raises Violation: Manila could not store them.
    """
    found = [answer] if isinstance(answer, str) else list(answer or ())
    verdict.require(found, 'locations', 'there are none')
    return [_location(location) for location in found]


def _location(location: Any) -> dict[str, Any]:
    if isinstance(location, str):
        location = {'path': location, 'is_admin_only': False}
    path = location.get('path')
    verdict.require(isinstance(path, str) and 0 < len(path) <= 2000,
                    'locations', f'path is {path!r}')
    verdict.require(isinstance(location.get('is_admin_only'), bool),
                    'locations', f'is_admin_only is missing in {location!r}')
    return dict(location)


def states(answer: Any, wanted: Mapping[str, access.Rule],
                   delete: Iterable[access.Rule]) -> Mapping[str, Any]:
    """Return what ``update_access`` says of single rules.

    :raises Violation: a key is no ``access_id`` of the call, or a state is
        none that Manila knows.
    """
    answer = {} if answer is None else answer
    known = {*wanted, *(rule.access_id for rule in delete)}
    for access_id, state in answer.items():
        verdict.require(access_id in known, 'access.key',
                        f'{access_id!r} is no access_id of this call')
        verdict.require(state.get('state', 'active') in ('active', 'error'),
                        'access.state', f'{state!r} for {access_id}')
    return answer  # type: ignore[no-any-return]


def snapshot(answer: Any) -> Mapping[str, Any]:
    """Return what is known of a snapshot, {} for None.

    :raises Violation: Manila could not store it.
    """
    answer = answer or {}
    verdict.require(isinstance(answer, Mapping), 'snapshot.answer',
                    f'neither None nor a dictionary: {answer!r}')
    location = answer.get('provider_location')
    verdict.require(
        location is None
        or isinstance(location, str) and len(location) <= 255,
        'snapshot.answer', f'provider_location is {location!r}')
    return answer  # type: ignore[no-any-return]


def status(answer: Any) -> str:
    """How far a share from a snapshot is.

    :raises Violation: Manila does not accept that status.
    """
    found = answer.get('status')
    verdict.require(
        found in ('available', 'creating_from_snapshot', 'error'),
        'clone.status', f'{found!r} is no status Manila accepts')
    return str(found)


def size(answer: Any) -> int:
    """GiB of a share that was taken over.

    :raises Violation: it is not said, or no positive whole number.
    """
    verdict.require(
        isinstance(answer, Mapping) and isinstance(
            answer.get('size'), int) and answer['size'] > 0,
        'manage.size', f'no positive whole size in {answer!r}')
    return int(answer['size'])

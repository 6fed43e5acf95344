# SPDX-License-Identifier: Apache-2.0

"""Have a driver check shares as at its start, without its repairs."""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.audit import comparing
from manila_drivers.audit import differences
from manila_drivers.direct import driving


def start_check(backend: driving.Driving, chosen: Sequence[dict[str, Any]],
                ) -> tuple[comparing.StartCheck, list[str]]:
    """Return what the driver's own check would repair, without that.

    :param chosen: rows of shares.
    :returns: and what it could not look at.
    """
    with plan.dry_run() as dry:
        backend.call(lambda driver: driver.check_shares(chosen))
    answers: dict[str, Mapping[str, Any]] = {}
    for one in dry.results:
        answers.update([one] if isinstance(one, tuple) else one or {})
    found = comparing.StartCheck(
        tuple(step for each in dry.plans for step in each), answers)
    # A plan is the answer of the share that it is for.
    missing = len({row['id'] for row in chosen} - answers.keys()) \
        - len(dry.plans)
    return found, [f'{missing} shares, of which the driver says nothing'
                   ] if missing > 0 else []


Planned = tuple[list[str], list[tuple[differences.Deviation, str]]]


def plan_each(wanted: Iterable[differences.Deviation],
              work: Callable[[list[differences.Deviation]], Planned],
              ) -> Planned:
    """Return what repairs would do, of each by itself if all fail together.

    :returns: and what could not be planned, with the reason.
    """
    wanted = list(wanted)
    found, error = exception.caught_any(lambda: work(wanted))
    if found is not None:
        return found
    if len(wanted) < 2 or isinstance(error, exception.TransportError):
        return [], [(one, str(error)) for one in wanted]
    each = [plan_each([one], work) for one in wanted]
    return ([line for lines, _ in each for line in lines],
            [one for _, left in each for one in left])

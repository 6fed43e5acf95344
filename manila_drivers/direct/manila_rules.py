# SPDX-License-Identifier: Apache-2.0

"""Access rules of many shares, for which Manila has no list.

Some of shares that seem damaged are asked for twice: lists tell in seconds
when something was changed, or not at all.
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from concurrent import futures
import dataclasses
import functools
import threading
from typing import Any

from manila_drivers import exception
from manila_drivers.audit import differences
from manila_drivers.audit import manila_view
from manila_drivers.manila_api import client
from manila_drivers.manila_api import records
from manila_drivers.transport import meter

#: Requests for rules at a time; each costs Manila several queries.
AT_ONCE = 4

_Rules = dict[str, tuple[records.ApiRule, ...]]
_ACCESS = (differences.WIDER, differences.NARROWER)


def read(lists: client.ManilaLists, shares: Iterable[str]) -> tuple[
        _Rules, Callable[..., list[str]]]:
    """Ask for the rules of each share; there is no list of all.

    :returns: and what tells of those that were not told.
    """
    found: _Rules = {}
    failed: dict[str, exception.DriverError | None] = {}
    stopped = threading.Event()

    def one(ident: str) -> tuple[Any, exception.DriverError | None]:
        if stopped.is_set():
            return None, None
        told, error = exception.caught(
            functools.partial(lists.rules, ident))
        if isinstance(error, (exception.AccessDenied,
                              exception.TransportError)):
            # It would be the same for all others.
            stopped.set()
        return told, error
    with futures.ThreadPoolExecutor(AT_ONCE) as pool:
        jobs = {ident: pool.submit(meter.carried(one), ident)
                for ident in sorted(shares)}
    for ident, job in jobs.items():
        told, error = job.result()
        if told is None:
            failed[ident] = error
        else:
            found[ident] = told

    def untold(view: manila_view.ManilaView,
               away: Mapping[str, str]) -> list[str]:
        here = {one.share_id for one in view.here if one.id not in away}
        left = [error for ident, error in failed.items() if ident in here]
        why = sorted({str(error) for error in left if error is not None})
        return [f'access rules of {len(left)} shares: {"; ".join(why)}'
                ] if left else []
    return found, untold


@dataclasses.dataclass(frozen=True)
class AskedAgain:
    """Differences that stay, and shares that have changed meanwhile."""

    told: tuple[differences.Deviation, ...]
    changed: dict[str, str]
    unread: tuple[str, ...]


def ask_again(lists: client.ManilaLists, view: manila_view.ManilaView,
              told: Iterable[differences.Deviation]) -> AskedAgain:
    """Ask for the rules, or the size, of what differs in them once more.

    That is done of shares that may have changed without another time in the
    lists.  What Manila does not tell any more is told, and not repaired.
    """
    told = list(told)
    newest = max((one.updated_at for one in view.here), default='')
    doubtful = {one.id for one in view.here if one.updated_at in ('', newest)}
    changed: dict[str, str] = {}
    failed: dict[str, str] = {}
    for one in {(one.ident, one.kind == differences.SIZE): one for one in told
                if one.ident in doubtful and (
                    one.kind in (*_ACCESS, differences.SIZE)
                    or one.repair == differences.RULES)}.values():
        same, error = exception.caught(functools.partial(
            _is_same, lists, view, one))
        if error is not None:
            failed[one.ident] = f'{one.subject} once more: {error}'
        elif not same:
            changed[one.ident] = 'it was changed meanwhile'
    return AskedAgain(tuple(
        dataclasses.replace(one, repair='') if one.ident in failed else one
        for one in told if one.ident not in changed),
        changed, tuple(failed.values()))


def _is_same(lists: client.ManilaLists, view: manila_view.ManilaView,
             one: differences.Deviation) -> bool:
    """Tell if what was compared is as it was; of what is gone it is not."""
    share = view.instances[one.ident].share_id
    if one.kind == differences.SIZE:
        return lists.share(share).size == view.shares[share].size
    return set(lists.rules(share)) == set(view.rules.get(share, ()))

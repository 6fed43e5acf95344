# SPDX-License-Identifier: Apache-2.0

"""Who reaches an export, looked at after every single external call."""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
import contextlib
import threading
from typing import Any

from manila_drivers.testing.conformance import meaning
from manila_drivers.testing.conformance import verdict
from manila_drivers.testing.conformance.lab import Item
from manila_drivers.testing.conformance.lab import Lab
from manila_drivers.testing.conformance.lab import Level

RANK = meaning.RANK


def seen(lab: Lab, export: str,
         clients: Iterable[str]) -> dict[str, Level]:
    return {client: lab.effective(export, client) for client in clients}


def ceiling(*sides: Mapping[str, Level]) -> dict[str, Level]:
    """For each client the widest that any of the sides gives."""
    return {client: max((side.get(client) for side in sides),
                        key=RANK.__getitem__)
            for client in {name: None for side in sides for name in side}}


class Watch:
    """Remembers who had what after each external call.

    :param clients: who is asked about.
    """

    def __init__(self, lab: Lab, export: str,
                 clients: Iterable[str]) -> None:
        self._lab = lab
        self._export = export
        self._clients = tuple(clients)
        self.before: dict[str, Level] = {}
        self._looks: list[tuple[int, dict[str, Level]]] = []
        # Calls may be made in parallel.  A look that began before another
        # must not be remembered after it: what it saw would be taken for
        # something that came back.
        self._looking = threading.Lock()

    @contextlib.contextmanager
    def watching(self) -> Iterator['Watch']:
        self.before = seen(self._lab, self._export, self._clients)
        with self._lab.seam.watched(self._look):
            yield self

    def _look(self) -> None:
        with self._looking:
            self._looks.append((self._lab.seam.calls, seen(
                self._lab, self._export, self._clients)))

    @property
    def looks(self) -> int:
        """How many external calls were followed by a look."""
        return len(self._looks)

    def never_beyond(self, *sides: Mapping[str, Level]) -> None:
        """Nobody ever had more than the widest of the sides.

        :raises Violation: ``access.too-wide-meanwhile``.
        """
        widest = ceiling(dict.fromkeys(self._clients), *sides)
        for call, look in self._looks:
            for client, now in look.items():
                if RANK[now] > RANK[widest[client]]:
                    raise self._wrong('too-wide-meanwhile', client, now, call,
                                      f'at most {widest[client]}')

    def straight_to(self, after: Mapping[str, Level]) -> None:
        """Access went from what it was to what it is, without detours.

        What is taken away does not come back, what is given is not more
        than that, and what stays is not interrupted.

        :raises Violation: ``access.too-wide-meanwhile`` or
            ``access.interrupted``.
        """
        last = dict(self.before)
        for call, look in self._looks:
            for client, now in look.items():
                rank, ends = RANK[now], sorted((RANK[last[client]],
                                                RANK[after[client]]))
                if not ends[0] <= rank <= ends[1]:
                    raise self._wrong(
                        'interrupted' if rank < ends[0]
                        else 'too-wide-meanwhile', client, now, call,
                        f'{last[client]} on the way to {after[client]}')
                last[client] = now

    def _wrong(self, check: str, client: str, now: Level, call: int,
               instead: str) -> verdict.Violation:
        return verdict.Violation(
            'access.' + check, f'{client} has {now} on {self._export} after '
            f'external call {call}, not {instead}')


def nothing_left(lab: Lab,
                 before: Mapping[Item, Any]) -> None:
    """Check that all is as it was; only what holds all shares may come.

    :raises Violation: ``delete.leftover``.
    """
    verdict.same('delete.leftover', before, {
        item: content for item, content in lab.records().items()
        if item in before or not lab.keeps(item)})


@contextlib.contextmanager
def closed(lab: Lab, exports: Iterable[str],
           clients: Iterable[str] = meaning.STRANGERS) -> Iterator[None]:
    """Nobody may reach any of the exports at any time.

    :raises Violation: somebody did.
    """
    watches = [Watch(lab, export, clients) for export in exports]
    with contextlib.ExitStack() as stack:
        for watch in watches:
            stack.enter_context(watch.watching())
        yield
    for watch in watches:
        watch.never_beyond()


def check(lab: Lab, export: str,
          expected: Mapping[str, Level], check_name: str = 'access') -> None:
    """Effective access is exactly this, and the backend leaves no doubt.

    :raises Violation: somebody has more (``access.too-wide``) or less
        (``access.missing``), or lists contradict (``access.ambiguous``).
    """
    for client, wanted in expected.items():
        found = lab.effective(export, client)
        if found == wanted:
            continue
        kind = 'too-wide' if RANK[found] > RANK[wanted] else 'missing'
        raise verdict.Violation(
            f'{check_name}.{kind}',
            f'{client} has {found} on {export}, the rules say {wanted}')
    doubts = lab.ambiguous(export)
    verdict.require(not doubts, f'{check_name}.ambiguous',
                    '; '.join(map(str, doubts)))

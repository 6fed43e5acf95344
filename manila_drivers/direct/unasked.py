# SPDX-License-Identifier: Apache-2.0

"""Keep a change of access from changing what nobody has asked for.

A driver makes access what all rules of a share say.  Records that are older
than the backend, or damaged, have rules that were denied since and lack some
that were given: one of them is changed, and all the others with it.  A plan
of giving what is recorded tells if there is such a difference; only then the
backend is asked for who gets in, of all shares unless it tells of one.
"""

from collections.abc import Callable
from collections.abc import Sequence
import dataclasses
import functools
import logging
from typing import Any

from manila_drivers import exception
from manila_drivers import inventory
from manila_drivers.audit import reach
from manila_drivers.audit import widening
from manila_drivers.direct import driving
from manila_drivers.registry import records

LOG = logging.getLogger(__name__)

Rules = Sequence[records.RuleEntry]


@dataclasses.dataclass(frozen=True)
class Unasked:
    """Look at what a change of a share's access would do beside it.

    :param call: has a driver make access what rules say.
    :param look: returns what is on the backend, at least of one share.
    """

    driving: driving.Driving
    call: Callable[[Any, records.ShareEntry, Rules], Any]
    look: Callable[[str], inventory.Inventory]

    def allowing(self, share: records.ShareEntry, known: Rules,
                 wanted: Rules, asked: records.RuleEntry) -> None:
        """Tell who loses access by a rule that is given.

        :param known: all rules of the share as they are recorded.
        :param wanted: those that are given, with the one that was asked for.
        :raises InvalidRequest: others get access who have none; nothing was
            changed.
        """
        same, seen = self._seen(share, known)
        if not same:
            widening.decide(wanted, seen, [asked]).need(share.name)
            _tell_losers(share, known, seen, [asked])

    def keeping(self, share: records.ShareEntry, known: Rules,
                wanted: Rules) -> None:
        """Tell who loses access by rules that nobody has asked for now.

        :raises InvalidRequest: somebody gets access who has none; nothing was
            changed.
        """
        same, seen = self._seen(share, known)
        if not same:
            # What is asked for there has no option that would say so.
            widening.decide(wanted, seen).need(
                share.name, 'audit --repair --widen')
            _tell_losers(share, known, seen)

    def denying(self, share: records.ShareEntry, known: Rules, left: Rules,
                denied: Rules) -> Rules:
        """Return which rules are given when some are taken.

        To take access depends on nothing else.  So it is never refused: what
        nobody gets in by now stays so, and is told.

        :param left: the rules that stay in force.
        """
        found, error = exception.caught(functools.partial(
            self._seen, share, known))
        if found is None:
            LOG.warning('It is not known who gets into share %s; its other '
                        'rules are given as they are recorded: %s',
                        share.name, error)
            return left
        same, seen = found
        if same:
            return left
        _tell_losers(share, known, seen)
        asked = [dataclasses.replace(rule, level='rw') for rule in denied]
        chosen = widening.decide(left, seen, asked)
        if chosen.blind:
            LOG.warning('It is not known who gets into all of share %s; its '
                        'other rules are given as they are recorded',
                        share.name)
            return left
        if not chosen.gives:
            return left
        LOG.warning('Share %s does not let in %s, who have rules: they were '
                    'not given. If they shall have access, audit --repair '
                    '--widen; else share deny', share.name,
                    reach.several(list(chosen.gives)))
        return widening.clipped(left, seen, asked) \
            if chosen.narrow is None else chosen.narrow

    def _seen(self, share: records.ShareEntry, known: Rules,
              ) -> tuple[bool, inventory.SeenShare | None]:
        """Return if a backend is as recorded, else the share as it has it."""
        before = [rule for rule in known if rule.state == 'active']
        try:
            if self.driving.driver.SHOWS_PLANS and not self.driving.preview(
                    '', '', lambda driver: self.call(
                        driver, share, before)).steps:
                return True, None
            return False, self.look(share.id).shares.get(share.id)
        except exception.Unsupported:
            # There is a driver for more backends than can be looked at.
            return True, None


def _tell_losers(share: records.ShareEntry, known: Rules,
                 seen: inventory.SeenShare | None,
                 asked: Rules = ()) -> None:
    lost = widening.unknown(known, seen, asked)
    if lost:
        LOG.warning('Share %s lets in %s, whom no recorded rule lets in: '
                    'they lose access by this. If they shall have it, share '
                    'allow', share.name, reach.several(lost))

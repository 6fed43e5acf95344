# SPDX-License-Identifier: Apache-2.0

"""Who may mount a share."""

from collections.abc import Mapping
from collections.abc import Sequence
import logging

from manila_drivers import access
from manila_drivers import driver
from manila_drivers import exception
from manila_drivers.glusterfs import planning
from manila_drivers.glusterfs import records
from manila_drivers.glusterfs import repository

LOG = logging.getLogger(__name__)


class GlusterAccess:
    """Set the rules of shares."""

    def __init__(self, repo: repository.VolumeRepository) -> None:
        self._repo = repo

    def update(self, call: driver.Call,
               rules: Sequence[access.Rule]) -> Mapping[str, str]:
        """Make access exactly what the rules say, whatever it was.

        Who loses access is cut off.  Where what is stored of the share cannot
        be read, nobody new gets in.

        :returns: the reason by access id of each rule that is refused.
        :raises NotFound: the share has no volume, and there are rules.
        """
        ident = call.share.id
        with self._repo.locked(ident):
            entry, unread = self._repo.journal.read_or_doubt(ident)
            # Where not all can be asked nobody can be called denied.
            facts = self._repo.facts(ident, all_of_them=True, entry=entry)
            if facts is None:
                if unread is not None:
                    # It may be that of a volume without a mark.
                    raise unread
                if not rules:
                    return {}
                raise exception.NotFound('Share %s has no volume' % ident)
            if facts.volume.state == records.WIPING:
                raise exception.Busy('Share %s is being deleted' % ident)
            decision = planning.access_change(
                facts.volume, facts.entry, rules,
                self._repo.settings.infrastructure, dynamic=facts.dynamic,
                unread=unread)
            self._run(ident, facts, decision)
            if decision.lacking is not None:
                if decision.withheld:
                    raise decision.lacking
                LOG.warning('Share %s: %s', ident, decision.lacking)
            if facts.entry.reapply:
                self._repo.journal.applied(ident)
        return decision.errors

    def _run(self, ident: str, facts: repository.VolumeFacts,
             decision: planning.Decision) -> None:
        """Change access.

        :raises Busy: who was turned out may still be let in; nobody else is
            then whose rule counts as refused with theirs.
        """
        # A call before this one may have changed the list, and failed.
        if not (decision.narrows or facts.entry.closing):
            self._repo.run(facts.cluster, decision.steps)
            return
        _, error = exception.caught(
            lambda: self._repo.narrow(ident, facts.located, decision.steps))
        if isinstance(error, exception.Busy):
            _, wrong = exception.caught(
                lambda: self._repo.run(facts.cluster, decision.back))
            if wrong is not None:
                error.add_note('What it gave was not taken back: %s' % wrong)
        if error is not None:
            raise error

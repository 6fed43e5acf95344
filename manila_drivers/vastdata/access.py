# SPDX-License-Identifier: Apache-2.0

"""Who may reach a share: its rules become the lists of its view policy."""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import functools
import logging
import math

from manila_drivers import access
from manila_drivers import exception
from manila_drivers import model
from manila_drivers.driver import call
from manila_drivers.transport import retry
from manila_drivers.vastdata import errors
from manila_drivers.vastdata import executor
from manila_drivers.vastdata import paths
from manila_drivers.vastdata import planning
from manila_drivers.vastdata import records
from manila_drivers.vastdata import repository
from manila_drivers.vastdata import share_record
from manila_drivers.vastdata import view_policy

LOG = logging.getLogger(__name__)


class Access:
    """Access to the shares of one backend."""

    def __init__(self, found: repository.Repository,
                 steps: executor.Executor, notes: share_record.ShareRecord,
                 lock: share_record.Lock) -> None:
        self._found = found
        self._settings = found.cluster.settings
        self._executor = steps
        self._notes = notes
        self._lock = lock

    def update(self, call: call.Call,
               rules: Sequence[access.Rule]) -> Mapping[str, str]:
        """Make access exactly what the rules say, whatever it was.

        Where the share's type does not say how clients are squashed, nobody
        gets more than they have, and whoever shall have less has less.

        :returns: the reason by access id of each rule that is refused.
        :raises NotFound: the share has no view, so nobody has access, and
            there are rules.
        :raises InvalidRequest: the protocol is not NFS.  Taking access away
            from such a share works, since there is none.
        :raises DriverError: the squashing is not known, and somebody was to
            be given more than they have.
        """
        share = call.share
        if rules and share.proto:
            planning.check_protocol(share)
        squash = view_policy.present_squash(call.specs_or_none(),
                                            self._settings.squash)
        wanted = functools.partial(
            view_policy.wanted, rules, squash,
            split_limit=self._settings.split_limit,
            ipv6=self._settings.ipv6_rules)
        # Reading, comparing and writing must not be interleaved.
        with self._lock(paths.lock_name(share.id)):
            view, granting = self._set_lists(share, wanted)
        if view is None and rules:
            raise exception.NotFound(
                'Share %s has no view of that name' % share.id,
                check='whether the share exists in VMS')
        if granting.withheld:
            view_policy.squash_of(call.specs(), self._settings.squash)
        return granting.errors

    def _set_lists(self, share: model.Share,
                   wanted: Callable[..., view_policy.Granting],
                   ) -> tuple[records.View | None, view_policy.Granting]:
        """Write the policy, and return the share's view, and what was said.

        :raises DriverError: the view cannot be read; access is what the rules
            say nevertheless, if the view is under the share's own policy.
        """
        view, unread = exception.caught(lambda: self._found.view(share.id))
        facts = self._facts(share, view, unread)
        granting = wanted()
        if granting.unclear:
            if facts.policy is None:
                facts = self._named(share, view)
            granting = wanted(current=view_policy.levels_of(facts.policy)
                              if facts.policy else {})
        lists = granting.lists
        steps = planning.access(share.id, lists, facts)
        # VMS that has not answered for all that time need not for as long.
        with retry.patience(retry.START if unread is not None and
                            errors.unable(unread) else math.inf):
            results, gone = exception.caught(
                lambda: self._executor.run(steps))
        if isinstance(gone, exception.NotFound):
            # The policy went after its id had been seen.
            facts = self._named(share, view)
            steps = planning.access(share.id, lists, facts)
            results, gone = exception.caught(
                lambda: self._executor.run(steps))
        if results is None:
            self._notes.policy_ids.pop(share.id, None)
            raise gone or AssertionError
        if unread is not None:
            raise unread
        ident = results['policy'].id if 'policy' in results \
            else facts.policy_id
        if view is not None and ident is not None:
            self._notes.policy_ids[share.id] = ident
            self._notes.remember(share.id, lists)
        return view, granting

    def _facts(self, share: model.Share, view: records.View | None,
               unread: exception.DriverError | None) -> planning.AccessFacts:
        """Find the share's own policy: by its view, else by what is known.

        :param unread: why the view could not be read.
        """
        if view is not None and view.policy == share.id \
                and view.policy_id is not None:
            return planning.AccessFacts(view, view.policy_id)
        known = self._remembered(share, unread)
        if known is not None:
            return dataclasses.replace(known, view=view)
        if unread is not None:
            if not isinstance(unread, exception.BackendError) \
                    or errors.unable(unread):
                raise unread
            LOG.warning('The view of share %s cannot be read: %s', share.id,
                        unread)
        return self._named(share, view)

    def _remembered(self, share: model.Share,
                    unread: exception.DriverError | None,
                    ) -> planning.AccessFacts | None:
        """Return the policy that this process wrote last, if it still is.

        A cluster that was made anew gives ids to others.  Where policies
        cannot be read, taking access away does not depend on that.
        """
        known = self._notes.policy_ids.get(share.id)
        if known is None:
            return None
        policy = None
        if unread is None or not errors.unable(unread):
            policy, hidden = exception.caught(lambda: self._found.vms.get(
                'viewpolicies', known, records.ViewPolicy.of))
            if hidden is None and (policy is None
                                   or policy.name != share.id):
                self._notes.policy_ids.pop(share.id, None)
                return None
        return planning.AccessFacts(None, known, policy)

    def _named(self, share: model.Share,
               view: records.View | None) -> planning.AccessFacts:
        """Find the share's own policy by its name, or that of adoption."""
        policy = self._found.policy(share.id)
        if policy is not None:
            return planning.AccessFacts(view, policy.id, policy)
        adopted = self._found.policy(paths.adopted_policy(share.id))
        if adopted is None:
            return planning.AccessFacts(view)
        return planning.AccessFacts(view, adopted.id, adopted, adopted.name)

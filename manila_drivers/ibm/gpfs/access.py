# SPDX-License-Identifier: Apache-2.0

"""Who may reach which share: rules of Manila on all NFS servers.

Nobody may be left with access that is believed to be revoked, so a change
that takes something away fails unless it is done everywhere; what it gives is
then not given anywhere, because Manila counts it as refused.  A change that
only gives succeeds where servers answer.  In either case the others get it
as soon as they answer again.  :func:`exports.decide` and
:func:`exports.conclude` say so.
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import AbstractContextManager
import dataclasses
import functools
import logging
import posixpath
from typing import Any

from manila_drivers import access
from manila_drivers import exception
from manila_drivers import model
from manila_drivers import plan
from manila_drivers import unseen
from manila_drivers.driver.call import Call
from manila_drivers.ibm.gpfs import paths
from manila_drivers.ibm.gpfs.helpers import base
from manila_drivers.nas import catch_up
from manila_drivers.nas import exports
from manila_drivers.nas import pending

LOG = logging.getLogger(__name__)

Export = exports.Export
Lock = Callable[[str, float], AbstractContextManager[None]]

# Seconds to wait for another call about the same share.
_PATIENCE = 600.0


class AccessService:
    """The exports of all shares of one backend.

    :param helper: its NFS servers.
    :param path: where a share of some name is exported.
    :param changes: what servers have missed, also before this process.
    :param lock: keeps everybody else from changing who may reach a share,
        given its name and for how many seconds to wait; raises ``Busy``.
        Reach: all processes that serve the backend.
    :param nobody: ids of shares that are known to have no rules.
    :param may_open: raises if nobody may reach a share at the moment.
    :param later: what is to be looked at with the next statistics.
    :param given: how shares were exported last, by whatever host.
    """

    def __init__(self, helper: base.NASHelperBase[Any],
                 path: Callable[[str], str], changes: pending.PendingChanges,
                 lock: Lock, nobody: pending.Unreached | None = None,
                 may_open: Callable[[model.Share], None] = lambda share: None,
                 later: unseen.Unseen | None = None,
                 given: pending.GivenAccess | None = None) -> None:
        self.helper = helper
        self._path = path
        self._lock = lock
        self._pending = changes
        #: Shares that have no rules, as far as Manila has said so.
        self.nobody = nobody or pending.Unreached(None, 'gpfs')
        self._may_open = may_open
        #: Changes whose effect nobody has seen yet.
        self.unseen = later or unseen.Unseen('gpfs')
        # Of exports, by path, as they were wanted.
        self._sent: dict[str, Export] = {}
        self.given = given or pending.GivenAccess(None, 'gpfs')
        #: Tells servers what they missed; never raises a DriverError.
        self.catch_up = catch_up.CatchUp(helper, changes, self.alone).run

    def alone(self, ident: str, patience: float = _PATIENCE,
              ) -> AbstractContextManager[None]:
        """Keep everybody else from changing who may reach a share.

        :raises Busy: somebody does, and goes on for that many seconds.
        """
        return self._lock(f'gpfs-{ident}', patience)

    def _place(self, share: model.Share) -> str:
        """Return the path of a share.

        :raises Conflict: it was made at another one.
        """
        path = self._path(share.name)
        paths.check_home(share, path)
        return path

    def options(self, specs: model.Specs) -> tuple[str, ...]:
        """:raises InvalidRequest: an option is refused."""
        return self.helper.options(specs)

    # One share

    def update(self, call: Call,
               rules: Sequence[access.Rule]) -> Mapping[str, str]:
        """Make access exactly what the rules say.

        :returns: the rules that cannot be honoured, with the reason.
        :raises DriverError: it is not so on every server.
        """
        with self.alone(call.share.id):
            return self.set_rules(call.share, rules, call.specs)

    def set_rules(self, share: model.Share, rules: Iterable[access.Rule],
                  specs: Callable[[], model.Specs]) -> Mapping[str, str]:
        """Make access what the rules say, for who holds the share's lock.

        What cannot be given, since the type's options are refused or
        nothing is to be opened now, keeps nothing from being taken away.

        :param specs: the extra specs; asked for if anybody is let in.
        :raises DriverError: it cannot be given, or is not on every server.
        """
        rules = tuple(rules)
        grants = access.ip_grants(rules)
        opening = bool(grants.levels)
        wanted, hindrance = Export(self._place(share), share.name, share.id,
                                   grants.levels), None
        if opening:
            wanted, hindrance = self.helper.chosen(
                wanted, specs, functools.partial(self._may_open, share))
        answers = self.helper.ask([wanted])
        wanted, refused = self.helper.servable(answers, wanted)
        grants = grants.without(refused)
        steps = self.helper.planned_access(
            answers, wanted, self._pending.unclosed(wanted),
            affords=self.helper.affords)
        plan.show(steps.servers.steps)
        if opening:
            self.nobody.discard(share.id)
        self.run(steps)
        if not rules:
            self.nobody.add(share.id)
        if hindrance is not None:
            base.refuse_giving(hindrance, wanted, self.helper.look(answers))
        return grants.errors

    def _expect(self, wanted: Export, before: exports.Levels | None, *,
                noted: bool) -> None:
        """Have the next statistics see that access is as it is wanted.

        Who was to lose access and has it loses it then.  Nobody is given any:
        another host may have taken it since.

        :param before: who had it until now.
        :param noted: other hosts can know what is wanted.
        """
        path = wanted.path

        def look() -> str:
            with self.alone(wanted.fsid, 0.0):
                last = self.given.is_last(wanted) if noted else None
                if self._sent.get(path) is not wanted or last is False:
                    # Who has changed it since, on whatever host, has looked.
                    return ''
                answers = self.helper.ask([wanted])
                # Who does not tell does not say that nobody is let in.
                exports.told_by_all(self.helper.look(answers), path)
                steps = self._planned(answers, wanted)
                del self._sent[path]
                now = steps.decision.common
                if not steps.servers.steps and now == wanted.levels:
                    return ''
                there = dataclasses.replace(wanted, levels=now or {})
                less, error = wanted.narrowed(there.levels), None
                again = bool(last) and now == before and less.levels != now
                if again:
                    # No host has changed it since: it is done again.
                    _, error = exception.caught(lambda: self.run(
                        self._planned(answers, less)))
                return (f'share {wanted.fsid} was to be exported as {wanted}, '
                        f'and was found exported as {there}; ' + (
                            str(error) if error else 'this was made again'
                            if again and less.levels == wanted.levels
                            else 'change its access rules'))

        self._sent[path] = wanted
        self.unseen.expect(('access', path), look)

    def _planned(self, answers: Any, wanted: Export) -> exports.AccessPlan:
        return self.helper.planned_access(answers, wanted,
                                          self._pending.unclosed(wanted))

    def allow(self, row: Any, rule: Any) -> None:
        """Add one rule, and leave the others as servers have them."""
        share = model.Share.of(row)
        with self.alone(share.id):
            self._may_open(share)
            place = self._place(share)
            if not plan.is_dry():
                self.nobody.discard(share.id)
                self._sent.pop(place, None)
            self.helper.allow_access(place, row, rule)

    def deny(self, row: Any, rule: Any) -> None:
        """Take one rule away; pass over one that never was."""
        share = model.Share.of(row)
        with self.alone(share.id):
            place = self._place(share)
            self._sent.pop(place, None)
            self.helper.deny_access(place, row, rule)

    def closing(self, share: model.Share, *,
                everywhere: bool = False) -> exports.AccessPlan:
        """Plan how to close a share on every server.

        :param everywhere: fail if a server does not answer.
        """
        export = Export(self._place(share), share.name, share.id, {})
        answers = self.helper.ask([export])
        if everywhere:
            exports.told_by_all(self.helper.look(answers), export.path)
        return self.helper.planned_access(
            answers, export, self._pending.unclosed(export),
            affords=None if everywhere else lambda *_: not self.helper.COSTLY)

    def run(self, steps: exports.AccessPlan) -> None:
        """Change access.

        :raises DriverError: it is not done, and what is owed is noted.
        """
        decision = steps.decision
        wanted = decision.wanted
        self._sent.pop(wanted.path, None)
        noted = self.given.give(wanted)
        outcomes = self.helper.run(steps.servers)
        conclusion = exports.conclude(decision, outcomes,
                                      self._pending.of(wanted.path))
        self._pending.remember(wanted, conclusion)
        for server, error in conclusion.errors.items():
            LOG.error('NFS server %s does not export %s as the others do, '
                      'and will be told when it answers: %s', server,
                      wanted.path, error)
        if not conclusion.fatal:
            if not all(step.args['looks'] for step in steps.servers.steps):
                self._expect(wanted, decision.common, noted=noted)
            return
        if conclusion.back is not None:
            for server, outcome in self.helper.reconcile(
                    [conclusion.back], only=conclusion.living).items():
                if outcome.error is not None:
                    LOG.error('NFS server %s: %s', server, outcome.error)
        raise exports.report(conclusion.errors, conclusion.what)

    # All shares

    @property
    def arrears(self) -> str:
        """Return a token that changes when servers have missed something."""
        return self._pending.token

    def drifted(self, paths: Mapping[str, str],
                known: Callable[[], Sequence[Export]] = tuple) -> set[str]:
        """Return paths that are not exported, or not alike, on every server.

        One that is exported nowhere, as it shall be, is none of them.

        Servers that do not answer are not counted; they are compared with
        the others when they do.

        :param paths: with the id of the share that each is of.
        :param known: makes the exports of the paths, without levels; called
            if a server does not answer.
        :raises DriverError: none of them answers.
        """
        errors, seen = exports.apart(self.helper.survey())
        if not plan.is_dry():
            self._pending.surveyed(errors, seen, paths, known)
        if errors and not seen:
            raise exports.report(errors, 'It is not known who exports what: '
                                 'no answer')
        for server, error in errors.items():
            LOG.error('NFS server %s does not tell what it exports, and will '
                      'be compared with the others when it does: %s', server,
                      error)
        # What is owed may be less than the rules say, if they were refused.
        owed = {path for server in self._pending.servers()
                for path in self._pending.owed(server)}
        return {path for path, ident in paths.items()
                if path in owed or exports.unlike(path, seen.values())
                or not any(one.levels.get(path) for one in seen.values())
                and ident not in self.nobody}

    def unpaid(self, ident: str) -> tuple[str, ...] | None:
        """Return servers on which somebody may be let in who was turned out.

        :returns: None if what is noted of that cannot be read.
        """
        return self._pending.noted(ident)

    def exported_below(self, path: str) -> dict[str, list[str]]:
        """Return exports at or below a directory, by whatever name of it.

        Also those that no address has by its own name: a netgroup or a host
        may be let in, or be when the server is restarted.

        :raises DriverError: a server does not say.
        """
        places = self.helper.names(path)

        def within(one: str) -> bool:
            return any((posixpath.normpath(one) + '/').startswith(
                place + '/') for place in places)
        return {server: sorted(
            one for one in answer.levels if within(one)
            and (answer.levels[one] or one in answer.doubtful
                 or not self.helper.LISTS_CLIENTS))
            for server, answer in exports.told_by_all(
                self.helper.survey(), path).items()}

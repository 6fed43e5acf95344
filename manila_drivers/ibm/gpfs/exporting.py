#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#         http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.

"""Who may reach which share: rules of Manila handed to the NAS helper.

What is decided here is what happens when some of several servers do not
answer.  Nobody may be left with access that is believed to be revoked, so a
change that takes something away fails unless it is done everywhere; what it
gives is then not given anywhere, because Manila counts it as refused.  A
change that only gives succeeds where servers answer.  In either case the
others get it as soon as they answer again.
"""

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import functools
import logging
import threading
from typing import Any

from manila_drivers import access
from manila_drivers import exception
from manila_drivers import model
from manila_drivers.ibm.gpfs import exports
from manila_drivers.ibm.gpfs import helper as helper_module

LOG = logging.getLogger(__name__)

Export = exports.Export
Found = Mapping[str, exports.Seen | exception.DriverError]


class Exporting:
    """The exports of all shares of one backend.

    :param helper: does it.
    """

    def __init__(self, helper: helper_module.NASHelperBase[Any]) -> None:
        self.helper = helper
        self._lock = threading.Lock()
        # What servers still have to be told, by server and path.
        self._owed: dict[str, dict[str, _Debt]] = {}

    def options(self, specs: model.Specs) -> tuple[str, ...]:
        """:raises InvalidRequest: an option is refused."""
        return self.helper.options(specs)

    # One share

    def update(self, share: model.Share, path: str,
               rules: Iterable[access.Rule],
               specs: model.Specs) -> Mapping[str, str]:
        """Make access exactly what the rules say.

        :returns: the rules that cannot be honoured, with the reason.
        :raises DriverError: it is not so on every server.
        """
        grants = access.ip_grants(rules)
        export = Export(path, share.name, share.id, grants.levels,
                        self.helper.options(specs))
        refused = self.helper.refused(export)
        if refused:
            grants = grants.without(refused)
            export = Export(path, share.name, share.id, grants.levels,
                            export.options)
        self._apply(export)
        return grants.errors

    def withdraw(self, share: model.Share, path: str) -> None:
        """Let nobody reach it any more.

        :raises DriverError: some server may still let them.
        """
        self._apply(Export(path, share.name, share.id, {}))

    def _apply(self, export: Export) -> None:
        round_ = _Round(export)
        outcomes = self.helper.reconcile(
            [export], before_changes=round_.settle)
        errors = exports.failed(outcomes)
        fatal = bool(errors) and (
            round_.narrowing or not export.levels
            or len(errors) == len(outcomes)
            # It answers, so it is not down: nobody would look after it.
            or any(outcomes[server].before is not None for server in errors))
        self._remember(export, outcomes, fatal=fatal, common=round_.common)
        if not fatal:
            self._tell(errors, export)
            return
        self._take_back(export, round_, outcomes)
        raise exports.report(
            errors, f'Access to {export.path} could not be changed')

    def _take_back(self, export: Export, round_: '_Round',
                   outcomes: Mapping[str, exports.Outcome]) -> None:
        """Leave nobody with what Manila is about to count as refused.

        A server was lost on the way, or did half of it, while others were
        given everything.
        """
        living = [server for server, outcome in outcomes.items()
                  if outcome.before is not None]
        if round_.narrowed or round_.common is None or not living:
            return
        for server, outcome in self.helper.reconcile(
                [export.narrowed(round_.common)], only=living).items():
            if outcome.error is not None:
                LOG.error('NFS server %s: %s', server, outcome.error)

    def _remember(self, export: Export,
                  outcomes: Mapping[str, exports.Outcome], *, fatal: bool,
                  common: exports.Levels | None) -> None:
        """Note what servers have to be told that could not be told now."""
        with self._lock:
            for server, outcome in outcomes.items():
                owed = self._owed.setdefault(server, {})
                if outcome.error is None:
                    owed.pop(export.path, None)
                    continue
                before = common
                if before is None and export.path in owed:
                    before = owed[export.path].export.levels
                owed[export.path] = (
                    _Debt(export) if not fatal else
                    _Debt(export, narrow=True) if before is None else
                    _Debt(export.narrowed(before)))

    @staticmethod
    def _tell(errors: Mapping[str, exception.DriverError],
              export: Export) -> None:
        for server, error in errors.items():
            LOG.error('NFS server %s does not export %s as the others do, '
                      'and will be told when it answers: %s', server,
                      export.path, error)

    # Servers that come back

    @property
    def owing(self) -> dict[str, list[str]]:
        """Which servers have still to be told about which paths."""
        with self._lock:
            return {server: sorted(owed)
                    for server, owed in self._owed.items() if owed}

    def catch_up(self) -> None:
        """Tell servers what they missed; never raises a DriverError."""
        for server in self.owing:
            with self._lock:
                owed = dict(self._owed[server])
            outcome = self.helper.reconcile(
                [debt.export for debt in owed.values()], only=[server],
                before_changes=functools.partial(_due, owed))[server]
            if outcome.error is not None:
                LOG.error('NFS server %s has missed changes of %d shares and '
                          'still does not answer: %s', server, len(owed),
                          outcome.error)
                continue
            LOG.warning('NFS server %s was told what it missed about %d '
                        'shares', server, len(owed))
            self._settle(server, owed)

    def _settle(self, server: str, told: Mapping[str, '_Debt']) -> None:
        with self._lock:
            owed = self._owed[server]
            for path, debt in told.items():
                if owed.get(path) == debt:
                    del owed[path]

    # All shares

    def drifted(self, paths: Sequence[str]) -> set[str]:
        """Paths that are not exported, or not alike, on every server.

        Servers that do not answer are not counted.

        :raises DriverError: none of them answers.
        """
        found = self.helper.survey()
        errors = {server: answer for server, answer in found.items()
                  if isinstance(answer, exception.DriverError)}
        if found and len(errors) == len(found):
            raise exports.report(errors, 'It is not known who exports what: '
                                 'no answer')
        seen = []
        for server, answer in found.items():
            if isinstance(answer, exception.DriverError):
                LOG.error('NFS server %s does not tell what it exports: %s',
                          server, answer)
            else:
                seen.append(answer)
        return {path for path in paths if any(
            path in one.doubtful
            or not one.levels.get(path)
            or one.levels[path] != seen[0].levels[path] for one in seen)}

    def exported_below(self, path: str) -> dict[str, list[str]]:
        """Exports at or below a directory, by server.

        :raises DriverError: a server does not say.
        """
        found = self.helper.survey()
        errors = {server: answer for server, answer in found.items()
                  if isinstance(answer, exception.DriverError)}
        if errors:
            raise exports.report(errors, f'It is not known who exports '
                                 f'{path}: no answer')
        return {server: sorted(
            one for one, levels in answer.levels.items()
            if levels and (one == path or one.startswith(path + '/')))
            for server, answer in found.items()
            if isinstance(answer, exports.Seen)}


@dataclasses.dataclass(frozen=True)
class _Debt:
    """What a server has to be told.

    :param narrow: nothing that it does not give already.
    """

    export: Export
    narrow: bool = False


def _due(owed: Mapping[str, _Debt], found: Found,
         wanted: Sequence[Export]) -> Sequence[Export]:
    seen = [answer for answer in found.values()
            if isinstance(answer, exports.Seen)]
    return [debt.export.narrowed(seen[0].levels.get(debt.export.path, {}))
            if debt.narrow and seen else debt.export
            for debt in owed.values()]


class _Round:
    """One change of one export, and what it becomes on the way."""

    def __init__(self, export: Export) -> None:
        self._export = export
        #: Whether it takes something away from somebody.
        self.narrowing = False
        #: Whether nothing was to be given, because a server is missing.
        self.narrowed = False
        #: What all servers that answered gave before.
        self.common: exports.Levels | None = None

    def settle(self, found: Found,
               wanted: Sequence[Export]) -> Sequence[Export]:
        """Called between the questions and the changes."""
        path = self._export.path
        seen = [answer.levels.get(path, {}) for answer in found.values()
                if isinstance(answer, exports.Seen)]
        for levels in seen:
            self.common = (dict(levels) if self.common is None
                           else exports.meet(self.common, levels))
            if exports.takes_away(levels, self._export.levels):
                self.narrowing = True
        if self.narrowing and len(seen) < len(found):
            assert self.common is not None
            self.narrowed = True
            return [self._export.narrowed(self.common)]
        return [self._export]

# SPDX-License-Identifier: Apache-2.0

"""Plays Manila's share manager.

It keeps what Manila keeps in its database, calls the driver with the
arguments that Manila passes, and checks the shape of what comes back.
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import json
import random
from typing import Any
import uuid

from manila_drivers import access
from manila_drivers.testing.conformance import answers
from manila_drivers.testing.conformance import rows
from manila_drivers.testing.conformance import verdict
from manila_drivers.testing.conformance.lab import Lab
from manila_drivers.testing.conformance.lab import Unmanaged

Rule = access.Rule


@dataclasses.dataclass
class Share:
    """Hold what the database knows of a share instance.

    ``rules`` are those that are to be honoured, ``refused`` those that the
    driver has put in error, ``kept_out`` those of them that may only read and
    came with the last change of rules.  ``tried`` tells that the driver was
    asked to make it, with whatever result.
    """

    id: str
    size: int | None
    proto: str
    snapshot_id: str | None = None
    locations: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    rules: dict[str, Rule] = dataclasses.field(default_factory=dict)
    refused: dict[str, Rule] = dataclasses.field(default_factory=dict)
    kept_out: tuple[Rule, ...] = ()
    status: str = 'creating'
    tried: bool = False

    @property
    def export(self) -> str:
        return str(self.locations[0]['path'])

    @property
    def exports(self) -> list[str]:
        return [str(location['path']) for location in self.locations]


@dataclasses.dataclass
class Snapshot:
    id: str
    share: Share
    provider_location: str | None = None
    locations: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    tried: bool = False


class Manager:
    """One share service with one backend.

    :param seed: makes the ids that are given out; the same seed gives the
        same ids, so that two runs can be compared.
    :param shape: ``row`` or ``dict`` for all calls, or '' for the shape that
        Manila uses in each.
    """

    def __init__(self, lab: Lab, *, seed: int = 0,
                 shape: str = '') -> None:
        self.lab = lab
        self.shape = shape
        self.context = rows.Context()
        self.shares: dict[str, Share] = {}
        self._random = random.Random(seed)  # noqa: S311 - not for secrets
        self.driver: Any = None
        # What Manila's database has of the last check of all shares.
        self.backend_info: Any = None
        self.restart()

    def restart(self) -> None:
        """Replace the driver, as a new process does."""
        self.driver = self.lab.make_driver()

    def new_id(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def rule(self, to: str, level: str = 'rw', kind: str = 'ip') -> Rule:
        return Rule(self.new_id(), kind, to, level)

    # Rows

    def row(self, share: Share, usual: str = rows.ROW) -> Any:
        return rows.share(self.shape or usual, ident=share.id,
                          size=share.size, proto=share.proto,
                          status=share.status, exports=share.locations,
                          snapshot_id=share.snapshot_id)

    def snapshot_row(self, snapshot: Snapshot, usual: str = rows.DICT) -> Any:
        return rows.snapshot(self.shape or usual, ident=snapshot.id,
                             share_row=self.row(snapshot.share),
                             provider_location=snapshot.provider_location)

    def rule_rows(self, share: Share, rules: Iterable[Rule]) -> list[Any]:
        return [rows.rule(self.shape or rows.ROW, access_id=rule.access_id,
                          share_id=share.id, access_type=rule.type,
                          access_to=rule.to, access_level=rule.level)
                for rule in rules]

    # Shares

    def new_share(self, size: int = 1, proto: str = '') -> Share:
        share = Share(self.new_id(), size, proto or self.lab.features.proto)
        self.shares[share.id] = share
        return share

    def create(self, share: Share | None = None, size: int = 1) -> Share:
        share = share or self.new_share(size)
        share.tried = True
        answer = self.driver.create_share(self.context, self.row(share),
                                          share_server=None)
        share.locations = answers.locations(answer)
        share.status = 'available'
        return share

    def delete(self, share: Share) -> None:
        """As Manila does: the rules go first, and vanished is deleted."""
        share.status = 'deleting'
        if share.rules or share.refused:
            self._tolerate_vanished(self._deny_all, share)
        self._tolerate_vanished(self.delete_only, share)
        self.shares.pop(share.id, None)

    def delete_only(self, share: Share) -> None:
        """The call alone, with whatever rules there are."""
        self.driver.delete_share(self.context, self.row(share),
                                 share_server=None)

    def _deny_all(self, share: Share) -> None:
        self.update(share, delete=[*share.rules.values(),
                                   *share.refused.values()])

    @staticmethod
    def _tolerate_vanished(call: Any, share: Share) -> None:
        try:
            call(share)
        except Exception as exc:
            if type(exc).__name__ != 'ShareResourceNotFound':
                raise

    def resize(self, share: Share, size: int) -> None:
        grows = share.size is None or size >= share.size
        method = (self.driver.extend_share if grows
                  else self.driver.shrink_share)
        method(self.row(share), size, share_server=None)
        share.size = size

    # Access

    def update(self, share: Share, add: Sequence[Rule] = (),
               delete: Sequence[Rule] = (), change: Sequence[Rule] = (),
               ) -> Mapping[str, Any]:
        """One ``update_access``: with empty lists a resync.

        :param change: rules with their new level.
        :returns: what the driver answered, {} for None.
        """
        wanted = dict(share.rules)
        for rule in (*add, *change):
            wanted[rule.access_id] = rule
        for rule in delete:
            wanted.pop(rule.access_id, None)
        answer = self.driver.update_access(
            self.context, self.row(share, rows.DICT),
            self.rule_rows(share, wanted.values()),
            add_rules=self.rule_rows(share, add),
            delete_rules=self.rule_rows(share, delete),
            update_rules=self.rule_rows(share, change),
            share_server=None)
        states = answers.states(answer, wanted, delete)
        self._keep(share, wanted, delete, states)
        return states

    @staticmethod
    def _keep(share: Share, wanted: dict[str, Rule], delete: Sequence[Rule],
              states: Mapping[str, Any]) -> None:
        share.kept_out = tuple(
            wanted[access_id] for access_id in states if access_id in wanted
            and (wanted[access_id].type, wanted[access_id].level)
            == ('ip', 'ro'))
        for rule in delete:
            share.refused.pop(rule.access_id, None)
        for access_id, state in states.items():
            if state.get('state') == 'error' and access_id in wanted:
                share.refused[access_id] = wanted.pop(access_id)
        share.rules = wanted

    def reapply(self, share: Share) -> Mapping[str, Any]:
        """Do what ``reapply_access_rules`` leads to: add all rules.

        Manila does not call for a share that has none.
        """
        if not share.rules:
            return {}
        return self.update(share, add=list(share.rules.values()))

    # Snapshots

    def new_snapshot(self, share: Share) -> Snapshot:
        return Snapshot(self.new_id(), share)

    def create_snapshot(self, share: Share,
                        snapshot: Snapshot | None = None) -> Snapshot:
        snapshot = snapshot or self.new_snapshot(share)
        snapshot.tried = True
        answer = self.driver.create_snapshot(
            self.context, self.snapshot_row(snapshot), share_server=None)
        self._keep_snapshot(snapshot, answer)
        return snapshot

    @staticmethod
    def _keep_snapshot(snapshot: Snapshot, answer: Any) -> None:
        answer = answers.snapshot(answer)
        if answer.get('provider_location') is not None:
            snapshot.provider_location = answer['provider_location']
        snapshot.locations = list(answer.get('export_locations') or ())

    def delete_snapshot(self, snapshot: Snapshot) -> None:
        self.driver.delete_snapshot(
            self.context, self.snapshot_row(snapshot), share_server=None)

    def revert(self, share: Share, snapshot: Snapshot) -> None:
        """Back to a snapshot, whose size the share has then."""
        self.driver.revert_to_snapshot(
            self.context, self.snapshot_row(snapshot),
            self.rule_rows(share, share.rules.values()), [],
            share_server=None)

    def new_clone(self, snapshot: Snapshot, size: int = 0) -> Share:
        share = self.new_share(size or snapshot.share.size or 1)
        share.snapshot_id = 'user-' + snapshot.id
        return share

    def create_from_snapshot(self, share: Share,
                             snapshot: Snapshot) -> Share:
        share.tried = True
        answer = self.driver.create_share_from_snapshot(
            self.context, self.row(share),
            self.snapshot_row(snapshot, rows.ROW), share_server=None,
            parent_share=self.row(snapshot.share, rows.DICT))
        if isinstance(answer, Mapping):
            self._keep_status(share, answer)
        else:
            share.locations = answers.locations(answer)
            share.status = 'available'
        return share

    def poll(self, share: Share) -> str:
        """Ask once how far a share from a snapshot is."""
        answer = self.driver.get_share_status(self.row(share, rows.DICT),
                                              share_server=None)
        self._keep_status(share, answer)
        return share.status

    @staticmethod
    def _keep_status(share: Share, answer: Any) -> None:
        share.status = answers.status(answer)
        if answer.get('export_locations'):
            share.locations = answers.locations(answer['export_locations'])
        verdict.require(
            share.status != 'available' or share.locations, 'clone.status',
            'available without export locations')

    def finish_clone(self, share: Share, polls: int = 20) -> None:
        """Poll until a clone is available."""
        for _ in range(polls):
            if share.status == 'available':
                return
            self.lab.settle()
            verdict.require(self.poll(share) != 'error', 'clone.status',
                            'the clone ended in error')
        raise verdict.Violation('clone.status',
                                f'still {share.status} after {polls} polls')

    # Manage

    def manage(self, unmanaged: Unmanaged,
               share: Share | None = None) -> Share:
        share = share or self.new_share()
        share.size, share.status = None, 'manage_starting'
        share.tried = True
        share.locations = [{'path': unmanaged.export}]
        answer = self.driver.manage_existing(self.row(share),
                                             dict(unmanaged.options))
        share.size, share.status = answers.size(answer), 'available'
        if answer.get('export_locations'):
            share.locations = answers.locations(answer['export_locations'])
        return share

    def unmanage(self, share: Share) -> None:
        self.driver.unmanage(self.row(share))
        self.shares.pop(share.id, None)

    def manage_snapshot(self, share: Share, location: str,
                        snapshot: Snapshot | None = None) -> Snapshot:
        snapshot = snapshot or self.new_snapshot(share)
        snapshot.provider_location = location
        snapshot.tried = True
        answer = self.driver.manage_existing_snapshot(
            self.snapshot_row(snapshot, rows.ROW), {})
        self._keep_snapshot(snapshot, answer)
        return snapshot

    # Service

    def ensure(self, shares: Sequence[Share] | None = None, *,
               tolerant: bool = False) -> Mapping[str, Mapping[str, Any]]:
        """Start-up: check all shares and do what the answers ask for.

        :param tolerant: rules that cannot be set stop nothing, as in Manila.
        """
        chosen = list(self.shares.values()) if shares is None else shares
        told = self.driver.ensure_shares(
            self.context, [self.row(share, rows.DICT) for share in chosen])
        verdict.require(
            set(told) == {share.id for share in chosen},
            'ensure.answers', 'not exactly one answer for each share')
        for share in chosen:
            try:
                self._keep_ensured(share, told[share.id])
            except verdict.Violation:
                raise
            except Exception:
                if not tolerant:
                    raise
        return told  # type: ignore[no-any-return]

    def start(self, meanwhile: Callable[[], object] = bool) -> bool:
        """Check all shares if Manila would; whether it did.

        :param meanwhile: called once the driver has told its state.

        What the driver tells before the check is stored, whatever comes of
        the check.
        """
        info = self.driver.get_backend_info(self.context)
        if info == self.backend_info:
            return False
        meanwhile()
        self.ensure(tolerant=True)
        self.backend_info = info
        return True

    def _keep_ensured(self, share: Share, answer: Mapping[str, Any]) -> None:
        if answer.get('export_locations'):
            share.locations = answers.locations(answer['export_locations'])
        if answer.get('status'):
            share.status = answer['status']
        if answer.get('reapply_access_rules'):
            self.reapply(share)

    def stats(self) -> Mapping[str, Any]:
        """Statistics, fit for the message bus."""
        found = self.driver.get_share_stats(refresh=True)
        try:
            json.dumps(found)
        except (TypeError, ValueError) as exc:
            raise verdict.Violation('stats.json', str(exc)) from exc
        return found  # type: ignore[no-any-return]

    def usage(self) -> list[Mapping[str, Any]]:
        return list(self.driver.update_share_usage_size(
            self.context, [self.row(share)
                           for share in self.shares.values()]) or ())

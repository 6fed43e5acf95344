# SPDX-License-Identifier: Apache-2.0

"""Compare a backend with what Manila's API tells.

The API is asked for its lists of instances before and after the backend:
what has changed between them is in work, and not judged.
"""

from collections.abc import Iterable
from collections.abc import Mapping
import dataclasses
import functools
import socket
from typing import Any
from typing import TYPE_CHECKING

from oslo_config import cfg

from manila_drivers import exception
from manila_drivers import inventory
from manila_drivers.audit import comparing
from manila_drivers.audit import differences
from manila_drivers.audit import manila_view
from manila_drivers.audit import overview
from manila_drivers.direct import auditing
from manila_drivers.direct import checking
from manila_drivers.direct import driving
from manila_drivers.direct import giving
from manila_drivers.direct import loading
from manila_drivers.direct import manila_repairing
from manila_drivers.direct import manila_rules
from manila_drivers.direct import manila_servers
from manila_drivers.direct import passing_notes
from manila_drivers.direct import removing
from manila_drivers.direct import rows
from manila_drivers.manila_api import client
from manila_drivers.manila_api import records

if TYPE_CHECKING:
    import os


class ManilaAudit:
    """Look at all shares that Manila has on one backend.

    :param name: the backend's section.
    :param host: host@backend, as Manila names its share service.
    """

    def __init__(self, name: str, host: str, lists: client.ManilaLists,
                 backend: driving.Driving, *, servers: bool = False) -> None:
        self._name = name
        self._servers = servers
        self._host = host
        self._lists = lists
        self._driving = backend

    @classmethod
    def of(cls, config_file: 'str | os.PathLike[str]', section: str,
           connection: client.ApiConnection, host: str = '') -> 'ManilaAudit':
        """Return the audit of a section of manila.conf.

        :param host: host@backend, if it is another than the file's.
        :raises ConfigurationError: naming the option at fault.
        """
        conf = loading.section(config_file, section)
        loading.driver_class(str(conf.safe_get('share_driver') or ''))
        host = host or service_host(config_file, section)
        return cls(
            section, host, client.ManilaLists(connection),
            driving.Driving(lambda: loading.plain_driver(
                conf, passing_notes.PassingNotes(),
                service_host=host.partition('@')[0])),
            servers=bool(conf.safe_get('driver_handles_share_servers')))

    def close(self) -> None:
        self._driving.close()

    def audit(self) -> differences.AuditReport:
        """Return all that differs.

        :raises ConfigurationError: Manila has no such share service.
        :raises Unsupported: the driver cannot list what there is, or cannot
            say what it would repair.
        :raises DriverError: share instances, or the backend, could not be
            read.
        """
        auditing.need_plans(self._driving)
        unseen: list[str] = []
        view = self._placed(self._instances(unseen), unseen)
        view = self._described(view, unseen)
        servers = self._told_servers()
        rules, untold = manila_rules.read(self._lists, {
            one.share_id for one in view.here if not manila_view.work(one)})
        view = dataclasses.replace(view, rules=rules)
        found = self._found(view, servers)
        checked, missing = checking.start_check(self._driving, [
            self._row(view, one, servers) for one in manila_servers.homes(
                servers, view.checkable(), found)])
        lost, unjudged = self._lost_servers(servers, found)
        after = self._instances(unseen)
        known = _with_ids(manila_view.recorded(view, self._name), after)
        away = manila_view.in_work(view, _changed(view, after))
        if servers is not None:
            unseen += [*servers.unread, *servers.homeless(view.checkable())]
            away = servers.away(view.here) | away
        unseen += (missing_too := manila_view.left_out(view, after))
        view = dataclasses.replace(
            view, whole=view.whole and after.whole and not missing_too,
            snapshots_whole=view.snapshots_whole and after.snapshots_whole)
        again = manila_rules.ask_again(self._lists, view, manila_view.judged(
            comparing.compare(known, found, checked), view, found, away))
        away = again.changed | away
        unseen += again.unread
        return differences.AuditReport(
            self._name,
            (*again.told, *lost),
            (*dict.fromkeys(unseen), *untold(view, away), *found.unread,
             *missing,
             *_not_told(view, away)),
            (*_in_work(view, after, away), *unjudged),
            len(view.here), len(found.shares),
            self._overview(view, found, known.ids, away))

    def repair_plan(self, report: differences.AuditReport,
                    remove: Iterable[str] = ()) -> differences.RepairPlan:
        """Return what :meth:`repair` would do; one stops no other.

        :raises InvalidRequest: an id of ``remove`` is no orphan's.
        :raises DriverError: Manila could not be asked.
        """
        gone = self._removing.plan(report, remove)
        lines, unplanned = self._repairing().plan(report)
        return differences.RepairPlan(
            (*lines, *gone), differences.wider(report), tuple(unplanned))

    def repair(self, report: differences.AuditReport,
               remove: Iterable[str] = (), *, widen: bool = False,
               ) -> manila_repairing.Failures:
        """Make shares on the backend what Manila tells of them.

        Manila is told nothing, what it does not have is never touched unless
        it is named, and nothing is made in the place of what is lost.

        :param remove: ids of orphans that are removed, with their data.
        :param widen: rules are given also to whom the backend does not let
            in.
        :returns: what could not be repaired, with the reason.
        :raises InvalidRequest: one of these ids is no orphan's.
        :raises DriverError: Manila could not be asked.
        """
        remove = [one.ident for one in removing.chosen(report, remove)]
        return [*self._repairing(widen=widen).run(report),
                *self._removing.run(report, remove)]

    @property
    def _removing(self) -> removing.Removing:
        return removing.Removing(self._driving, self._recorded,
                                 server=self._server)

    def _server(self, ident: str) -> 'Mapping[str, Any] | None':
        """Return a share server as Manila hands it to drivers.

        :raises DriverError: it is not told.
        """
        servers = self._told_servers() if ident else None
        found = servers.rows.get(ident) if servers is not None else None
        if ident and found is None:
            raise exception.Busy(
                f'Share server {ident} cannot be used now', answer='; '.join(
                    servers.unread if servers else ()), check=removing.AGAIN)
        return found

    def _told_servers(self) -> 'manila_servers.ManilaServers | None':
        """Return all share servers, None where the backend has none."""
        return manila_servers.ManilaServers.read(
            self._lists, self._host) if self._servers else None

    def _recorded(self, one: differences.Deviation) -> bool:
        """Tell if Manila has an orphan by now.

        :raises BackendError: it does not tell all that it has.
        """
        unseen: list[str] = []
        view = self._instances(unseen)
        if not (view.whole and view.snapshots_whole):
            raise exception.BackendError(
                f'It is not known if Manila has {one.subject}',
                answer='; '.join(unseen), check=removing.AGAIN)
        return one.ident in view.instances or one.ident in view.snapshots

    def _repairing(self, *, widen: bool = False,
                   ) -> manila_repairing.Repairing:
        unseen: list[str] = []
        view = self._described(
            self._placed(self._instances(unseen), unseen), unseen)
        servers = self._told_servers()
        return manila_repairing.Repairing(
            self._driving, self._lists, view, functools.partial(
                self._row, servers=servers), giving.Giving(
                    lambda: self._found(view, servers), widen))

    def _found(self, view: manila_view.ManilaView,
               servers: 'manila_servers.ManilaServers | None',
               ) -> inventory.Inventory:
        """Return what is on the backend.

        :raises DriverError: it could not be read.
        """
        serving = servers and servers.serving(view.here)
        found: inventory.Inventory = self._driving.call(
            lambda driver: driver.take_inventory(
                [one.id for one in view.here],
                *([] if serving is None else [serving])))
        return found

    def _lost_servers(self, servers: 'manila_servers.ManilaServers | None',
                      found: inventory.Inventory,
                      ) -> tuple[list[differences.Deviation], list[str]]:
        """Return what is wrong with share servers, and what is in work."""
        return ([], []) if servers is None else servers.judged(
            found, {one.id: one for one in self._lists.servers()})

    def _instances(self, unseen: list[str]) -> manila_view.ManilaView:
        """Return the instances of shares and snapshots as they are now."""
        present, removed = self._lists.instances(), self._lists.removed()
        snapshots = self._lists.snapshots()
        unseen += [*present.unread, *removed.unread, *snapshots.unread]
        return manila_view.ManilaView(
            self._host,
            {one.id: one for one in (*present.found, *removed.found)},
            snapshots={one.id: one for one in snapshots.found},
            whole=present.whole and removed.whole,
            snapshots_whole=snapshots.whole)

    def _placed(self, view: manila_view.ManilaView,
                unseen: list[str]) -> manila_view.ManilaView:
        """Make sure that it is this Manila that the backend belongs to.

        With another one's lists everything on the backend would be orphans.
        """
        hosts, error = exception.caught(self._lists.hosts)
        if hosts is None and view.here:
            unseen.append(f'share services: {error}')
        elif hosts is None:
            assert error is not None
            raise error
        elif self._host not in hosts:
            raise exception.ConfigurationError(
                'host', f'Manila has no share service {self._host}',
                answer=', '.join(hosts) or '(none)',
                check='--host, and the cloud')
        return view

    def _described(self, view: manila_view.ManilaView,
                   unseen: list[str]) -> manila_view.ManilaView:
        """Add what other lists tell of the instances."""
        paths, types = self._lists.locations(), self._lists.types()
        pages = [self._lists.shares(pool) for pool in view.pools]
        pages += [self._lists.shares(pool, removed=True)
                  for pool in sorted({one.host for one in view.here
                                      if one.removed})]
        unseen += [*paths.unread, *types.unread,
                   *(line for page in pages for line in page.unread)]
        return dataclasses.replace(
            view, paths={one.id: one.paths for one in paths.found},
            types={one.id: one.specs for one in types.found},
            shares={one.id: one for page in pages for one in page.found})

    def _overview(self, view: manila_view.ManilaView,
                  found: inventory.Inventory, ids: frozenset[str],
                  away: Mapping[str, str],
                  ) -> tuple[overview.AuditedShare, ...]:
        shares = view.shares
        return overview.overview(
            [manila_view.entry(view, one, self._name) for one in view.here],
            {one.id: manila_view.rules(view, one) for one in view.here},
            # What is not known to be none of Manila's is no orphan.
            found if view.whole else dataclasses.replace(
                found, shares={ident: share for ident, share
                               in found.shares.items() if ident in ids}),
            ids, {ident: f'in work: {why}' for ident, why in away.items()},
            {one.id: shares[one.share_id].project for one in view.here
             if one.share_id in shares})

    def _row(self, view: manila_view.ManilaView,
             instance: records.ApiInstance,
             servers: 'manila_servers.ManilaServers | None' = None,
             ) -> dict[str, Any]:
        """Return the row with which Manila would call the driver."""
        return {**rows.share(manila_view.entry(view, instance, self._name)),
                'share_id': instance.share_id, 'host': instance.host,
                'project_id': view.shares[instance.share_id].project,
                'share_type_id': instance.type_id,
                'share_server': servers and servers.rows.get(
                    instance.server_id)}


def service_host(config_file: 'str | os.PathLike[str]', section: str) -> str:
    """Return host@backend, as a share service of this file is named."""
    conf = cfg.ConfigOpts()
    conf([], project='manila_drivers', default_config_dirs=[],
         default_config_files=[str(config_file)])
    conf.register_opts([cfg.StrOpt('host', default=socket.gethostname())])
    conf.register_opts([cfg.StrOpt('backend_host')], group=section)
    return f'{conf[section].backend_host or conf.host}@{section}'


def _changed(view: manila_view.ManilaView,
             after: manila_view.ManilaView) -> set[str]:
    before, now = view.stamps(), after.stamps()
    return {ident for ident in {*before, *now}
            if before.get(ident) != now.get(ident)}


def _with_ids(known: comparing.Recorded,
              after: manila_view.ManilaView) -> comparing.Recorded:
    """Return what is known, with the ids of what came meanwhile."""
    return dataclasses.replace(
        known, ids=known.ids | frozenset(after.instances),
        snapshot_ids=known.snapshot_ids | frozenset(after.snapshots))


def _not_told(view: manila_view.ManilaView,
              away: Mapping[str, str]) -> list[str]:
    """Say what could not be judged for want of what was not told."""
    told = []
    unnamed = [one for one in view.here if one.id not in away
               and one.share_id not in view.shares]
    if unnamed:
        told.append(f'size and name of {len(unnamed)} shares, such as '
                    f'{unnamed[0].share_id}, which Manila did not tell')
    left = [one for one in view.unchecked() if one.id not in away]
    if left:
        told.append(f'{len(left)} shares, such as {view.name(left[0])}, by '
                    'the check of the driver, which has to know all of them')
    if not view.whole:
        told.append('orphans: not all share instances were told')
    if not view.snapshots_whole:
        told.append('orphans among snapshots: not all were told')
    return told


def _in_work(view: manila_view.ManilaView, after: manila_view.ManilaView,
             away: Mapping[str, str]) -> tuple[str, ...]:
    known = {**after.instances, **view.instances}
    lines = [f'share {view.name(known[ident])} is in work: {why}'
             for ident, why in away.items()]
    lines += [f'rules of share {view.name(one)} are in work'
              for one in manila_view.rules_in_work(view)
              if one.id not in away]
    return tuple(sorted(lines))

# SPDX-License-Identifier: Apache-2.0

"""One backend of a configuration file, used without Manila."""

import collections
from collections.abc import Iterable
import os
from types import TracebackType
from typing import Any
from typing import Self
from typing import TYPE_CHECKING

from manila_drivers.direct import catalogue
from manila_drivers.direct import driving
from manila_drivers.direct import loading
from manila_drivers.direct import parts

if TYPE_CHECKING:
    from manila_drivers.audit import differences
    from manila_drivers.registry.registry import Registry

#: Seconds to wait for others who work on the same share.
PATIENCE = 600.0


class Backend:
    """Shares of one backend, without Manila.

    ::

        with Backend.load('/etc/manila/manila.conf', 'vast1') as backend:
            share = backend.shares.create(size=10, name='scratch')
            share.allow('192.0.2.0/24', level='ro')
            print(share.locations)

    The driver is the class that Manila would load, set up when something is
    asked of the storage first.  What is made is recorded in a registry.
    Thread-safe; values that it returns are not.
    """

    def __init__(self, chosen: parts.Parts) -> None:
        self._parts = chosen
        self.shares = catalogue.ShareCatalogue(chosen)
        self.snapshots = catalogue.SnapshotCatalogue(chosen)

    @classmethod
    def load(cls, config_file: str | os.PathLike[str], section: str, *,
             registry: str | None = None, patience: float = PATIENCE) -> Self:
        """Return a backend of a configuration file.

        Nothing is asked of the storage yet.

        :param section: the backend's, with ``share_driver`` in it.
        :param registry: URL of SQLAlchemy, in the place of
            ``registry_connection``.
        :param patience: seconds to wait for others who work on the same
            share.
        :raises ConfigurationError: naming the option at fault.
        :raises Unreachable: the registry does not answer.
        """
        conf = loading.section(config_file, section)
        loading.driver_class(str(conf.safe_get('share_driver') or ''))
        opened = loading.open_registry(conf, registry)
        return cls(parts.Parts(
            section, opened, driving.Driving(
                lambda: loading.driver(conf, opened)), patience))

    @property
    def name(self) -> str:
        """The name of its section."""
        return self._parts.name

    @property
    def registry(self) -> 'Registry':
        """Where it is recorded what was made."""
        return self._parts.registry

    @property
    def driver(self) -> Any:
        """The driver, as Manila would have it, set up.

        :raises DriverError: the options or the storage do not allow it.
        """
        return self._parts.driving.driver

    def stats(self) -> dict[str, Any]:
        """Return what the driver would tell Manila's scheduler.

        Capacities are in GiB, or ``unknown``.  A driver goes on meanwhile
        with what it could not finish before.
        """
        return dict(self._parts.driving.call(
            lambda driver: driver.get_share_stats(refresh=True)))

    def serve_metrics(self) -> str:
        """Serve metrics until :meth:`close`, as the section says.

        Not done unless this is called: a service that uses the same file may
        have the port.

        :returns: the URL, of ``metrics_address`` and ``metrics_port``.
        :raises ConfigurationError: naming the option at fault.
        :raises DriverError: the driver cannot be set up.
        """
        driver = self._parts.driving.driver
        driver.count_shares = self._share_states
        return str(driver.open_metrics())

    def _share_states(self) -> dict[str, int]:
        return dict(collections.Counter(
            record.status for record in
            self._parts.registry.shares.all(backend=self.name)))

    def audit(self) -> 'differences.AuditReport':
        """Return all that is not on the backend as it is recorded.

        Nothing is changed.  It takes as many requests as the lists of the
        backend have pages, and a few more for each damaged share.

        :raises Unsupported: the driver cannot list what there is.
        :raises DriverError: it could not be looked at.
        """
        from manila_drivers.direct import auditing
        return auditing.Auditing(self._parts).look()

    def repair(self, report: 'differences.AuditReport',
               remove: Iterable[str] = (), *, widen: bool = False,
               ) -> 'list[tuple[differences.Deviation, str]]':
        """Repair what an audit has found, as far as that can be.

        Nothing is made in the place of what is lost, and what is not recorded
        is never touched unless it is named.

        :param remove: ids of orphan shares and snapshots that are removed,
            with their data.
        :param widen: rules are given also to whom the backend does not let
            in now.  Without it such rules are told as not given: the registry
            may be older than the backend.
        :returns: what could not be repaired, with the reason.
        :raises InvalidRequest: one of these ids is no orphan's.
        """
        from manila_drivers.direct import auditing
        return auditing.Auditing(self._parts).repair(
            report, remove, widen=widen)

    def repair_plan(self, report: 'differences.AuditReport',
                    remove: Iterable[str] = ()) -> 'differences.RepairPlan':
        """Return what :meth:`repair` would do, in words.

        One share that cannot be planned stops no other: the plan says which,
        and why.

        :raises InvalidRequest: an id of ``remove`` is no orphan's.
        """
        from manila_drivers.direct import auditing
        return auditing.Auditing(self._parts).plan(report, remove)

    def close(self) -> None:
        """Let go of connections; they are made again when needed."""
        self._parts.driving.close()
        self._parts.registry.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None,
                 error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f'<Backend {self.name}, recorded in {self.registry.url}>'

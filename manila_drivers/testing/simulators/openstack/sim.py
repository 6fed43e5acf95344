# SPDX-License-Identifier: Apache-2.0

"""The simulated cloud, put together, and its two fronts."""

from collections import Counter
from collections.abc import Callable
import time
from typing import Any
from typing import Self
from urllib.parse import urlsplit

import requests

from manila_drivers.testing.simulators.faults import Fault
from manila_drivers.testing.simulators.openstack import observer
from manila_drivers.testing.simulators.openstack import wire
from manila_drivers.testing.simulators.openstack.hardware import MakeDisk
from manila_drivers.testing.simulators.openstack.hardware import MakeVm
from manila_drivers.testing.simulators.openstack.hardware import PlainDisk
from manila_drivers.testing.simulators.openstack.hardware import PlainMachine
from manila_drivers.testing.simulators.openstack.observer import CloudObserver
from manila_drivers.testing.simulators.openstack.options import CloudOptions
from manila_drivers.testing.simulators.web import adapter
from manila_drivers.testing.simulators.web import recorder
from manila_drivers.testing.simulators.web import server
from manila_drivers.testing.simulators.web.messages import Request
from manila_drivers.testing.simulators.web.messages import Response


class OpenStackSim(CloudObserver, recorder.Recorder):
    """Keystone, Nova, Cinder, Neutron and Glance, in memory.  Thread-safe.

    :param make_machine: name, public keys and bus -> what a server is.
    :param make_disk: id and GiB -> what a volume is.
    :param seed: of all identifiers.
    """

    unlogged = '/auth/tokens'

    def __init__(self, clock: Callable[[], float] = time.time, *,
                 options: CloudOptions | None = None,
                 make_machine: MakeVm = PlainMachine,
                 make_disk: MakeDisk = PlainDisk, seed: int = 0) -> None:
        CloudObserver.__init__(self, clock, options=options,
                               make_machine=make_machine,
                               make_disk=make_disk, seed=seed)
        recorder.Recorder.__init__(self, clock, self.lock,
                                   self.options.log_limit)
        self._late: list[tuple[Fault, float]] = []

    @property
    def url(self) -> str:
        """Where the cloud is, as its catalogue says."""
        return self.world.url

    @url.setter
    def url(self, url: str) -> None:
        self.world.url = url

    @property
    def logins(self) -> int:
        """Tokens that were issued."""
        return self.keystone.logins

    def respond(self, request: Request) -> Response:
        return self.answered(request)

    def arm(self, fault: Fault, *, late: float = 0.0) -> None:
        """Let requests fail, counted from now; see :class:`Fault`.

        :param late: requests that the fault keeps away are carried out all
            the same, so many seconds later, when nobody waits for an answer:
            a service that is slow behind a proxy that is not.  Who looks
            before that finds nothing.
        :raises ValueError: the fault keeps nothing away.
        """
        if late:
            if not fault.prevents:
                raise ValueError(f'{fault.kind} keeps no request away')
            self._late.append((fault, late))
        super().arm(fault)

    def disarm(self) -> None:
        """Forget every fault; what is to happen late still does."""
        super().disarm()
        self._late.clear()

    def disturb(self, fault: Fault, done: Response | None,
                request: Request) -> Response:
        """Errors have the shape that the service gives them."""
        for each, seconds in self._late:
            if each is fault:
                self.world.after(seconds, lambda: self._do(request))
        if fault.kind != 'status' or fault.body is not None:
            return super().disturb(fault, done, request)
        service = request.path.lstrip('/').partition('/')[0]
        code = fault.code or 500
        text = (wire.NOT_AUTHENTICATED if code == 401
                else f'Simulated error {code}.')
        refusal = wire.Refusal(code, wire.shape(service, code, text),
                               fault.headers)
        return refusal.response({})._replace(delay=fault.seconds)

    def _do(self, request: Request) -> None:
        """Carry out a request that nobody hears of any more."""
        self.answered(request)

    # Counters

    def counters(self, mark: int = 0) -> Counter[tuple[str, str]]:
        """Requests by service and kind, ('compute', 'POST /servers').

        :param mark: of :meth:`mark`; only what came since.
        """
        return observer.counted(self.since(mark))

    def mark(self) -> int:
        """A mark in the log."""
        return self.calls

    def since(self, mark: int) -> list[recorder.Entry]:
        """Requests since a mark, as far as the log goes back."""
        new = self.calls - mark
        return self.log[-new:] if new else []

    def requests(self, mark: int) -> list[str]:
        """Requests since a mark, as they came, and their ends."""
        return [f'{entry.label} {entry.status or entry.fault}'
                for entry in self.since(mark)]

    def asked(self, mark: int) -> list[str]:
        """Requests since a mark: ``compute POST /servers 202``."""
        lines = []
        for entry in self.since(mark):
            service, kind = observer.kind_of(entry)
            lines.append(f'{service} {kind} {entry.status or entry.fault}')
        return lines


class CloudServer(server.HttpServer):
    """The cloud on one port; its catalogue leads there.

    :param secure: HTTPS, verified with :attr:`ca_file`, or plain HTTP.
    """

    sim: OpenStackSim

    def start(self) -> Self:
        super().start()
        self.sim.url = self.url
        return self


class CloudAdapter(adapter.SimulatorAdapter):
    """The cloud in a requests session: mount it for http:// and https://.

    Hosts whose name ends in ``.invalid`` do not exist, unless the catalogue
    leads there.
    """

    sim: OpenStackSim

    def send(self, request: requests.PreparedRequest, *args: Any,
             **kwargs: Any) -> requests.Response:
        """:raises requests.ConnectionError: no such host."""
        host = urlsplit(request.url or '').hostname or ''
        if host.endswith('.invalid') and (
                host != urlsplit(self.sim.url).hostname):
            raise requests.ConnectionError(
                f'Failed to resolve {host!r}', request=request)
        return super().send(request, *args, **kwargs)

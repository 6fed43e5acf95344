# SPDX-License-Identifier: Apache-2.0

"""Servers whose clocks are not this host's."""

from collections.abc import Callable
from collections.abc import Mapping
import time
from typing import Any
from typing import Protocol
from typing import runtime_checkable
from urllib import parse

from manila_drivers import exception
from manila_drivers.preflight.findings import Finding
from manila_drivers.preflight.findings import WARNING
from manila_drivers.transport import clocks

#: Seconds that do no harm: tokens are given for minutes at the least.
HARMLESS = 5.0
#: Options that name the servers, by the class of the driver.
OPTIONS = {'VASTShareDriver': 'vast_mgmt_host',
           'GlusterfsNativeShareDriver': 'glusterfs_servers',
           'GPFSShareDriver': 'gpfs_management_hosts',
           'GenericShareDriver': 'auth_url'}


@runtime_checkable
class Timed(Protocol):
    """A backend whose servers can be asked for their time."""

    def server_times(self) -> Mapping[str, Callable[[], str]]:
        """Return what asks each server for its seconds since 1970."""
        ...


def ask(backend: Any) -> None:
    """Ask servers for their time; one that does not tell is passed over.

    That it cannot be reached is told by other looks.
    """
    if not isinstance(backend, Timed):
        return
    for server, question in backend.server_times().items():
        before = time.time()
        text, _ = exception.caught(question)
        if text and text.isdecimal():
            clocks.seen(server, float(text), before, time.time())


def findings(heard: Mapping[str, float], kind: type) -> list[Finding]:
    """Return a finding for each host whose clock differs by too much.

    :param heard: by server or URL, as :mod:`~manila_drivers.transport.clocks`
        has it.
    :param kind: the class of the driver.
    """
    hosts: dict[str, float] = {}
    for server, seconds in heard.items():
        # Services of one host have one clock.
        name = parse.urlsplit(server).hostname or server
        hosts[name] = min(hosts.get(name, seconds), seconds, key=abs)
    option = next((OPTIONS[each.__name__] for each in kind.__mro__
                   if each.__name__ in OPTIONS), '')
    return [Finding(
        option, f'the clock of {name} was compared with the one of this host',
        f'it is {abs(seconds):.0f} s '
        + ('ahead' if seconds > 0 else 'behind'),
        'NTP on both: tokens end by one clock and are judged by the other, '
        'and times in two logs cannot be compared', WARNING)
        for name, seconds in sorted(hosts.items())
        if abs(seconds) > HARMLESS]

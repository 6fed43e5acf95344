# SPDX-License-Identifier: Apache-2.0

"""Counts what a driver asks of a cloud, in the driver's own process.

Requests are counted as they are sent, and commands over SSH as they are
started, by whichever driver: a real cloud counts neither.
"""

import collections
from collections.abc import Mapping
import functools
import re
from typing import Any
from urllib import parse

EXECS, LOGINS = 'execs', 'logins'


def service(url: str, ports: Mapping[str, str]) -> str:
    """Return the name of the service that a URL belongs to.

    :param ports: names of services that have a port of their own; others
        have a path.
    """
    found = parse.urlsplit(url)
    if str(found.port) in ports:
        return ports[str(found.port)]
    named = re.match(r'/(\w+)/', found.path)
    return named[1] if named else found.netloc


def counted(ports: Mapping[str, str]) -> 'collections.Counter[str]':
    """Count from now on; return the counter, which grows."""
    import paramiko
    import requests

    counts: collections.Counter[str] = collections.Counter()

    def wrap(owner: Any, name: str, key: Any) -> None:
        made = getattr(owner, name)

        @functools.wraps(made)
        def count(self: Any, *args: Any, **kwargs: Any) -> Any:
            counts[key(*args)] += 1
            return made(self, *args, **kwargs)

        setattr(owner, name, count)

    wrap(requests.Session, 'send',
         lambda request, *_: service(request.url, ports))
    wrap(paramiko.Channel, 'exec_command', lambda *_: EXECS)
    wrap(paramiko.Transport, 'start_client', lambda *_: LOGINS)
    return counts

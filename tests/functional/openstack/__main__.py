# SPDX-License-Identifier: Apache-2.0

"""The cloud of the functional tests, for somebody who wants to look at it.

    python -m tests.functional.openstack prepare   all that takes long, once
    python -m tests.functional.openstack up        a cloud, until Ctrl-C

``up`` prints how to enter it; ``--new`` begins with empty databases.
"""

import argparse
import signal
import sys
import threading
import time

from tests import leftovers
from tests.functional.openstack import cloud as clouds
from tests.functional.openstack import places
from tests.functional.openstack import provide

_HELP = """
The cloud is up. To enter it:

    nsenter --target {pid} --mount --net --uts --ipc --pid -- \\
        env PATH={venv}/bin:$PATH OS_AUTH_URL={url} OS_USERNAME=admin \\
        OS_PASSWORD={password} OS_PROJECT_NAME=admin \\
        OS_USER_DOMAIN_NAME=Default OS_PROJECT_DOMAIN_NAME=Default bash

Tests visit it, instead of starting one, with

    {variable}={pid}:{work}

Logs are in {work}/log. Ctrl-C ends it."""


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog='python -m tests.functional.openstack', description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('what', choices=('prepare', 'up'))
    parser.add_argument('--new', action='store_true')
    wanted = parser.parse_args(arguments)
    begin = time.monotonic()

    def tell(text: str) -> None:
        print(f'[{time.monotonic() - begin:4.0f} s] {text}', flush=True)

    leftovers.mark()
    provide.packages(tell)
    lacking = provide.missing()
    if lacking:
        print('missing: ' + ', '.join(lacking), file=sys.stderr)
        return 1
    if wanted.what == 'prepare':
        clouds.prepared(tell)
        tell('ready')
        return 0
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with clouds.started(tell, wanted.new) as cloud:
        print(_HELP.format(
            pid=cloud.room.box.pid, venv=cloud.room.venv,
            url=places.IDENTITY, password=places.PASSWORD,
            work=cloud.room.work, variable=clouds.VISITED), flush=True)
        ended.wait()
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))

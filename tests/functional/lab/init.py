# SPDX-License-Identifier: Apache-2.0

"""The first process of a box; run with its standard input open.

It reaps whatever loses its parent, as every process number 1 must: daemons
fork away, and glusterd takes a zombie for a running brick.  When its input
ends, because its maker closed it or died, it ends too, and with it the kernel
ends everything else in the box.
"""

import contextlib
import os
import signal
import sys


def reap(*_: object) -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


if __name__ == '__main__':
    signal.signal(signal.SIGCHLD, reap)
    sys.stdout.write('ready\n')
    sys.stdout.flush()
    sys.stdin.read()

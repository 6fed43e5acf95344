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

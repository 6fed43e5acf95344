# SPDX-License-Identifier: Apache-2.0

"""A command that is killed with SIGKILL at one of its changes.

Run as ``python -m tests.unit.audit.suicide NUMBER before|after WORDS...``:
the command of these words, whose process ends before its change of that
number is sent, or as soon as that was answered.
"""

import os
import signal
import sys

from manila_drivers import plan
from manila_drivers.cli import main
from manila_drivers.transport import local
from manila_drivers.transport import rest
from manila_drivers.transport import ssh

_left = [0]
_sent = []


def end():
    os.kill(os.getpid(), signal.SIGKILL)


def deadly(number, moment):
    """Have this process end at a change."""
    before_change = plan.before_change
    _left[0] = number

    def asked(what):
        before_change(what)
        _left[0] -= 1
        if _left[0] == 0:
            if moment == 'before':
                end()
            _sent.append(what)

    def answered(kind, name):
        method = getattr(kind, name)

        def run(*args, **more):
            try:
                return method(*args, **more)
            finally:
                if _sent:
                    end()
        setattr(kind, name, run)
    plan.before_change = asked
    answered(ssh.Host, '_run')
    answered(local.Local, '_run')
    answered(rest.RestTransport, '_exchange')


if __name__ == '__main__':
    deadly(int(sys.argv[1]), sys.argv[2])
    sys.exit(main.main(sys.argv[3:]))

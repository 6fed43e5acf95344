# SPDX-License-Identifier: Apache-2.0

"""A real sshd of our own, with what tests do to one."""

import os
import pwd
import signal

from manila_drivers.testing.simulators import sshd

USER = pwd.getpwuid(os.geteuid()).pw_name

keygen = sshd.keygen
free_port = sshd.free_port


class Sshd(sshd.Sshd):
    """One sshd at one address.

    :param options: further lines of its configuration.
    """

    def __init__(self, folder, *options, address='127.0.0.1', port=0):
        super().__init__(folder, port, options=options, addresses=[address])
        self.address = address

    def pause(self):
        """It and its connections stop where they are."""
        self._signal(signal.SIGSTOP)

    def resume(self):
        self._signal(signal.SIGCONT)

    def _signal(self, number):
        for pid in [self._process.pid, *self.sessions()]:
            os.kill(pid, number)

    def __exit__(self, *exc):
        self.cut()

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

"""A real sshd of our own, with what tests do to one."""

import os
import pwd
import signal

from manila_drivers.simulators import sshd

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

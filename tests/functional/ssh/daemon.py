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

"""A real sshd of our own: own port, own keys, nothing of the system's."""

import contextlib
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import time

from manila_drivers.simulators import sshd

SSHD = shutil.which('sshd', path='/usr/sbin:/usr/local/sbin:/usr/bin')

USER = pwd.getpwuid(os.geteuid()).pw_name

_CONFIG = """\
Port {port}
ListenAddress {address}
HostKey {folder}/{host_key}
AuthorizedKeysFile {folder}/authorized_keys
PidFile none
StrictModes no
UsePAM no
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
# Whatever this user's shell reads at its start is not what is tested.
SetEnv HOME={folder}/home
"""


def keygen(path, *words, kind='ed25519', phrase=''):
    subprocess.run(['ssh-keygen', '-q', '-t', kind, '-N', phrase, '-f',
                    path, *words], check=True, stdin=subprocess.DEVNULL)
    return str(path)


def free_port(address):
    family = socket.AF_INET6 if ':' in address else socket.AF_INET
    with socket.socket(family) as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


class Sshd:
    """One sshd.

    :param options: further lines of its configuration.
    """

    def __init__(self, folder, *options, address='127.0.0.1', port=None):
        self.folder = pathlib.Path(folder)
        self.address = address
        self.port = port or free_port(address)
        self.options = options
        self.host_key = 'host_key'
        self.key_file = str(self.folder / 'user_key')
        self.log = self.folder / 'log'
        self._process = None
        (self.folder / 'home').mkdir(parents=True)
        keygen(self.folder / 'host_key')
        keygen(self.folder / 'user_key')
        shutil.copy(self.folder / 'user_key.pub',
                    self.folder / 'authorized_keys')

    def start(self):
        if os.geteuid() == 0:
            # Where a packaged sshd separates its privileges.
            pathlib.Path('/run/sshd').mkdir(mode=0o755, exist_ok=True)
        config = self.folder / 'config'
        config.write_text(_CONFIG.format(
            port=self.port, address=self.address, folder=self.folder,
            host_key=self.host_key) + '\n'.join(self.options) + '\n')
        self._process = subprocess.Popen(
            [SSHD, '-D', '-f', str(config), '-E', str(self.log)],
            stdin=subprocess.DEVNULL)
        self._wait()
        return self

    def _wait(self):
        deadline = time.monotonic() + 20
        while True:
            assert self._process.poll() is None, self.log.read_text()
            with contextlib.suppress(OSError), socket.create_connection(
                    (self.address, self.port), timeout=1):
                return
            assert time.monotonic() < deadline, 'sshd does not answer'
            time.sleep(0.02)

    def sessions(self):
        """Processes of its connections and what runs in them."""
        return sshd.below(self._process.pid)

    def end_sessions(self):
        """Kill every connection at once, as a crash would."""
        for pid in self.sessions():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def stop(self):
        if self._process is not None:
            self.end_sessions()
            self._process.kill()
            self._process.wait()
            self._process = None

    def pause(self):
        """It and its connections stop where they are."""
        for pid in [self._process.pid, *self.sessions()]:
            os.kill(pid, signal.SIGSTOP)

    def resume(self):
        for pid in [self._process.pid, *self.sessions()]:
            os.kill(pid, signal.SIGCONT)

    def public_key(self, name='host_key'):
        kind, text = (self.folder / f'{name}.pub').read_text().split()[:2]
        return f'{kind} {text}'

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc):
        self.stop()

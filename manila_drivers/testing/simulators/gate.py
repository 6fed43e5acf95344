# SPDX-License-Identifier: Apache-2.0

"""Simulated hosts behind a real sshd, on loopback and without root.

::

    gate = Gate({'127.0.0.1': node, '127.0.0.2': another})
    with gate:
        ...  # log in at gate.port with gate.user and gate.key_file

Hosts are those of ``simulators.ssh``, which needs no sshd and takes passwords.
Here whatever somebody who has logged in wants to run, sshd runs one and the
same program instead, which passes it on to this process and ends as it is
told.  So nothing of this machine is ever run, and the hosts' state is here.
"""

from collections.abc import Mapping
import io
import os
import pathlib
import secrets
import shutil
import sys
import tempfile
from typing import Self

from manila_drivers.testing.simulators import local_server
from manila_drivers.testing.simulators import ssh
from manila_drivers.testing.simulators import sshd

Done = ssh.Done

# Stands alone, and imports little: it is started for every command, and
# "json" and "socket" would take as long again as all else that it does.
_PROGRAM = """\
#!{python} -IS
import _socket
import os
import sys


def cut_off():
    # The connection that this came over ends without another word.
    pid = os.getpid()
    while pid > 1:
        with open('/proc/%d/stat' % pid) as file:
            name, _, rest = file.read().partition('(')[2].rpartition(')')
        if name.startswith('sshd'):
            os.kill(pid, 9)
        pid = int(rest.split()[1]) if not name.startswith('sshd') else 0
    os.kill(os.getpid(), 9)


link = _socket.socket(_socket.AF_UNIX)
try:
    link.connect({socket!r})
except OSError as exc:
    sys.exit('simulator: %s' % exc)
request = (os.environb[b'SSH_CONNECTION'].split()[2] + b'\\0'
           + os.environb.get(b'SSH_ORIGINAL_COMMAND', b''))
link.sendall(b'%d\\n' % len(request) + request)
answer = part = link.recv(1 << 16)
if answer == {read!r}:
    answer = b''
    link.sendall(sys.stdin.buffer.read())
    link.shutdown(_socket.SHUT_WR)
while part:
    part = link.recv(1 << 16)
    answer += part
head, _, said = answer.partition(b'\\n')
if not head:
    cut_off()
status, length = map(int, head.split())
for number, data in ((1, said[:length]), (2, said[length:])):
    while data:
        data = data[os.write(number, data):]
os._exit(status)
"""
#: Asks the program for what the command is given to read.
_READ = b'read\n'


def _data(text: str) -> bytes:
    return text.encode('utf-8', 'surrogateescape')


class Gate:
    """One sshd for several simulated hosts, each at an address of its own.

    Takes the user that runs this, with a key.  It can be stopped and started
    again, as if the hosts were switched off and on: port and keys stay.

    :param hosts: by their addresses, all of this machine.
    :param port: 0 takes a free one.
    """

    def __init__(self, hosts: Mapping[str, ssh.Host], *,
                 port: int = 0) -> None:
        self.hosts = dict(hosts)
        #: Of no use but to look whether it leaks; sshd takes keys alone.
        self.password = secrets.token_urlsafe(12)
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix='gate-'))
        self._sshd = sshd.Sshd(
            self.directory / 'sshd', port, addresses=tuple(self.hosts),
            options=(f'ForceCommand {self._program}', 'PermitTTY no',
                     'AllowTcpForwarding no', 'PermitUserRC no'))
        self.user = self._sshd.user
        self._server: local_server.LocalServer | None = None

    @property
    def known_hosts(self) -> str:
        """The host keys, as a file of OpenSSH's has them."""
        return self._sshd.known_host + '\n'

    def write_known_hosts(self, path: str | os.PathLike[str]) -> None:
        pathlib.Path(path).write_text(self.known_hosts, encoding='ascii')

    @property
    def port(self) -> int:
        return self._sshd.port

    @property
    def key_file(self) -> str:
        """The private key to log in with."""
        return self._sshd.key_file

    @property
    def logins(self) -> int:
        return self._sshd.logins

    @property
    def _program(self) -> pathlib.Path:
        return self.directory / 'program'

    @property
    def _socket(self) -> str:
        return str(self.directory / 'socket')

    def start(self) -> None:
        """Listen at all addresses, on one port.

        :raises CannotStart: there is no sshd, or it does not come up.
        """
        self._program.write_text(_PROGRAM.format(
            python=sys.executable, socket=self._socket, read=_READ),
            encoding='utf-8')
        self._program.chmod(0o700)
        self._server = local_server.LocalServer(self._socket, self._talk)
        self._sshd.start()

    def stop(self) -> None:
        """End all connections, and take no more."""
        self._sshd.cut()
        if self._server is not None:
            self._server.close()
            self._server = None

    def close(self) -> None:
        """Close for good: remove keys and log."""
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _talk(self, said: io.BufferedIOBase,
              answers: io.BufferedIOBase) -> None:
        line = said.readline()
        if not line:
            return

        def read() -> str:
            """Return what the command is given to read, up to its end."""
            answers.write(_READ)
            return said.read().decode('utf-8', 'surrogateescape')

        address, _, text = said.read(int(line)).partition(b'\0')
        stdout, stderr, status = ssh.answer(
            self.hosts, address.decode(),
            text.decode('utf-8', 'surrogateescape'), read)
        if status is not None:
            output = _data(stdout)
            answers.write(b'%d %d\n' % (status, len(output)) + output
                          + _data(stderr))

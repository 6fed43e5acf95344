# SPDX-License-Identifier: Apache-2.0

"""Simulated hosts behind SSH: the real protocol, on loopback, no root.

::

    server = SshServer({'127.0.0.1': node, '127.0.0.2': another})
    with server:
        server.write_known_hosts(path)
        ...  # log in at server.port with server.user and server.password

A host is a function that gets the words of a command and something to read
its input with, and returns what the command does.  The commands of all hosts
run in this process, each in a thread of its own.
"""

from collections.abc import Callable
from collections.abc import Mapping
import contextlib
import logging
import os
import pathlib
import secrets
import shlex
import socket
import threading
from typing import Any
from typing import NamedTuple
from typing import Self

import paramiko
from paramiko import common

LOG = logging.getLogger(__name__)

# Who connects and hangs up is nothing to print.
_WIRE = f'{__name__}.wire'
logging.getLogger(_WIRE).setLevel(logging.CRITICAL)

# How often a port is looked for that is free at all addresses.
_TRIES = 20


class Done(NamedTuple):
    """Hold what a command did.

    :param status: its exit code; None if the connection ends without one.
    """

    stdout: str = ''
    stderr: str = ''
    status: int | None = 0


#: What sudo says on its error output before it runs a command; on many hosts
#: it does, and the command is run all the same.
ASIDE = ('sudo: unable to resolve host simulated: Name or service not known\n'
         'sudo: setrlimit(RLIMIT_CORE): Operation not permitted\n')

Host = Callable[[list[str], Callable[[], str]], Done]
Answer = Callable[[Mapping[str, Host], str, str, Callable[[], str]], Done]


def answer(hosts: Mapping[str, Host], address: str, text: str,
           read: Callable[[], str]) -> Done:
    """Return what the host at an address makes of the text of a command."""
    try:
        words = shlex.split(text)
    except ValueError as exc:
        return Done('', f'sh: {exc}\n', 2)
    aside = ''
    if words[:2] == ['sudo', '-n']:
        words, aside = words[2:], ASIDE
    if not words:
        return Done('', 'This simulated host has no shell to talk to.\n', 1)
    try:
        done = hosts[address](words, read)
        return done._replace(stderr=aside + done.stderr)
    except Exception:
        LOG.exception('Simulated host %s: %s', address, text)
        return Done('', 'the simulator failed\n', 70)


def typed(hosts: Mapping[str, Host], address: str, text: str,
          read: Callable[[], str]) -> Done:
    """Return what the shell of a user makes of the text of a command.

    The host is given the shell to run, as a real sshd runs it.
    """
    try:
        done = hosts[address](['sh', '-c', text], read)
    except Exception:
        LOG.exception('Simulated host %s: %s', address, text)
        return Done('', 'the simulator failed\n', 70)
    aside = ASIDE if text.startswith('sudo ') else ''
    return done._replace(stderr=aside + done.stderr)


class SshServer:
    """One sshd for several simulated hosts, each at an address of its own.

    Takes one user with a password or a key.  What is listened on can be
    stopped and started again, as if the hosts were switched off and on: port,
    host key and credentials stay.

    :param hosts: by their addresses, all of this machine.
    :param key: a public key that is accepted as well, in OpenSSH's format
        without the comment: ``ssh-ed25519 AAAA...``.
    :param reads: what takes the text of a command: :func:`answer` for hosts
        that run single programs as root, :func:`typed` for such with a shell.
    """

    def __init__(self, hosts: Mapping[str, Host], *, user: str = 'manila',
                 password: str = '', key: str = '', port: int = 0,
                 reads: Answer = answer) -> None:
        self.user = user
        self.password = password or secrets.token_urlsafe(12)
        self.port = port
        #: A private key to log in with; here a password is enough.
        self.key_file: str | None = None
        #: How many logins have succeeded.
        self.logins = 0
        #: How many commands were begun, whatever became of them.
        self.commands = 0
        self._key = key
        self._reads = reads
        self._hosts = dict(hosts)
        self._host_key = paramiko.ECDSAKey.generate()
        self._listeners: list[socket.socket] = []
        self._transports: list[paramiko.Transport] = []
        self._lock = threading.Lock()

    @property
    def known_hosts(self) -> str:
        """The host keys, as a file of OpenSSH's has them."""
        key = f'{self._host_key.get_name()} {self._host_key.get_base64()}'
        return ''.join(f'[{address}]:{self.port} {key}\n'
                       for address in self._hosts)

    def write_known_hosts(self, path: str | os.PathLike[str]) -> None:
        pathlib.Path(path).write_text(self.known_hosts, encoding='ascii')

    # Listening

    def start(self) -> None:
        """Listen at all addresses, on one port."""
        self._listeners = self._listening()
        self.port = self._listeners[0].getsockname()[1]
        for address, listener in zip(self._hosts, self._listeners,
                                     strict=True):
            threading.Thread(target=self._accept, args=(address, listener),
                             name=f'sshd-{address}', daemon=True).start()

    def _listening(self) -> list[socket.socket]:
        for left in reversed(range(_TRIES)):
            port, made = self.port, []
            try:
                for address in self._hosts:
                    made.append(socket.create_server((address, port)))
                    port = made[0].getsockname()[1]
            except OSError:
                for one in made:
                    one.close()
                if self.port or not left:
                    raise
            else:
                return made
        raise AssertionError('not reached')

    def stop(self) -> None:
        """End all connections, and take no more."""
        for listener in self._listeners:
            # Closing alone does not wake whoever waits in accept().
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self._listeners = []
        with self._lock:
            ended, self._transports = self._transports, []
        for transport in ended:
            transport.close()

    def close(self) -> None:
        """Close for good."""
        self.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _accept(self, address: str, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            transport = paramiko.Transport(client)
            transport.set_log_channel(_WIRE)
            transport.add_server_key(self._host_key)
            session = _Session(self, address)
            wire: Any = transport.packetizer
            wire.send_message = session.begun_behind(wire.send_message)
            with self._lock:
                self._transports = [one for one in self._transports
                                    if one.is_active() or not one.is_alive()]
                self._transports.append(transport)
            transport.start_server(threading.Event(), server=session)

    # What sessions ask

    def admits(self, user: str, *, password: str = '', key: str = '',
               ) -> bool:
        admitted = user == self.user and (
            bool(password) and secrets.compare_digest(
                password.encode(), self.password.encode())
            or bool(key) and key == self._key)
        if admitted:
            with self._lock:
                self.logins += 1
        return admitted

    def run(self, address: str, text: str,
            channel: paramiko.Channel) -> None:
        """Run a command to its end, and say what it did."""
        with self._lock:
            self.commands += 1
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            done = self._reads(self._hosts, address, text,
                               lambda: _input(channel))
            if done.status is None:
                channel.get_transport().close()
                return
            channel.sendall(_bytes(done.stdout))
            channel.sendall_stderr(_bytes(done.stderr))
            channel.send_exit_status(done.status)
            channel.shutdown_write()
            channel.close()


class _Session(paramiko.ServerInterface):
    """The decisions about one connection."""

    def __init__(self, server: SshServer, address: str) -> None:
        self._server = server
        self._address = address
        self._next: threading.Thread | None = None

    def get_allowed_auths(self, username: str) -> str:
        return 'publickey,password'

    def check_auth_password(self, username: str, password: str) -> int:
        return _verdict(self._server.admits(username, password=password))

    def check_auth_publickey(self, username: str,
                             key: paramiko.PKey) -> int:
        return _verdict(self._server.admits(
            username, key=f'{key.get_name()} {key.get_base64()}'))

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return (common.OPEN_SUCCEEDED if kind == 'session' else
                common.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED)

    def check_channel_exec_request(self, channel: paramiko.Channel,
                                   command: bytes) -> bool:
        self._next = threading.Thread(
            target=self._server.run, name='ssh-command', daemon=True,
            args=(self._address, command.decode('utf-8', 'surrogateescape'),
                  channel))
        return True

    def begun_behind(self, send: Callable[[paramiko.Message], None],
                     ) -> Callable[[paramiko.Message], None]:
        """Have a command begin when the client knows that it does."""
        def sent(message: paramiko.Message) -> None:
            send(message)
            begun = self._next
            if begun is not None and \
                    message.asbytes()[0] == common.MSG_CHANNEL_SUCCESS:
                self._next = None
                begun.start()
        return sent


def _verdict(admitted: bool) -> int:
    return (common.AUTH_SUCCESSFUL if admitted else common.AUTH_FAILED)


def _input(channel: paramiko.Channel) -> str:
    """All that the client sends, until it ends that."""
    pieces = []
    while piece := channel.recv(65536):
        pieces.append(piece)
    return b''.join(pieces).decode('utf-8', 'surrogateescape')


def _bytes(text: str) -> bytes:
    return text.encode('utf-8', 'surrogateescape')

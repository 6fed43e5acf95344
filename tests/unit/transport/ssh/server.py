# SPDX-License-Identifier: Apache-2.0

"""An SSH server in this process, which misbehaves as a test asks it to."""

import contextlib
import threading

import paramiko
from paramiko import common

from manila_drivers.transport import command
from manila_drivers.transport import ssh
from tests import listening

PASSWORD = 'correct horse'
KEY = paramiko.ECDSAKey.generate()


class Session(paramiko.ServerInterface):
    """One connection's decisions."""

    def __init__(self, server):
        self._server = server

    def get_allowed_auths(self, username):
        return ','.join(self._server.methods)

    def _allowed(self, method):
        if method not in self._server.methods:
            return paramiko.AUTH_FAILED
        return paramiko.AUTH_SUCCESSFUL

    def check_auth_password(self, username, password):
        if password != PASSWORD:
            return paramiko.AUTH_FAILED
        return self._allowed('password')

    def check_auth_interactive(self, username, submethods):
        return paramiko.InteractiveQuery('', '', ('Password: ', False))

    def check_auth_interactive_response(self, responses):
        return (self._allowed('keyboard-interactive')
                if responses == [PASSWORD] else paramiko.AUTH_FAILED)

    def check_auth_publickey(self, username, key):
        if 'publickey' not in self._server.methods:
            return paramiko.AUTH_FAILED
        if self._server.needs_both:
            return paramiko.AUTH_PARTIALLY_SUCCESSFUL
        return paramiko.AUTH_SUCCESSFUL

    def check_channel_request(self, kind, chanid):
        if self._server.refuses > 0:
            self._server.refuses -= 1
            return paramiko.OPEN_FAILED_CONNECT_FAILED
        return paramiko.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel, command):
        if self._server.denies:
            return False
        self.begun = threading.Thread(
            target=self._server.answer, daemon=True,
            args=(channel, command.decode()))
        return True

    def start_after(self, send):
        """Have the command begin when the client was told that it does."""
        def sent(message):
            send(message)
            if message.asbytes()[0] == common.MSG_CHANNEL_SUCCESS:
                self.begun.start()
        return sent


class Server:
    """Listens on loopback.

    :param answer: called with the channel and the command's text; what it
        does is what the command does.
    """

    def __init__(self, answer=None, window=None):
        self.methods = ['password']
        self.needs_both = False
        self.refuses = 0
        self.denies = False
        self.logins = 0
        self.transports = []
        self._answer = answer or done
        self._window = {'default_window_size': window} if window else {}
        self._listener = listening.Listener(self._accept)
        self.port = self._listener.port

    def answer(self, channel, text):
        with contextlib.suppress(OSError, EOFError):
            self._answer(channel, text)

    def _accept(self, client):
        self.logins += 1
        transport = paramiko.Transport(client, **self._window)
        transport.add_server_key(KEY)
        self.transports.append(transport)
        session = Session(self)
        transport.packetizer.send_message = session.start_after(
            transport.packetizer.send_message)
        transport.start_server(threading.Event(), server=session)

    def target(self, **parts):
        login = parts.pop('login', None) or ssh.Login(
            'manila', password=command.Secret(PASSWORD),
            password_option='the_password')
        return ssh.Target(**{
            'host': '127.0.0.1', 'port': self.port, 'login': login,
            'trust': ssh.Pinned((f'{KEY.get_name()} {KEY.get_base64()}',)),
            'connect_timeout': 10.0} | parts)

    def close(self):
        self._listener.close()
        for transport in self.transports:
            transport.close()


def done(channel, text, status=0):
    """Print the command and end."""
    channel.sendall((text + '\n').encode())
    end(channel, status)


def end(channel, status=0):
    channel.send_exit_status(status)
    channel.shutdown_write()
    channel.close()

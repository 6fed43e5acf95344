# SPDX-License-Identifier: Apache-2.0

"""Which host, as whom, and within which bounds: values without any I/O."""

import dataclasses
from typing import Protocol

from manila_drivers import exception
from manila_drivers.transport import command

#: Commands in flight on one connection.  sshd takes MaxSessions (10) and
#: frees one a little after the client saw it end, so that six busy threads on
#: one connection already see refusals; four see none.
CHANNELS = 4

#: The most that is kept of each output, in bytes.
MAX_OUTPUT = 64 * 1024 * 1024


class Trust(Protocol):
    """Says whether a host's key is the host's; see ``ssh_trust``."""

    def types(self, host: str, port: int) -> list[str]:
        """Types of the keys that are known, as in a known_hosts file."""

    def verify(self, host: str, port: int, kind: str, blob: bytes) -> None:
        """Return if this is the host's key; else raise NotTrusted."""


@dataclasses.dataclass(frozen=True)
class Login:
    """As whom to log in, and with what.

    What is given is tried in this order: key, agent, password.  Nothing else
    is: no key that happens to lie in a home directory.

    :param key_file: private key, ``~`` is the home directory; one that is
        encrypted needs ``passphrase``.
    :param agent: ask the agent that SSH_AUTH_SOCK names.
    :param key_option: what the operator knows the key file as.
    :param password_option: what the operator knows the password as.
    """

    user: str
    key_file: str = ''
    passphrase: command.Secret | None = None
    password: command.Secret | None = None
    agent: bool = False
    key_option: str = 'key_file'
    password_option: str = 'password'  # noqa: S105 (a name)

    def __post_init__(self) -> None:
        if not self.user:
            raise ValueError('a login has a user')
        if not (self.key_file or self.password or self.agent):
            raise exception.ConfigurationError(
                self.key_option, f'a key or a password is needed to log in '
                f'as {self.user}.', check=self.password_option)

    def options(self) -> str:
        """The options whose values are tried, for a message."""
        names = [self.key_option] if self.key_file else []
        if self.agent:
            names.append('the keys of the SSH agent')
        if self.password:
            names.append(self.password_option)
        return ', '.join(names)


@dataclasses.dataclass(frozen=True)
class Target:
    """One host and how it is talked to.

    :param host: name, IPv4 or IPv6 address without brackets.
    :param connect_timeout: seconds a login may take, all addresses of the
        host included, that a host whose sshd is away is waited for, and that
        a command may wait for its turn.
    :param min_connections: how many idle connections are kept for ever.
    :param max_connections: how many connections there are at the most; each
        carries four commands at a time.
    :param idle: seconds after which an idle connection is closed.
    :param keepalive: seconds between signs of life on a silent connection; a
        host that stays dead for twice as long is noticed.
    :param sudo: goes before commands that need root, unless the user is.
    :param reap: let ``timeout`` of coreutils end commands on the host when
        their time is up; without it they go on there, unseen.  sudoers must
        then allow ``timeout`` in front of the commands.
    :param max_output: bytes kept of each output.
    """

    host: str
    login: Login
    trust: Trust
    port: int = 22
    connect_timeout: float = 60.0
    min_connections: int = 1
    max_connections: int = 10
    idle: float = 300.0
    keepalive: float = 30.0
    sudo: tuple[str, ...] = ('sudo', '-n')
    reap: bool = False
    max_output: int = MAX_OUTPUT

    def __post_init__(self) -> None:
        if not self.host or self.host.startswith('-'):
            raise ValueError('a target has a host')
        if self.max_connections < 1:
            raise exception.ConfigurationError(
                'ssh_max_pool_conn', f'is {self.max_connections}, and no '
                f'command goes without a connection.')
        if not 0 <= self.min_connections <= self.max_connections:
            raise exception.ConfigurationError(
                'ssh_min_pool_conn', f'is {self.min_connections}, and not '
                f'from 0 to ssh_max_pool_conn ({self.max_connections}).')
        if self.connect_timeout <= 0:
            raise exception.ConfigurationError(
                'ssh_conn_timeout', f'is {self.connect_timeout:g}, which '
                f'leaves no time to log in.')

    @property
    def identity(self) -> tuple[object, ...]:
        """Return what targets that share connections have in common."""
        login = self.login
        return (self.host.lower(), self.port, login.user, login.key_file,
                login.password, login.agent, self.trust)

    def root_prefix(self) -> tuple[str, ...]:
        """The words that go before a command that needs root."""
        return () if self.login.user == 'root' else self.sudo

    def __str__(self) -> str:
        host = f'[{self.host}]' if ':' in self.host else self.host
        port = '' if self.port == 22 else f':{self.port}'
        return f'{self.login.user}@{host}{port}'

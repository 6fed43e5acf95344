# SPDX-License-Identifier: Apache-2.0

"""One login: socket, key exchange, the host's identity, then ours.

==================================  ====================================
what happened                       what is raised
==================================  ====================================
no address answers                  Away
dropped before the login was done   Away
no method of encryption in common   Unreachable
host name not known                 Unreachable
host key unknown, changed, revoked  NotTrusted
key or password refused             AccessDenied
key file missing or not readable    ConfigurationError
==================================  ====================================

Away is what passes when sshd is started again, and sshd drops connections at
random while many are logging in (MaxStartups).  Who waits for the login
decides how often it is repeated: see ``ssh_pool``.
"""

from collections.abc import Callable
from collections.abc import Sequence
import functools
import logging
import socket
import time

import paramiko

from manila_drivers import exception
from manila_drivers.transport import ssh_key
from manila_drivers.transport.ssh_target import Login
from manila_drivers.transport.ssh_target import Target

LOG = logging.getLogger(__name__)

# One RSA key serves several algorithms of signing.
_ALGORITHMS = {'ssh-rsa': ('rsa-sha2-512', 'rsa-sha2-256', 'ssh-rsa')}


# paramiko's own lines, under a name of ours.
_CHANNEL = 'manila_drivers.paramiko'


class Away(exception.Unreachable):
    """There was no login, and another moment there may be one.

    Nothing was sent of any command.
    """


class _Channels(paramiko.transport.ChannelMap):
    """Leave out a channel that has no session yet, when the session ends.

    It gets one a moment after it is listed.  When a connection ended between
    the two, paramiko's thread died of it: the socket stayed open, and who had
    asked for the channel waited for all of his time.
    """

    def values(self) -> list[paramiko.Channel]:
        return [each for each in super().values()
                if each.transport is not None]


def log_in(target: Target) -> paramiko.Transport:
    """Log in, once; within ``target.connect_timeout`` seconds."""
    deadline = time.monotonic() + target.connect_timeout
    sock = connect(target, deadline)
    try:
        transport = paramiko.Transport(sock)
        # No public name leads there.
        transport._channels = _Channels()  # type: ignore[attr-defined]
        logging.getLogger(_CHANNEL).addFilter(_calm)
        transport.set_log_channel(_CHANNEL)
    except BaseException:
        sock.close()
        raise
    try:
        _negotiate(transport, target, deadline)
        _authenticate(transport, target, deadline)
    except BaseException:
        close(transport)
        raise
    transport.set_keepalive(max(1, round(target.keepalive)))
    return transport


def _calm(record: logging.LogRecord) -> bool:
    """Make debugging output of paramiko's errors, tracebacks and all.

    What they are about is raised here, and is no error when a repetition
    helps.
    """
    if record.levelno >= logging.ERROR:
        record.levelno = logging.DEBUG
        record.levelname = logging.getLevelName(logging.DEBUG)
    return logging.getLogger(record.name).isEnabledFor(record.levelno)


def close(transport: paramiko.Transport) -> None:
    """Close the socket, too; paramiko keeps that of a dead session open."""
    transport.close()
    if isinstance(transport.sock, socket.socket):
        transport.sock.close()


def connect(target: Target, deadline: float) -> socket.socket:
    """A TCP connection to the first address that answers.

    Each address gets its share of the time that is left, so that one which
    swallows packets does not use up that of the others.
    """
    try:
        found = socket.getaddrinfo(target.host, target.port,
                                   type=socket.SOCK_STREAM)
    except OSError as exc:
        error = Away if exc.errno == socket.EAI_AGAIN \
            else exception.Unreachable
        raise error(
            f'No address is known for {target.host}', answer=str(exc),
            check='spelling of the name, and DNS') from exc
    failures: dict[str, OSError] = {}
    for tried, (family, kind, proto, _, address) in enumerate(found):
        share = (deadline - time.monotonic()) / (len(found) - tried)
        sock = socket.socket(family, kind, proto)
        try:
            _tune(sock, target)
            sock.settimeout(max(0.05, share))
            sock.connect(address)
        except OSError as exc:
            sock.close()
            failures[str(address[0])] = exc
        else:
            return sock
    answer = '; '.join(f'{one}: {exc}' for one, exc in failures.items())
    raise Away(
        f'No connection to {target.host} port {target.port}', answer=answer,
        check='whether the host is up, sshd runs, and no firewall is between')


def _dropped(target: Target, why: object) -> Away:
    return Away(
        f'No login to {target}: the connection ended before it was done',
        answer=str(why) or 'end of file',
        check='log of sshd on that host: MaxStartups, MaxAuthTries, a ban '
        'of this address, the load')


def _tune(sock: socket.socket, target: Target) -> None:
    """Options that paramiko would not set.

    Without TCP_NODELAY every command waits some 40 ms for a delayed
    acknowledgement.  The others have the kernel end a connection whose peer
    is gone, also while a command has nothing to say for hours.
    """
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, 'TCP_USER_TIMEOUT'):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT,
                        max(1000, int(target.keepalive * 1000)))


def _left(deadline: float) -> float:
    """Seconds left; never 0, which would mean none or for ever."""
    return max(0.1, deadline - time.monotonic())


def _negotiate(transport: paramiko.Transport, target: Target,
               deadline: float) -> None:
    """Exchange keys and be sure whom we talk to."""
    _prefer(transport, target.trust.types(target.host, target.port))
    left = _left(deadline)
    transport.banner_timeout = transport.handshake_timeout = left
    try:
        transport.start_client(timeout=left)
        # start_client() returns as if all were well when its time is up.
        if not transport.initial_kex_done:
            raise _dropped(
                target, f'no key exchange within {left:.0f} s')
        key = transport.get_remote_server_key()
    except paramiko.ssh_exception.IncompatiblePeer as exc:
        raise exception.Unreachable(
            f'No login to {target}: no common method of encryption.',
            answer=str(exc), check='version and configuration of its sshd'
        ) from exc
    except (paramiko.SSHException, OSError, EOFError) as exc:
        raise _dropped(target, exc) from exc
    target.trust.verify(target.host, target.port, key.get_name(),
                        key.asbytes())


def _prefer(transport: paramiko.Transport, known: Sequence[str]) -> None:
    """Ask for a host key of a type that is known, before others."""
    options = transport.get_security_options()
    wanted = [name for kind in known
              for name in _ALGORITHMS.get(kind, (kind,))]
    offered = list(options.key_types)
    first = [name for name in offered if name in wanted]
    options.key_types = tuple(
        first + [name for name in offered if name not in first])


def _authenticate(transport: paramiko.Transport, target: Target,
                  deadline: float) -> None:
    login = target.login
    transport.auth_timeout = _left(deadline)
    answers = []
    for method in _methods(transport, login):
        try:
            remaining = method()
        except paramiko.AuthenticationException as exc:
            if not transport.is_active() or 'timeout' in str(exc).lower():
                raise _dropped(target, exc) from exc
            answers.append(str(exc))
        except (paramiko.SSHException, OSError, EOFError) as exc:
            raise _dropped(target, exc) from exc
        else:
            if transport.is_authenticated():
                return
            answers.append('accepted, but needed besides: %s'
                           % ', '.join(remaining))
    raise exception.AccessDenied(
        f'Login to {target} was refused.', answer='; '.join(answers),
        check=f'{login.options()}; authorized_keys of {login.user} and the '
        f'log of sshd on {target.host}')


def _methods(transport: paramiko.Transport,
             login: Login) -> list[Callable[[], list[str]]]:
    """Return what to try, in order."""
    methods: list[Callable[[], list[str]]] = []
    keys = [ssh_key.load(login)] if login.key_file else []
    if login.agent:
        keys.extend(paramiko.Agent().get_keys())
    methods.extend(
        functools.partial(transport.auth_publickey, login.user, key)
        for key in keys)
    if login.password is not None:
        methods.append(functools.partial(
            transport.auth_password, login.user, login.password.reveal()))
    return methods

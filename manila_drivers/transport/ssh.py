# SPDX-License-Identifier: Apache-2.0

"""Commands on other hosts, over SSH.

::

    hosts = ssh.Hosts()                         # one for each driver
    host = hosts.host(ssh.Target(
        'gluster1.example.org',
        ssh.Login('manila', key_file='/etc/manila/id_ed25519',
                  key_option='glusterfs_path_to_private_key'),
        ssh.KnownHosts()))
    result = host.run(command.Command.of('gluster', 'volume', 'list',
                                         root=True, timeout=30.0))

Nothing is connected before the first command, and a process that was forked
makes connections of its own.  What goes wrong is told apart by what the
caller can do:

==================================  ====================================
what happened                       what is raised
==================================  ====================================
not accepted exit code              BackendError with ``status``
sudo refused                        AccessDenied
no connection, no login, no turn    Unreachable: it was not sent, though
                                    tried for ``connect_timeout`` seconds
host key unknown or changed         NotTrusted: it was not sent
key or password refused             AccessDenied: it was not sent
connection lost once it was sent    OutcomeUnknown
not done in time                    OutcomeUnknown
no exit code came                   OutcomeUnknown
output longer than is kept          BackendError
==================================  ====================================

A command that is given up is told so by the end of its input and outputs;
unless it uses them, it goes on.  ``Target.reap`` has the host end it.

The login shell of the user has to be one that quotes as POSIX shells do.
"""

import contextlib
import dataclasses
import logging
import math
import shlex
import threading
import time

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.transport import command
from manila_drivers.transport import remarks
from manila_drivers.transport import retry
from manila_drivers.transport import ssh_exec
from manila_drivers.transport import ssh_pool
from manila_drivers.transport import ssh_process
from manila_drivers.transport import ssh_watch
from manila_drivers.transport import verdict
from manila_drivers.transport.ssh_target import Login
from manila_drivers.transport.ssh_target import Target
from manila_drivers.transport.ssh_trust import KnownHosts
from manila_drivers.transport.ssh_trust import Pinned
from manila_drivers.transport.verdict import Cut

__all__ = ('Cut', 'Host', 'Hosts', 'KnownHosts', 'Login', 'Pinned', 'Target')

LOG = logging.getLogger(__name__)

# Seconds between SIGTERM and SIGKILL, and what timeout(1) exits with when it
# had to send them.
_KILL_AFTER = 5
_REAPED = (124, 137)

# Linux takes no argument of more than 128 KiB, which is what the command is
# to the login shell; sshd ends the connection at 256 KiB.
_LONGEST = 100_000

# How a command that was certainly not sent is sent elsewhere.
_ELSEWHERE = retry.RetryPolicy(first=0.05, longest=2.0)


class Host:
    """Runs commands on one host; every thread may use it at once."""

    def __init__(self, target: Target, watch: ssh_watch.Watch) -> None:
        self.target = target
        self._pool = ssh_pool.SshPool(target, watch)

    def run(self, cmd: command.Command) -> command.Result:
        """Run one command to its end.

        Waiting for a turn and the login count against the target's
        ``connect_timeout``; the command's own ``timeout`` begins when it is
        sent.  So a command is never begun with too little time.

        :raises DriverError: see the table of the module.
        """
        LOG.debug('Running on %s: %s', self.target, cmd)
        started = time.monotonic()
        result = self._run(cmd)
        LOG.debug('Exit code %d from %s after %.3f s: %s', result.status,
                  self.target, time.monotonic() - started, cmd)
        # A remark may be all that is said of a failure.
        error = self.judge(cmd, result)
        result = dataclasses.replace(
            result, stderr=remarks.without(result.stderr))
        if error is not None:
            raise error
        return result

    def judge(self, cmd: command.Command,
              result: command.Result) -> exception.DriverError | None:
        """Return the error of this result; None if it is accepted."""
        if self.target.reap and result.status in _REAPED:
            return verdict.cut(
                cmd, self.target, f'not done within {cmd.timeout:g} s, and '
                f'was ended.', stdout=result.stdout, stderr=result.stderr,
                late=True)
        if result.status in cmd.accept:
            return None
        return verdict.failure(
            cmd, self.target, result,
            sudo=cmd.root and bool(self.target.root_prefix()))

    def _run(self, cmd: command.Command) -> command.Result:
        text = shlex.join(self.words(cmd))
        size = len(text.encode('utf-8', 'surrogateescape'))
        if size > _LONGEST:
            raise exception.InvalidRequest(
                f'A command of {size} bytes is too long for {self.target}: '
                f'{cmd.argv[0]}.', check='a script has no such limit')
        # The host ends a command first, if it can, and says so.
        extra = _KILL_AFTER + 2 if self.target.reap else 0
        attempts = retry.Attempts(
            dataclasses.replace(_ELSEWHERE,
                                total=self.target.connect_timeout),
            time.monotonic, time.sleep)
        again = True
        while again:
            with self._pool.channel() as (connection, channel), \
                    contextlib.suppress(ssh_exec.NotSentError):
                if not cmd.reads:
                    # Each time: it may have waited for minutes.
                    plan.still_allowed()
                return ssh_exec.Execution(
                    connection, channel, cmd, text, self.target,
                    timeout=cmd.timeout + extra,
                    max_output=self.target.max_output).run()
            again = attempts.again()
        raise exception.Unreachable(
            f'Every connection to {self.target} ended before the command '
            f'was sent: {cmd}.', check='log of sshd on that host')

    def words(self, cmd: command.Command) -> list[str]:
        """The words as the host gets them: secrets in clear."""
        words = cmd.words()
        if self.target.reap:
            words = ['timeout', '-k', str(_KILL_AFTER),
                     str(math.ceil(cmd.timeout)), *words]
        if cmd.root:
            words = [*self.target.root_prefix(), *words]
        return words

    def close(self) -> None:
        """Close its connections; the next command makes new ones."""
        self._pool.close()

    def __str__(self) -> str:
        return str(self.target)


class Hosts(ssh_process.PerProcess):
    """The hosts that somebody talks to: one :class:`Host` for each.

    Whoever should share connections shares this object.
    """

    def __init__(self) -> None:
        self._watch = ssh_watch.Watch()
        self._hosts: dict[tuple[object, ...], Host] = {}
        super().__init__()

    def _begin(self) -> None:
        # The hosts are kept: each finds out by itself.
        self._lock = threading.Lock()

    def host(self, target: Target) -> Host:
        """The one host of that address, user and credentials.

        Where it is known already, the bounds it was first given count.
        """
        self._check_process()
        with self._lock:
            known = self._hosts.get(target.identity)
            if known is None:
                known = Host(target, self._watch)
                self._hosts[target.identity] = known
            return known

    def forget(self, target: Target) -> None:
        """Close and drop the connections to a host that is gone."""
        self._check_process()
        with self._lock:
            host = self._hosts.pop(target.identity, None)
        if host is not None:
            host.close()

    def close(self) -> None:
        """Close all connections; they may be used again all the same."""
        self._check_process()
        with self._lock:
            hosts = list(self._hosts.values())
        for host in hosts:
            host.close()
        self._watch.close()

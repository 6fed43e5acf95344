# SPDX-License-Identifier: Apache-2.0

"""Logging in to service instances, and being sure that they are the same."""

from collections.abc import Callable
from collections.abc import Mapping
import logging
import os
import threading
import time
from typing import Any
from typing import Protocol

from manila_drivers import exception
from manila_drivers.service_instance import names
from manila_drivers.service_instance import pins
from manila_drivers.service_instance import settings
from manila_drivers.transport import command
from manila_drivers.transport import retry
from manila_drivers.transport import script
from manila_drivers.transport import ssh
from manila_drivers.transport import ssh_login
from manila_drivers.transport import ssh_target

LOG = logging.getLogger(__name__)

#: Seconds in which an instance has to take a connection.
ANSWERING = 10.0
#: Seconds after which one that has answered is not taken to be alive.
FRESH = 20.0
#: Seconds for the command that shows that a login works.
WORKING = 15.0
#: Seconds for which a dead instance is not asked again.
MOURNING = 30.0
#: Seconds after which it is, if it takes a connection in so many.
AGAIN = 5.0
BRIEF = 1.0
# What is said of an instance that answers, and lets nobody in.
_ANSWERS = (exception.NotTrusted, exception.AccessDenied)


class HostRegistry(Protocol):
    """Connections to instances: ``ssh.Hosts``, or what stands for it."""

    def host(self, target: ssh.Target) -> script.Runner:
        """Return what runs commands there; connects later."""

    def forget(self, target: ssh.Target) -> None:
        """Close the connections to a host that is gone."""

    def close(self) -> None:
        """Close all of them."""


class MadeRunners:
    """A registry of runners that somebody else makes."""

    def __init__(self,
                 make: Callable[[ssh.Target], script.Runner]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._runners: dict[tuple[object, ...], script.Runner] = {}

    def host(self, target: ssh.Target) -> script.Runner:
        with self._lock:
            if target.identity not in self._runners:
                self._runners[target.identity] = self._make(target)
            return self._runners[target.identity]

    def forget(self, target: ssh.Target) -> None:
        with self._lock:
            self._runners.pop(target.identity, None)

    def close(self) -> None:
        with self._lock:
            self._runners.clear()


class Logins:
    """Runners of instances, and which of them are known to be dead.

    :param probe: raises within so many seconds if nobody takes a connection.
    :param lost: called when an instance is found dead.
    """

    def __init__(self, conf: settings.LoginSettings, hosts: HostRegistry,
                 known: pins.Pins, *, clock: Callable[[], float],
                 probe: Callable[[ssh.Target, float], None] | None,
                 lost: Callable[[], None] = lambda: None) -> None:
        self._lost = lost
        self._conf = conf
        self._hosts = hosts
        self._pins = known
        self._clock = clock
        self._probe = probe
        self._lock = threading.Lock()
        self._dead: dict[str, tuple[float, exception.DriverError]] = {}
        self._seen: dict[str, float] = {}
        # When dead ones may be knocked at, and those that were in vain: what
        # takes connections and lets nobody in is mourned to the end.
        self._knocks: dict[str, float] = {}
        self._vain: set[str] = set()

    def target(self, details: Mapping[str, Any]) -> ssh.Target:
        """Return how an instance is logged in to.

        The password is the option's, whatever old details say; the key is
        that of the instance, if the file is still there.

        :raises InvalidRequest: the details have no address.
        """
        instance_id = str(details.get(names.INSTANCE_ID) or '')
        address = str(details.get(names.IP) or '')
        if not (instance_id and address):
            raise exception.InvalidRequest(
                f'Service instance {instance_id or "without an id"} has no '
                f'address in its details',
                check='the share server: its set-up did not come to its end')
        trust: ssh_target.Trust
        if self._conf.known_hosts:
            trust = ssh.KnownHosts(self._conf.known_hosts, option=pins.OPTION)
        else:
            trust = pins.FirstSeen(instance_id, self._pins,
                              str(details.get(names.HOST_KEY) or ''))
        key = os.path.expanduser(str(details.get(names.PK_PATH) or ''))
        return settings.target(
            self._conf, address, trust,
            user=str(details.get(names.USERNAME) or ''),
            key_file=key if key and os.path.isfile(key) else '')

    def runner(self, details: Mapping[str, Any]) -> 'InstanceRunner':
        """Return what runs commands on an instance."""
        return InstanceRunner(self, details,
                              self._hosts.host(self.target(details)))

    def test(self, details: Mapping[str, Any],
             ) -> exception.DriverError | None:
        """Return why an instance cannot be logged in to, None if it can.

        One that was found dead a moment ago is not asked.
        """
        known = self.trouble(details)
        if known is not None:
            return known
        _, error = exception.caught(lambda: self._try(details))
        if error is not None:
            self.mourn(details, error)
        return error

    def mourn(self, details: Mapping[str, Any],
              error: exception.DriverError) -> None:
        """Remember that an instance did not answer."""
        with self._lock:
            self._dead[_key(details)] = (self._clock() + MOURNING, error)
            self._knocks[_key(details)] = self._clock() + AGAIN
            self._seen.pop(_key(details), None)
        self._lost()

    def greet(self, details: Mapping[str, Any]) -> None:
        """Remember that an instance has answered."""
        with self._lock:
            self._seen[_key(details)] = self._clock()
            self._vain.discard(_key(details))

    def knock(self, details: Mapping[str, Any]) -> None:
        """Raise an error soon if an instance takes no connection.

        A login would wait as long as ssh_conn_timeout.  One that was seen a
        moment ago is not asked.
        """
        with self._lock:
            seen = self._seen.get(_key(details))
        if self._probe is not None and (
                seen is None or self._clock() > seen + FRESH):
            target = self.target(details)
            self._probe(target, min(ANSWERING, target.connect_timeout))

    def trouble(self, details: Mapping[str, Any],
                ) -> exception.DriverError | None:
        """Return why an instance was found dead a moment ago, or None."""
        with self._lock:
            until, error = self._dead.get(_key(details), (0.0, None))
            if error is not None and self._clock() >= until:
                del self._dead[_key(details)]
                self._vain.discard(_key(details))
                return None
            return error

    def revived(self, details: Mapping[str, Any]) -> bool:
        """Tell if an instance that was found dead takes a connection again.

        Then it is asked, once: what was decided while it was dead is repeated
        when it has come back.
        """
        key, now = _key(details), self._clock()
        with self._lock:
            if self._probe is None or key in self._vain \
                    or now < self._knocks.get(key, now):
                return False
            self._knocks[key] = now + AGAIN
        probe, target = self._probe, self.target(details)
        _, error = exception.caught(lambda: probe(
            target, min(BRIEF, target.connect_timeout)))
        if error is not None:
            return False
        with self._lock:
            self._vain.add(key)
            self._dead.pop(key, None)
        return True

    def ask_again(self, details: Mapping[str, Any]) -> None:
        """Let the next test ask, whatever was found a moment ago."""
        with self._lock:
            self._dead.pop(_key(details), None)

    def _try(self, details: Mapping[str, Any]) -> None:
        with retry.patience(ANSWERING):
            self.knock(details)
            self._hosts.host(self.target(details)).run(command.Command.of(
                'true', timeout=WORKING))
        self.greet(details)

    def host_key(self, details: Mapping[str, Any]) -> str:
        """Return the key that an instance was seen with, or ''."""
        return str(details.get(names.HOST_KEY) or '') or self._pins.get(
            str(details.get(names.INSTANCE_ID) or ''))

    def hang_up(self, details: Mapping[str, Any]) -> None:
        """Close the connections to an instance; never raises."""
        self.ask_again(details)
        with self._lock:
            self._seen.pop(_key(details), None)
        if not (details.get(names.IP) and details.get(names.INSTANCE_ID)):
            return
        _, error = exception.caught_any(
            lambda: self._hosts.forget(self.target(details)))
        if error is not None:
            LOG.warning('Connections to service instance %s could not be '
                        'closed: %s', details[names.INSTANCE_ID], error)

    def forget(self, details: Mapping[str, Any]) -> None:
        """Close connections to an instance that is gone; drop its key.

        Never raises: nothing of it is in the way of anything.
        """
        self.hang_up(details)
        instance_id = str(details.get(names.INSTANCE_ID) or '')
        if instance_id:
            _, error = exception.caught_any(
                lambda: self._pins.drop(instance_id))
            if error is not None:
                LOG.warning('Host key of service instance %s stays in the '
                            'private storage: %s', instance_id, error)

    def close(self) -> None:
        """Close all connections."""
        self._hosts.close()


class InstanceRunner:
    """Runs commands on an instance, and soon tells that it is dead.

    However many shares are on it, a dead instance is waited for once.
    """

    def __init__(self, logins: Logins, details: Mapping[str, Any],
                 inner: script.Runner) -> None:
        self._logins = logins
        self._details = details
        self._inner = inner

    def run(self, cmd: command.Command) -> command.Result:
        """Run one command to its end.

        :raises Unreachable: nothing was sent.
        """
        known = self._logins.trouble(self._details)
        if known is not None and not self._logins.revived(self._details):
            # One that answers and lets nobody in serves others: it is none
            # that hangs, however often it is asked.
            kind = next((each for each in _ANSWERS if isinstance(
                known, each)), exception.Unreachable)
            raise kind(known.what, answer=known.answer,
                       check=known.check) from known
        try:
            self._logins.knock(self._details)
            result = self._inner.run(cmd)
        except exception.Unreachable as exc:
            self._logins.mourn(self._details, exc)
            raise
        self._logins.greet(self._details)
        return result

    def words(self, cmd: command.Command) -> list[str]:
        """Return the words with what makes them root's."""
        return self._inner.words(cmd)

    def judge(self, cmd: command.Command,
              result: command.Result) -> exception.DriverError | None:
        """Return what :meth:`run` raises after a result."""
        return self._inner.judge(cmd, result)

    def __str__(self) -> str:
        return str(self._inner)


def own_details(conf: settings.LoginSettings) -> dict[str, Any]:
    """Return as whom, and with which key, instances are logged in to."""
    found: dict[str, Any] = {names.USERNAME: conf.user}
    if conf.key_file:
        found[names.PK_PATH] = conf.key_file
    return found


def _key(details: Mapping[str, Any]) -> str:
    return '%s %s' % (details.get(names.INSTANCE_ID), details.get(names.IP))


def connect(target: ssh.Target, seconds: float) -> None:
    """Connect to an instance and hang up.

    :raises Unreachable: nobody takes the connection within that time.
    """
    ssh_login.connect(target, time.monotonic() + seconds).close()

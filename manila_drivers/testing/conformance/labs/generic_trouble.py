# SPDX-License-Identifier: Apache-2.0

"""The two ways out of the Generic driver, and what strikes calls on them.

Requests to OpenStack and scripts in service instances are counted together.
"""

from collections.abc import Mapping
import functools
import threading
from typing import Any
from typing import Protocol

from requests import adapters

from manila_drivers import exception
from manila_drivers.testing.backends import generic
from manila_drivers.testing.conformance import seam
from manila_drivers.testing.conformance.clock import Clock
from manila_drivers.testing.simulators import faults
from manila_drivers.testing.simulators import openstack
from manila_drivers.transport import command
from manila_drivers.transport import script
from manila_drivers.transport import ssh

# Which program of a script is struck; few scripts run more.
_PLACES = range(1, 25)

#: What each fault is for requests and for scripts; None passes over.
STRUCK: Mapping[str, tuple[Mapping[str, Any] | None,
                           Mapping[str, Any] | None]] = {
    'refused': ({'kind': 'refused'}, {'kind': 'refused'}),
    'reset before': ({'kind': 'reset_before'}, {'kind': 'reset_before'}),
    'reset after': ({'kind': 'reset_after'}, {'kind': 'reset_after'}),
    'timeout after': ({'kind': 'timeout_after'}, {'kind': 'timeout_after'}),
    **{f'status {code} before': ({'kind': 'status', 'code': code,
                                  'before': True}, None)
       for code in (401, 403, 500, 503)},
    'status 500 after': ({'kind': 'status', 'code': 500, 'before': False},
                         None),
    'page in place of a call': ({'kind': 'html', 'code': 404,
                                 'before': True}, None),
    'truncated': ({'kind': 'truncated'}, None),
    'empty': ({'kind': 'empty'}, None),
    **{f'cut at program {at}': (None, {
        'kind': 'reset_after', 'nth': at, 'match': '^command'})
       for at in _PLACES},
    **{f'program {at} fails': (None, {
        'kind': 'status', 'code': 1, 'nth': at, 'match': '^command'})
       for at in _PLACES}}


def place(name: str) -> int:
    return int(name.rpartition(' ')[2]) if name.startswith('cut') \
        else int(name.split()[1]) if name.startswith('program') else 0


class Trouble:
    """Faults that are armed, and which call they strike."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._name, self._nth, self._lasting, self._seen = '', 0, False, 0
        #: Until when nothing answers.
        self.away_until = 0.0

    def arm(self, name: str, nth: int, *, lasting: bool) -> None:
        with self._lock:
            self._name, self._nth = name, nth
            self._lasting, self._seen = lasting, 0

    def refuses(self) -> bool:
        """Tell if calls have begun to be refused, one after the other."""
        with self._lock:
            return self._name == 'refused' and self._lasting \
                and self._seen >= self._nth

    def disarm(self) -> None:
        with self._lock:
            self._name = ''

    def next(self) -> tuple[Mapping[str, Any] | None,
                            Mapping[str, Any] | None]:
        """Return what strikes the call that begins now."""
        with self._lock:
            self._seen += 1
            here = (self._seen >= self._nth if self._lasting
                    else self._seen == self._nth)
            return STRUCK[self._name] if self._name and here else (None,
                                                                   None)


class TroubledLab(Protocol):
    """Parts of a lab that calls go through."""

    sim: openstack.OpenStackSim
    clock: Clock
    trouble: Trouble
    calls: list[tuple[str, ...]]


class SeamedCloud(adapters.BaseAdapter):
    """The way to OpenStack, with the seam around each request."""

    def __init__(self, made: TroubledLab, process: seam.Process) -> None:
        super().__init__()
        self._lab = made
        self._inner = openstack.CloudAdapter(made.sim, made.clock.sleep)
        self._process = process

    def send(self, *args: Any, **kwargs: Any) -> Any:
        struck, _ = self._lab.trouble.next()
        if struck and struck.get('code') == 401 and '/identity' in str(
                getattr(args[0], 'url', '')):
            struck = None

        def send() -> Any:
            if struck is not None:
                self._lab.sim.arm(faults.Fault(**struck))
            try:
                return self._inner.send(*args, **kwargs)
            finally:
                if struck is not None:
                    self._lab.sim.disarm()
                self._lab.calls.append(('request',))

        return self._process.call(send)

    def close(self) -> None:
        self._inner.close()


class SeamedRunners:
    """Makes the ways into service instances of one process."""

    def __init__(self, made: TroubledLab, process: seam.Process) -> None:
        self._lab = made
        self._process = process

    def __call__(self, target: ssh.Target) -> script.Runner:
        return SeamedRunner(self._lab, self._process, target)

    def probe(self, target: ssh.Target, seconds: float) -> None:
        """Take a connection, or raise; that is no call of its own."""
        machine = self._lab.sim.machine_at(target.host)
        away = self._lab.clock() < self._lab.trouble.away_until
        if machine is not None and machine.running and not machine.hung \
                and not machine.stuck and not away \
                and not self._lab.trouble.refuses():
            return
        if machine is None or machine.hung:
            self._lab.clock.sleep(seconds)
        raise exception.Unreachable('No connection to %s' % target)


class SeamedRunner(generic.MachineRunner):
    """The way into service instances, with the seam around each script."""

    def __init__(self, made: TroubledLab, process: seam.Process,
                 target: ssh.Target) -> None:
        super().__init__(made.sim, target, made.clock, made.clock.sleep)
        self._lab = made
        self._process = process

    def _present(self) -> script.Runner:
        return _Struck(self._lab, super()._present(), self._process)


class _Struck:
    """One attempt at a script."""

    def __init__(self, made: TroubledLab, inner: Any,
                 process: seam.Process) -> None:
        self._lab = made
        self._inner = inner
        self._process = process

    def run(self, cmd: command.Command) -> command.Result:
        _, struck = self._lab.trouble.next()
        return self._process.call(functools.partial(self._run, cmd, struck))

    def _run(self, cmd: command.Command,
             struck: Mapping[str, Any] | None) -> command.Result:
        machine = self._inner._machine
        if self._lab.clock() < self._lab.trouble.away_until:
            struck = {'kind': 'refused'}
        if struck is not None:
            machine.faults.arm(faults.Fault(**{'match': '^exec', **struck}))
        before = len(machine.ran)
        try:
            result: command.Result = self._inner.run(cmd)
        finally:
            machine.faults.disarm()
            self._lab.calls.append(tuple(
                words[0] for words in machine.ran[before:]))
        return result

    def words(self, cmd: command.Command) -> list[str]:
        found: list[str] = self._inner.words(cmd)
        return found

    def judge(self, cmd: command.Command, result: command.Result) -> Any:
        return self._inner.judge(cmd, result)

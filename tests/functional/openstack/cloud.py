# SPDX-License-Identifier: Apache-2.0

"""A whole OpenStack, from nothing or from a state that is kept.

The first cloud on a machine is made from empty databases, and a copy of its
state is put aside.  Every other one begins with a copy of that.
"""

from collections.abc import Iterator
import contextlib
import fcntl
import os
import pathlib
import shutil
import subprocess
import threading
import time

import requests

from tests.functional.lab import kept
from tests.functional.openstack import configs
from tests.functional.openstack import foundation
from tests.functional.openstack import places
from tests.functional.openstack import provide
from tests.functional.openstack import registering
from tests.functional.openstack import room as rooms
from tests.functional.openstack import services
from tests.functional.openstack.api import Api
from tests.functional.openstack.api import Unexpected

#: Says which cloud to visit, instead of starting one.
VISITED = 'MANILA_DRIVERS_CLOUD'

_RUN = 'openstack-run-'
#: Logs of runs that are over.
_LOGS = 'openstack-last-logs'
#: What a kept state is made by.
_INGREDIENTS = (configs, foundation, places, registering, services)
#: Daemons that write what is kept.
_WRITERS = ('ceph-osd', 'ceph-mgr', 'ceph-mon', 'mariadb')


def quiet(text: str) -> None:
    """Tell nobody."""


class Cloud:
    """A cloud that is up.

    :param work: an empty directory for all of its files
    :param state: of an earlier one, to begin with; None: from nothing
    """

    def __init__(self, work: pathlib.Path, venv: pathlib.Path,
                 files: pathlib.Path, tell: provide.Tell = quiet,
                 state: pathlib.Path | None = None) -> None:
        self._tell = tell
        self._files = files
        self._begin = time.monotonic()
        self._wrong: list[BaseException] = []
        #: Seconds from the start until each of these was there.
        self.times: dict[str, float] = {}
        if state is not None:
            _copy(state, work / 'state')
        self.room = rooms.Room(work, venv)
        try:
            self._up(new=state is None)
        except BaseException:
            self.close()
            raise

    def _up(self, new: bool) -> None:
        room = self.room
        services.configure(room)
        self._keys()
        ceph = threading.Thread(target=self._ceph, args=(new,))
        ceph.start()
        services.together([
            lambda: foundation.database(room, new),
            lambda: foundation.broker(room),
            lambda: foundation.switch(room)])
        self._reached('database, broker and switch')
        if new:
            services.schemas(room, self._identities)
            self._reached('schemas')
        else:
            services.keystone(room)
        services.apis(room)
        services.workers(room)
        foundation.hypervisor(room)
        with room.network():
            self._answering()
        self._reached('API servers')
        services.agents(room)
        ceph.join(rooms.SECONDS)
        assert not ceph.is_alive(), 'Ceph'
        if self._wrong:
            raise self._wrong[0]
        with room.network():
            room.until('all services and agents', self.all_up, pause=1)
            self._reached('all services and agents')
            if new:
                registering.contents(self._files)
                self._reached('images and types')

    def _ceph(self, new: bool) -> None:
        try:
            foundation.ceph(self.room, new)
            self._reached('Ceph')
        except BaseException as wrong:
            self._wrong.append(wrong)

    def _identities(self) -> None:
        """Start Keystone and register everybody, beside other schemas."""
        services.keystone(self.room)
        with self.room.network():
            self.room.until('Keystone', lambda: _answers(places.IDENTITY))
            registering.identities()
        self._reached('Keystone')

    def _answering(self) -> None:
        for port in (places.KEYSTONE, places.PLACEMENT, places.GLANCE,
                     places.NOVA, places.NEUTRON, places.CINDER,
                     places.METADATA):
            url = places.url(port, '/v3' if port == places.KEYSTONE else '/')
            self.room.until(url, lambda url=url: _answers(url))

    def all_up(self) -> bool:
        """Tell if every service and agent has reported, and is alive."""
        with contextlib.suppress(Unexpected, requests.RequestException,
                                 LookupError, AttributeError):
            api = Api()
            agents = api.listed('network', '/agents', 'agents')
            compute = api.listed('compute', '/os-services', 'services')
            volumes = api.listed('volumev3', '/os-services', 'services')
            hosts = api.listed('compute', '/os-hypervisors', 'hypervisors')
            up = {each['binary'] for each in compute if each['state'] == 'up'}
            return (sum(each['alive'] for each in agents) == 4
                    and up >= {'nova-compute', 'nova-conductor',
                               'nova-scheduler'}
                    and len(hosts) == 1 and sum(
                        each['state'] == 'up' for each in volumes)
                    == 1 + len(places.BACKENDS))
        return False

    def _keys(self) -> None:
        """Make the key that opens service machines."""
        key = self.room.outside(places.KEYS / 'key')
        subprocess.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C',
                        'service', '-f', str(key)], check=True, timeout=60)

    def _reached(self, what: str) -> None:
        self.times[what] = time.monotonic() - self._begin
        self._tell(f'cloud: {what} after {self.times[what]:.0f} s')

    def keep(self, place: pathlib.Path) -> None:
        """Copy its state for others to begin with, while it is up.

        Those that write files of their own stand still meanwhile: the copy is
        what they find after a crash.  All others have what matters in the
        database, which writes its log once a second.
        """
        time.sleep(2)
        with self.room.frozen(*_WRITERS):
            _copy(self.room.work / 'state', place)
        for each in ('ovs', 'rabbit', 'libvirt'):
            shutil.rmtree(place / each, ignore_errors=True)

    def close(self) -> None:
        """End everything at once.

        A busy kernel may take minutes for it.  What is not gone by then fails
        no test: nothing is asked of it any more, and the next start of CI
        finds it.
        """
        try:
            self.room.close()
        except subprocess.TimeoutExpired as late:
            self._tell(f'cloud: it has not ended yet: {late}')


def prepared(tell: provide.Tell) -> tuple[pathlib.Path, pathlib.Path]:
    """Return the environment of the services, and the service image; make
    them if they are not there."""
    return provide.environment(tell), provide.service_image(tell)


class Visited(Cloud):
    """A cloud that somebody else has up; it stays up."""

    def __init__(self, room: rooms.Room) -> None:
        self.room = room
        self.times = {}


def visited(told: str) -> Visited:
    """Return a cloud, by what its owner has been told of it.

    :param told: ``PID:DIRECTORY``, of its first process and its files
    """
    pid, _, work = told.partition(':')
    return Visited(rooms.Room(pathlib.Path(work), provide.environment(quiet),
                              rooms.Visited(int(pid))))


@contextlib.contextmanager
def running(tell: provide.Tell = quiet) -> Iterator[Cloud]:
    """Have a cloud for a while: one that is up already, or one of our own."""
    told = os.environ.get(VISITED)
    if not told:
        with started(tell) as cloud:
            yield cloud
        return
    cloud = visited(told)
    try:
        yield cloud
    finally:
        cloud.close()


@contextlib.contextmanager
def started(tell: provide.Tell = quiet, new: bool = False
            ) -> Iterator[Cloud]:
    """Have a new cloud for a while.

    The first one is made from empty databases, and its state kept.

    :param new: from empty databases, whatever is kept
    """
    venv, files = prepared(tell)
    with contextlib.ExitStack() as stack:
        def cloud(state: pathlib.Path | None = None) -> Cloud:
            made = Cloud(stack.enter_context(workplace()), venv, files, tell,
                         state)
            stack.callback(made.close)
            return made

        first: list[Cloud] = []

        def make(place: pathlib.Path) -> None:
            tell('making the first cloud from empty databases')
            first.append(cloud())
            first[0].keep(place / 'state')
            tell('its state is kept')

        if new:
            yield cloud()
            return
        texts = [pathlib.Path(str(each.__file__)).read_text()
                 for each in _INGREDIENTS]
        state = kept.directory('openstack-state', provide.digest(
            venv.name, files.name, *texts), make) / 'state'
        yield first[0] if first else cloud(state)


@contextlib.contextmanager
def workplace() -> Iterator[pathlib.Path]:
    """Have a directory to work in; what killed runs left is removed.

    Its logs stay until the next run ends, in ``openstack-last-logs``.
    """
    cache = kept.cache()
    cache.mkdir(parents=True, exist_ok=True)
    for left in cache.glob(f'{_RUN}*'):
        _remove_unless_used(left)
    work = cache / f'{_RUN}{os.getpid()}-{time.time_ns():x}'
    work.mkdir()
    with (work / 'lock').open('w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield work
        finally:
            _keep_logs(work, cache / _LOGS)
            shutil.rmtree(work, ignore_errors=True)


def _remove_unless_used(left: pathlib.Path) -> None:
    with contextlib.suppress(OSError), (left / 'lock').open('w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(left, ignore_errors=True)


def _keep_logs(work: pathlib.Path, logs: pathlib.Path) -> None:
    shutil.rmtree(logs, ignore_errors=True)
    with contextlib.suppress(OSError):
        shutil.copytree(work / 'log', logs)
        shutil.copytree(work / 'etc', logs / 'etc')


def _copy(source: pathlib.Path, target: pathlib.Path) -> None:
    """Copy a tree with its owners; holes stay holes."""
    subprocess.run(['cp', '-a', '--reflink=auto', '--sparse=always',
                    str(source), str(target)], check=True, timeout=600)


def _answers(url: str) -> bool:
    session = requests.Session()
    session.trust_env = False
    try:
        return session.get(url, timeout=10).status_code < 500
    except requests.RequestException:
        return False
    finally:
        session.close()


# SPDX-License-Identifier: Apache-2.0

"""The namespaces that the cloud lives in, and its daemons.

Everything ends with the box: processes, mounts, interfaces, routes, rules.
Nothing that is started here can be seen from outside, so that two clouds live
side by side.
"""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import ctypes
import os
import pathlib
import signal as signals
import subprocess
import time

from tests import leftovers
from tests import patience
from tests.functional.lab import box
from tests.functional.openstack import configs
from tests.functional.openstack import places

#: Seconds that a daemon of a busy machine may take to answer.
SECONDS = 240.0

_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


class Visited(box.Box):
    """The box of another process, which goes on without us."""

    def __init__(self, pid: int) -> None:
        self.name, self.parent, self.pid = 'cloud', None, pid
        self._boxes: list[box.Box] = []
        self._processes: list[subprocess.Popen[str]] = []
        self._entered = set(box.ALL)

    def owner(self) -> str:
        """Return the mark of the run that the box is of."""
        for line in pathlib.Path(f'/proc/{self.pid}/environ').read_bytes(
                ).split(b'\0'):
            name, _, value = line.decode(errors='replace').partition('=')
            if name == leftovers.VARIABLE:
                return value
        return ''

    def leave(self, process: 'subprocess.Popen[str]') -> None:
        """Have a process go on after the visit; nobody here waits for it."""
        self._processes.remove(process)
        process.returncode = 0

    def close(self) -> None:
        for each in self._processes:
            box.end(each)


class Failed(AssertionError):
    """The cloud is not what it should be; the text says what to look at."""


class Room:
    """A box with the cloud's own files in the places that daemons expect.

    :param work: becomes :data:`places.HOME`
    :param venv: of the services
    :param inside: a box that is furnished already
    """

    def __init__(self, work: pathlib.Path, venv: pathlib.Path,
                 inside: box.Box | None = None) -> None:
        self.work = work
        self.venv = venv
        self._daemons: dict[str, subprocess.Popen[str]] = {}
        #: Those that a visitor has stopped, and owes the cloud.
        self._owed: set[str] = set()
        self.box = inside or box.Box('cloud')
        if inside is not None:
            return
        try:
            self._furnish()
        except BaseException:
            self.box.close()
            raise

    def outside(self, path: pathlib.PurePosixPath) -> pathlib.Path:
        """Return where a path of the cloud is for us."""
        return self.work / path.relative_to(places.HOME)

    def _furnish(self) -> None:
        self.work.chmod(0o755)
        for each in (places.STATE, places.CONFIG, places.LOGS, places.PIDS,
                     places.PROGRAMS, places.KEYS):
            self.outside(each).mkdir(exist_ok=True)
        for name, text in configs.PROGRAMS.items():
            program = self.outside(places.PROGRAMS / name)
            program.write_text(text)
            program.chmod(0o755)
        # Without /sys of its own a box sees the interfaces of the machine.
        self.box.shell('hostname "$1"; ip link set lo up;'
                       ' mount -t sysfs sysfs /sys', places.HOST)
        self.box.private('/run', '/var/lib/libvirt', '/var/log/libvirt',
                         '/var/cache/libvirt')
        self.box.run('mkdir', '-p', str(places.HOME), '/run/netns',
                     '/run/lock', '/run/libvirt', '/run/ceph')
        self.box.run('mount', '--bind', str(self.work), str(places.HOME))
        self._over('hosts', '/etc/hosts',
                   f'127.0.0.1 localhost {places.HOST}\n')
        # There is nobody to be asked.
        self._over('resolv.conf', '/etc/resolv.conf', '')
        self.bind(places.STATE / 'libvirt', '/etc/libvirt')
        for each in ('etc', 'lib', 'log'):
            self.bind(places.STATE / 'ceph' / each,
                      f'/{"" if each == "etc" else "var/"}{each}/ceph')

    def bind(self, path: pathlib.PurePosixPath, over: str) -> None:
        """Let a directory of the cloud's stand in for one of the machine's."""
        self.outside(path).mkdir(parents=True, exist_ok=True)
        self.box.shell('mkdir -p "$2"; mount --bind "$1" "$2"', str(path),
                       over)

    def _over(self, name: str, path: str, text: str) -> None:
        self.write(places.CONFIG / name, text)
        self.box.run('mount', '--bind', str(places.CONFIG / name), path)

    def write(self, path: pathlib.PurePosixPath, text: str) -> None:
        file = self.outside(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def environment(self, **more: object) -> dict[str, str]:
        """Return the variables of all of the cloud's processes."""
        # What a service imports, and where it logs in, is said here alone.
        kept = {name: value for name, value in os.environ.items()
                if not name.startswith(('OS_', 'PYTHON', 'VIRTUAL_'))}
        path = (str(places.PROGRAMS), f'{self.venv}/bin', '/usr/local/sbin',
                '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin')
        switch = str(places.STATE / 'ovs')
        return {**kept, 'PATH': ':'.join(path), 'HOME': str(places.HOME),
                'LC_ALL': 'C.UTF-8', 'OVS_RUNDIR': switch,
                'OVS_DBDIR': switch, 'OVS_LOGDIR': str(places.LOGS),
                **{name: str(value) for name, value in more.items()}}

    def run(self, *words: object, seconds: float = box.SECONDS,
            check: bool = True, stdin: str = '', **more: object
            ) -> 'subprocess.CompletedProcess[str]':
        """Run a command as the cloud's processes are run.

        :param more: variables of its environment
        """
        return self.box.run(
            *map(str, words), seconds=seconds, check=check, stdin=stdin,
            env=self.environment(**more))

    def start(self, name: str, *words: object, **more: object) -> None:
        """Start a daemon that stays in the foreground.

        One that a visitor has stopped is the cloud's again.

        :raises Failed: it has not begun in time
        """
        # The number that it has in here, by which it can be stopped; that of
        # a daemon before it would stop somebody else.
        noted = self.outside(places.PIDS / name)
        noted.unlink(missing_ok=True)
        note = ('echo $$ >"$0.new"; mv "$0.new" "$0"; exec "$@"',
                str(places.PIDS / name))
        visited = self.box if isinstance(self.box, Visited) \
            and name in self._owed else None
        if visited:
            more |= {leftovers.VARIABLE: visited.owner()}
        with self.log(name).open('ab') as output:
            self._daemons[name] = self.box.popen(
                ['sh', '-c', *note, *map(str, words)],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                env=self.environment(**more))
        end = time.monotonic() + patience.seconds(60)
        while not noted.exists():
            if time.monotonic() > end or \
                    self._daemons[name].poll() and not noted.exists():
                raise Failed(f'{name} has not begun; it said: '
                             f'{self.said(name)}')
            time.sleep(0.02)
        if visited:
            visited.leave(self._daemons.pop(name))
            self._owed.remove(name)

    def log(self, name: str) -> pathlib.Path:
        return self.outside(places.LOGS / f'{name}.out')

    def said(self, name: str, characters: int = 3000) -> str:
        log = self.log(name)
        return log.read_text(errors='replace')[-characters:] \
            if log.exists() else ''

    def daemons(self) -> list[str]:
        """Return the daemons, as they were started."""
        return list(self._daemons)

    def ended(self) -> list[str]:
        """Return the daemons that should live and do not."""
        return [name for name, process in self._daemons.items()
                if process.poll() is not None]

    def until(self, what: str, question: Callable[[], object],
              seconds: float = SECONDS, pause: float = 0.2) -> None:
        """Wait until something holds.

        :raises Failed: it does not in time, or a daemon has ended
        """
        end = time.monotonic() + patience.seconds(seconds)
        while not question():
            for name in self.ended():
                raise Failed(f'{name} ended while {what} was waited for; it '
                             f'said: {self.said(name)}')
            if time.monotonic() > end:
                raise Failed(f'{what}: not after {seconds:g} s; see '
                             f'{self.outside(places.LOGS)}')
            time.sleep(pause)

    def listens(self, port: int) -> bool:
        """Tell if somebody in here accepts connections on a port."""
        listing = self.box.run('ss', '-Hltn', f'sport = {port}').stdout
        return bool(listing.strip())

    def stop(self, name: str, signal: str = 'TERM', seconds: float = 60
             ) -> None:
        """Stop a daemon, which may finish what it is at, and forget it.

        :raises Failed: it is still there after that time
        """
        process = self._daemons.pop(name, None)
        if process is None:
            self._owed.add(name)
        pid = self.outside(places.PIDS / name).read_text().strip()
        self.box.run('kill', f'-{signal}', pid, check=False)
        end = time.monotonic() + patience.seconds(seconds)
        # Who visits a cloud has not started it, and waits for none of it.
        while process.poll() is None if process else not self.box.run(
                'kill', '-0', pid, check=False).returncode:
            if time.monotonic() > end:
                raise Failed(f'{name} does not stop within {seconds:g} s: '
                             f'{self.said(name)}')
            time.sleep(0.1)

    @contextlib.contextmanager
    def frozen(self, *names: str) -> Iterator[None]:
        """Have daemons stand still for a moment."""
        pids = [self.outside(places.PIDS / name).read_text().strip()
                for name in names]
        try:
            self.box.run('kill', '-STOP', *pids)
            yield
        finally:
            self.box.run('kill', '-CONT', *pids)
            # Who brought them in stands still with them, and would not take
            # note of their end, which the kernel waits for.
            for name in set(names) & set(self._daemons):
                self._daemons[name].send_signal(signals.SIGCONT)

    @contextlib.contextmanager
    def network(self) -> Iterator[None]:
        """Have this thread, and those it starts, in the cloud's network."""
        with open('/proc/thread-self/ns/net') as ours, open(
                f'/proc/{self.box.pid}/ns/net') as theirs:
            _enter(theirs.fileno())
            try:
                yield
            finally:
                _enter(ours.fileno())

    def close(self) -> None:
        self.box.close()


def _enter(descriptor: int) -> None:
    if _libc.setns(descriptor, _CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))

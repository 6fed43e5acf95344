# SPDX-License-Identifier: Apache-2.0

"""Manila as a process of its own: start, wait, restart, kill, stop."""

import dataclasses
import json
import os
import pathlib
import shutil
import signal
import subprocess
import time
import typing as ty

import manila_drivers
from manila_drivers.testing.manila import config
from manila_drivers.testing.manila import environment
from manila_drivers.testing.manila import releases

# A machine that has ten times the work it can do takes that many.
START_SECONDS = 180.0
STOP_SECONDS = 25.0
#: Errors of a driver's start that no waiting mends, though Manila tries again.
HOPELESS = frozenset({'BadConfigurationException', 'InvalidParameterValue',
                      'GaneshaException'})


class ManilaFailure(Exception):
    """Manila did not start, died, or did not stop; the text says where."""


@dataclasses.dataclass(frozen=True)
class Status:
    """Hold what the process says of itself; see the launcher."""

    pid: int = 0
    port: int | None = None
    ready: ty.Mapping[str, float] = dataclasses.field(default_factory=dict)
    failed: ty.Mapping[str, str] = dataclasses.field(default_factory=dict)
    trouble: ty.Mapping[str, ty.Sequence[str]] = dataclasses.field(
        default_factory=dict)
    stopped: bool = False


class Manila:
    """One Manila.  Its state outlives the process: start it again at will.

    `settings` may be replaced between a stop and a start, which is how
    options of a backend are changed or backends added.

    :param threading: 'eventlet' or 'threads', for releases that can do both
    :param path: directories with the code of drivers, for PYTHONPATH
    :param programs: directories whose programs are found before any others
    """

    def __init__(self, place: environment.Environment,
                 release: releases.Release, settings: config.Settings,
                 threading: str | None = None,
                 path: ty.Sequence[pathlib.Path] = (),
                 programs: ty.Sequence[pathlib.Path] = ()) -> None:
        self.release = release
        self.settings = settings
        self.threading = threading or release.threading[0]
        if self.threading not in release.threading:
            raise ValueError('Manila %s does not run on %s'
                             % (release.name, self.threading))
        self._place = place
        self._path = path
        self._programs = programs
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0

    def __enter__(self) -> ty.Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.running:
            self.stop()

    @property
    def endpoint(self) -> str:
        """The API's URL; the same after a restart."""
        return 'http://127.0.0.1:%d/v2' % self._port

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def host(self, backend: str) -> str:
        """The name of a backend's share service in the API."""
        return '%s@%s' % (self.settings.host, backend)

    def start(self, wait_for: ty.Iterable[str] | None = None,
              seconds: float = START_SECONDS) -> Status:
        """Start and wait for the API and the backends.

        :param wait_for: the backends that must become ready, default all;
            one whose storage is down never does, so leave it out
        :raises ManilaFailure: a service died or the time is over
        """
        if self.running:
            raise ManilaFailure('Manila is running already')
        self._write()
        self._status_file.unlink(missing_ok=True)
        with (self.settings.logs / 'console.log').open('ab') as console:
            self._process = subprocess.Popen(
                self._command(), env=self._environment(), stdout=console,
                stderr=console, stdin=subprocess.DEVNULL,
                start_new_session=True)
        try:
            status = self.wait(wait_for, seconds)
        except BaseException:
            self.kill()
            raise
        self._port = status.port or 0
        return status

    def wait(self, wait_for: ty.Iterable[str] | None = None,
             seconds: float = START_SECONDS) -> Status:
        """Wait until the API answers and these backends are ready."""
        names = set(self.settings.backends if wait_for is None else wait_for)
        names.add('scheduler')
        end = time.monotonic() + seconds
        # What was in the way before may have been mended meanwhile.
        before = self.status().trouble
        while True:
            status = self.status()
            if status.port and names <= set(status.ready):
                return status
            if status.failed or not self.running:
                raise self._failure('did not start: %s' % (
                    '; '.join('%s: %s' % each
                              for each in status.failed.items())
                    or 'the process ended'))
            missing = sorted(names - set(status.ready))
            hopeless = [name for name in missing
                        if status.trouble.get(name, ('',))[0] in HOPELESS
                        and status.trouble[name] != before.get(name)]
            if hopeless:
                raise self._failure('did not start: %s' % _told(
                    status, hopeless))
            if time.monotonic() > end:
                raise self._failure('waited %g s for %s' % (
                    seconds, _told(status, missing) or 'the API'))
            time.sleep(0.02)

    def status(self) -> Status:
        try:
            return Status(**json.loads(self._status_file.read_text()))
        except FileNotFoundError:
            return Status()

    def stop(self) -> None:
        """Let it finish what it does and end.

        :raises ManilaFailure: it did not end in time, and was killed
        """
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise self._failure('did not stop in %g s'
                                % STOP_SECONDS) from None
        if not self.status().stopped:
            raise self._failure('ended with an error (%s)'
                                % self._process.returncode)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def restart(self, wait_for: ty.Iterable[str] | None = None) -> Status:
        self.stop()
        return self.start(wait_for)

    def log(self, mark: int = 0) -> str:
        """Return what Manila has logged since the mark."""
        try:
            with self._log_file.open('rb') as log:
                log.seek(mark)
                return log.read().decode(errors='replace')
        except FileNotFoundError:
            return ''

    def log_mark(self) -> int:
        """Where the log ends now."""
        try:
            return self._log_file.stat().st_size
        except FileNotFoundError:
            return 0

    @property
    def _log_file(self) -> pathlib.Path:
        return self.settings.logs / 'manila.log'

    @property
    def _status_file(self) -> pathlib.Path:
        return self.settings.work / 'status.json'

    def _write(self) -> None:
        settings = self.settings
        (settings.state / 'locks').mkdir(parents=True, exist_ok=True)
        settings.logs.mkdir(exist_ok=True)
        settings.paste.write_text(config.PASTE)
        (settings.work / 'policy.yaml').touch()
        # The configuration holds the storage's password.
        settings.file.touch(mode=0o600)
        settings.file.write_text(config.render(settings))

    def _command(self) -> list[str]:
        return [str(self._place.python), '-m',
                'manila_drivers.testing.manila.launcher',
                str(self.settings.file), str(self._status_file),
                str(self._port)]

    def _environment(self) -> dict[str, str]:
        path = [*self._place.path(self.release), str(self._library()),
                *map(str, self._path)]
        native = self.threading == 'threads'
        # Manila's own programs, such as rootwrap, are beside its Python.
        found = [*map(str, self._programs), str(self._place.python.parent),
                 os.environ.get('PATH', os.defpath)]
        return {**os.environ, 'PYTHONPATH': os.pathsep.join(path),
                'PATH': os.pathsep.join(found),
                'PYTHONWARNINGS': 'ignore',
                'OS_MANILA_DISABLE_EVENTLET_PATCHING': str(int(native))}

    def _library(self) -> pathlib.Path:
        """A directory with nothing but this package in it.

        The one it is installed in may be full of other versions of what
        Manila's own interpreter has.
        """
        library = self.settings.work / 'library'
        link = library / 'manila_drivers'
        library.mkdir(exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(pathlib.Path(manila_drivers.__file__).parent)
        return library

    def _failure(self, what: str) -> ManilaFailure:
        return ManilaFailure('Manila %s %s; see %s' % (
            self.release.wheel, what, self.settings.logs))


def _told(status: Status, names: ty.Iterable[str]) -> str:
    """Names of backends, each with what its driver said last."""
    return '; '.join(': '.join((name, *status.trouble.get(name, ())))
                     for name in names)


def clean(work: pathlib.Path) -> None:
    """Remove what an earlier Manila left in its work directory."""
    for name in ('state', 'log', 'library'):
        shutil.rmtree(work / name, ignore_errors=True)

# SPDX-License-Identifier: Apache-2.0

"""API, scheduler and share services of Manila, all in this process.

Run as `python -m manila_drivers.testing.manila.launcher CONF STATUS [PORT]`.
STATUS is a file that is replaced, whole, whenever something becomes true:

    {"pid": 1, "port": 8786, "ready": {"scheduler": 1.9, "alpha": 2.0},
     "failed": {"beta": "why"}, "trouble": {"gamma": ["Class", "why"]},
     "stopped": false}

`port` appears when the API answers, a service in `ready` when its driver is
initialised and its RPC server runs (after that many seconds), in `failed`
when it would have died, in `trouble` when its driver could not be set up and
Manila tries again.  SIGTERM, SIGINT and the end of the parent process
end it.
"""

# mypy: disable-error-code="import-not-found"

import gc
import inspect
import json
import logging
import os
import pathlib
import re
import signal
import sys
import threading
import time
import typing as ty

# All that is imported from here on stays; to look for garbage in it took a
# sixth of the time of a short life.
# ruff: noqa: E402
gc.set_threshold(20_000, 20, 20)

# Before anything else of Manila: like its share service, this decides whether
# threads are native or green.
import manila.cmd.share  # noqa: F401

# isort: split
from manila import coordination
from manila import rpc
from manila import service
from manila import version
from manila.common import config
from oslo_config import cfg
from oslo_log import log
from paste import deploy

from manila_drivers.testing.manila import sqlite
from manila_drivers.testing.manila import web

CONF = cfg.CONF
LOG = log.getLogger(__name__)
STOP_SECONDS = 15.0


class Status:
    """The status file; safe to use from every thread."""

    def __init__(self, path: pathlib.Path, started: float) -> None:
        self._path = path
        self._started = started
        self._lock = threading.Lock()
        self._facts: dict[str, ty.Any] = {
            'pid': os.getpid(), 'port': None, 'ready': {}, 'failed': {},
            'trouble': {}, 'stopped': False}
        self.update()

    def ready(self, name: str) -> None:
        self._note('ready', name, round(time.time() - self._started, 3))

    def failed(self, name: str, why: str) -> None:
        self._note('failed', name, why)

    def trouble(self, name: str, why: BaseException) -> None:
        self._note('trouble', name, (type(why).__name__, str(why)))

    def update(self, **facts: ty.Any) -> None:
        with self._lock:
            self._facts.update(facts)
            self._write()

    def _note(self, kind: str, name: str, fact: object) -> None:
        with self._lock:
            self._facts[kind][name] = fact
            self._write()

    def _write(self) -> None:
        draft = self._path.with_suffix('.new')
        draft.write_text(json.dumps(self._facts))
        draft.replace(self._path)


class Trouble(logging.Handler):
    """Notes why the driver of a backend could not be set up."""

    def __init__(self, status: Status) -> None:
        super().__init__(logging.ERROR)
        self._status = status

    def emit(self, record: logging.LogRecord) -> None:
        text, why = record.getMessage(), record.exc_info
        if 'during initialization of driver' not in text or not why \
                or why[1] is None:
            return
        for backend in CONF.enabled_share_backends:
            if re.search('@%s\\b' % re.escape(backend), text):
                self._status.trouble(backend, why[1])


def configure(file: str) -> None:
    log.register_options(CONF)
    sqlite.register()
    CONF(['--config-file', file], project='manila',
         version=version.version_string())
    config.verify_share_protocols()
    config.set_lib_defaults()
    log.setup(CONF, 'manila')
    rpc.init(CONF)


def accept_new_locks() -> None:
    """Let releases before 23.0 lock with the tooz of today.

    It hands two more arguments to `acquire` than their locks take.  Those
    that Manila uses are exclusive and wait for ever, which is their default.
    """
    lock = coordination.Lock
    if 'shared' in inspect.signature(lock.acquire).parameters:
        return
    acquire = lock.acquire

    def accepting(self: coordination.Lock, blocking: bool | None = None,
                  *_: object, **__: object) -> bool:
        return bool(acquire(self, blocking))

    lock.acquire = accepting


def make_tables() -> None:
    """Create what is missing.

    From the models, not by the migrations: those take twice the time of
    everything else together.
    """
    # Whose relations have to be made another way before they are.
    sqlite.load_related_in_lists()
    from manila.db.sqlalchemy import api as database
    from manila.db.sqlalchemy import models

    engine = database.get_engine()
    metadata = models.BASE.metadata or models.BASE.registry.metadata
    metadata.create_all(engine)


def services() -> dict[str, service.Service]:
    """The services, not started, by the name the status file uses.

    :raises Exception: whatever a driver's constructor raises, which ends
        a real share service, too
    """
    found = {'scheduler': service.Service.create(binary='manila-scheduler')}
    for backend in CONF.enabled_share_backends:
        found[backend] = service.Service.create(
            host='%s@%s' % (CONF.host, backend), service_name=backend,
            binary='manila-share', coordination=True)
    return found


def application(file: str) -> ty.Any:
    """The API, put together by the paste file beside manila.conf."""
    paste = pathlib.Path(file).absolute().with_name('api-paste.ini')
    return deploy.loadapp('config:%s' % paste, name='osapi_share')


def start(name: str, one: service.Service, status: Status) -> None:
    """Start a service; a driver that is not ready yet keeps us here."""
    try:
        one.start()
    except Exception as why:
        LOG.exception('Service %s died at start', name)
        status.failed(name, '%s: %s' % (type(why).__name__, why))
    else:
        status.ready(name)


def stop(running: ty.Iterable[service.Service]) -> None:
    """Let running calls finish, but not for ever."""
    workers = [threading.Thread(target=_stop, args=(one,), daemon=True)
               for one in running]
    for worker in workers:
        worker.start()
    end = time.monotonic() + STOP_SECONDS
    for worker in workers:
        worker.join(max(0.0, end - time.monotonic()))


def _stop(one: service.Service) -> None:
    try:
        one.stop()
        one.wait()
    except Exception:
        LOG.exception('A service did not stop cleanly')


def asked_to_stop() -> threading.Event:
    event = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: event.set())
    return event


def run(file: str, status: Status, port: int) -> None:
    parent = os.getppid()
    stopping = asked_to_stop()
    configure(file)
    logging.getLogger('manila.share.manager').addHandler(Trouble(status))
    accept_new_locks()
    make_tables()
    everything = services()
    # Each in a thread of its own: a backend that is down must not keep the
    # API and the other backends from coming up.
    for name, one in everything.items():
        threading.Thread(target=start, args=(name, one, status),
                         name='start-' + name, daemon=True).start()
    api = web.serve(application(file), port)
    threading.Thread(target=api.serve_forever, args=(0.05,),
                     daemon=True).start()
    status.update(port=api.server_port)
    # With a timeout, since under eventlet a signal does not wake the loop; and
    # to notice that whoever started this was killed.
    while not stopping.wait(0.1) and os.getppid() == parent:
        pass
    api.shutdown()
    stop(everything.values())


def main(arguments: list[str]) -> int:
    file, status_file, port = arguments[0], arguments[1], arguments[2:]
    status = Status(pathlib.Path(status_file), time.time())
    try:
        run(file, status, int(port[0]) if port else 0)
    except Exception as why:
        LOG.exception('Manila could not be started')
        status.failed('manila', '%s: %s' % (type(why).__name__, why))
        return 1
    status.update(stopped=True)
    return 0


if __name__ == '__main__':
    code = main(sys.argv[1:])
    logging.shutdown()
    # Threads of the services' pools may still wait for work; nobody has any.
    os._exit(code)

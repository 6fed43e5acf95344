# SPDX-License-Identifier: Apache-2.0

"""Backends that answer success to one kind of change and do nothing.

Nobody writes down what changes something: a request or a command that leaves
the backend as it was reads, and all others are changes.  So none can be
forgotten.
"""

import contextlib
import dataclasses
import logging
import pickle
import re
import threading

from manila_drivers import unseen
from manila_drivers.testing.conformance import operations
from manila_drivers.testing.conformance import seam
from manila_drivers.testing.conformance import sweep
from manila_drivers.testing.conformance import verdict
from manila_drivers.testing.conformance.scene import Scene
from manila_drivers.testing.simulators.gluster import wire
from manila_drivers.testing.simulators.web.messages import Response
from manila_drivers.transport import command

#: In what words: those of a change that was made, or as few as possible.
MODES = ('as usual', 'without a word')

#: Operations that cannot do without a change.
CHANGING = ('create', 'delete', 'extend', 'access: first rules',
            'access: all kinds of change', 'access: deny all')

REFUSED, RIGHT, TOLD, WARNED, BELIEVED = (
    'refused', 'right', 'told later', 'warned', 'believed')


@dataclasses.dataclass(frozen=True)
class Case:
    """An operation, and the change that has no effect from then on.

    :param change: its kind, with the host where there are several.
    :param nth: from which one of that kind on.
    """

    operation: str
    change: str
    nth: int
    mode: str

    def __str__(self):
        return f'{self.operation}: {self.change} #{self.nth}, {self.mode}'


class Idle:
    """Sees which calls change something, and takes that back.

    :param look: returns what there is, in a form that can be compared.
    :param put: makes it so again.
    """

    def __init__(self, look, put, lock):
        self._look, self._put, self._lock = look, put, lock
        self._seen = {}
        self.active = False
        self.case = None
        self.struck = 0
        #: (kind, which one of that kind) of the changes, in their order.
        self.changes = []

    def call(self, kind, do, mute):
        """Carry out a call, with its effect or without.

        :param mute: makes the shortest answer to say that all is well.
        """
        if not self.active:
            return do()
        with self._lock:
            before = self._look()
            answer = do()
            if self._look() == before:
                return answer
            number = self._seen[kind] = self._seen.get(kind, 0) + 1
            self.changes.append((kind, number))
            case = self.case
            if case is None or kind != case.change or number < case.nth:
                return answer
            self.struck += 1
            self._put(before)
            return answer if case.mode == MODES[0] else mute(answer)

    @contextlib.contextmanager
    def watching(self, case=None):
        """Count from now on, or have what a case says happen."""
        self._seen.clear()
        self.changes = []
        self.case, self.active = case, True
        try:
            yield
        finally:
            self.active = False


# Where each kind of simulator keeps what there is, and takes calls

def gpfs(lab):
    """The cluster, and the NFS servers beside it."""
    def parts():
        yield lab.sim.state, ('filesets', 'directories', 'exports', 'jobs',
                              'orphans', 'locks', 'pending')
        for server in lab.sim.servers.values():
            yield server.files, ('text', 'directories', 'leads')
            yield server, ('exports', 'running')

    idle = Idle(*_kept(parts), lab.sim.lock)
    run = lab.sim.run

    def answered(words, stdin='', host=''):
        return idle.call(
            _gpfs_kind(words, host if host in lab.sim.servers else ''),
            lambda: run(words, stdin, host),
            lambda answer: command.Result('', '', 0))
    lab.sim.run = answered
    return idle


def _gpfs_kind(words, host):
    """Return what a command does, without names."""
    if words[0] == 'flock':
        words = words[5:] if '-E' in words else words[4:]
    name = words[0].rpartition('/')[2]
    if name == 'mmnfs':
        name += ' ' + words[2]
    elif name == 'sh' and len(words) > 3:
        name = words[3]
    elif name == 'dbus-send':
        name = words[-1] if '.' in words[-1] else next(
            word for word in words if 'exportmgr.' in word)
        name = name.rpartition('.')[2]
    elif name == 'exportfs':
        name += ' ' + words[1]
    return f'{name} on {host}' if host else name


def vast(lab):
    state = lab.sim.state

    def parts():
        for table in state.tables.values():
            yield table, ('rows', '_index')
        yield state, ('trees', 'in_trash', 'snapshot_bytes', 'running')

    look, put = _kept(parts)

    def look_too():
        return look(), list(state.timeline._due)

    def put_too(seen):
        put(seen[0])
        state.timeline._due[:] = seen[1]

    idle = Idle(look_too, put_too, lab.sim.lock)
    respond = lab.sim.respond

    def answered(request):
        def mute(answer):
            if request.verb == 'PATCH' and resource[-1] != 'stop':
                return respond(request._replace(verb='GET', body=b''))
            return Response(200, b'', {})
        if request.verb == 'GET':
            return respond(request)
        resource = [part for part in request.path.split('/')[3:]
                    if part and not part.isdecimal()]
        return idle.call(f'{request.verb} {"/".join(resource)}',
                         lambda: respond(request), mute)
    lab.sim.respond = answered
    return idle


def gluster(lab):
    """The cluster, and what is mounted on the host."""
    state, host = lab.sim.state, lab.host

    def parts():
        yield state, ('volumes', 'snapshots')

    look, put = _kept(parts)

    def look_too():
        # Mounts are held by others as well, and stay the same objects.
        return (look(), [(mount, mount.alive) for mount in state.mounts],
                dict(host._mounts), set(host.directories))

    def put_too(seen):
        put(seen[0])
        state.mounts[:] = [mount for mount, _ in seen[1]]
        for mount, alive in seen[1]:
            mount.alive = alive
        host._mounts, host.directories = dict(seen[2]), set(seen[3])

    idle = Idle(look_too, put_too, threading.RLock())
    one, run = lab.sim._cli._one, host._run

    def answered(words, **flags):
        return idle.call(
            ' '.join(words[:2] if words[1] != 'quota' else words[:2]
                     + words[3:4]), lambda: one(words, **flags),
            lambda answer: wire.Reply(wire.document([])))

    def ran(argv, stdin):
        if argv[0] == 'gluster':
            return run(argv, stdin)
        return idle.call(argv[0], lambda: run(argv, stdin),
                         lambda answer: wire.Reply())
    lab.sim._cli._one, host._run = answered, ran
    return idle


def _kept(parts):
    """How to see, and to restore, some attributes of objects."""
    def look():
        return pickle.dumps([
            {name: vars(owner)[name] for name in names
             if name in vars(owner)} for owner, names in parts()])

    def put(seen):
        for (owner, _), values in zip(
                parts(), pickle.loads(seen), strict=True):  # noqa: S301
            vars(owner).update(values)
    return look, put


# What becomes of an operation then

# A record of VMS by its number, or a volume of the pool.
_OBJECT = re.compile(r'/\w+/\d+/|[Vv]olume pool-10G|pool-10G-\d+')


class _Told(logging.Handler):
    """Keeps what operators are told of as wrong."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.lines = []

    def emit(self, record):
        line = record.getMessage()
        # What may have been another host as well is a warning.
        if record.levelno >= logging.ERROR or unseen.EITHER in line:
            self.lines.append(line)


@contextlib.contextmanager
def _listening():
    handler, logger = _Told(), logging.getLogger('manila_drivers')
    logger.addHandler(handler)
    try:
        yield handler.lines
    finally:
        logger.removeHandler(handler)


class Play:
    """One operation in a lab whose backend may be idle."""

    def __init__(self, make_lab, attach, operation):
        self.operation = operation
        self._idles = []

        def made():
            lab = make_lab()
            self._idles.append(attach(lab))
            return lab
        self.scene = Scene(made)
        self.idle = self._idles[-1]

    def __enter__(self):
        self.operation.prepare(self.scene)
        self.scene.manager.restart()
        return self

    def __exit__(self, *args):
        self.scene.close()

    def end(self):
        self.scene.lab.settle()
        return dict(self.scene.lab.records()), self.scene.levels()

    def names(self):
        """Return what a message has to name one of."""
        scene = self.scene
        return (scene.share.id, scene.other.id, scene.clone.id,
                scene.snapshot.id, 'legacy')


def changes(make_lab, attach, operation):
    """An undisturbed run: what it changes, and what there is then."""
    with Play(make_lab, attach, operation) as play:
        with play.idle.watching():
            operation.act(play.scene)
        made = list(dict.fromkeys(play.idle.changes))
        return made, play.end()


def outcome(make_lab, attach, operation, case, goal):
    """Return what becomes of a case, and what was said.

    :param goal: what there is after an undisturbed run.
    """
    with Play(make_lab, attach, operation) as play, \
            play.idle.watching(case):
        with _listening() as warnings:
            try:
                operation.act(play.scene)
            except (verdict.Violation, seam.Killed):
                raise
            except Exception as exc:  # noqa: BLE001 - looked at
                sweep.documented(play.scene.lab, exc)
                _naming(play, str(exc))
                return REFUSED, str(exc)
        verdict.require(play.idle.struck, 'nothing.struck', str(case))
        play.scene.lab.settle()
        if play.end() == goal:
            return RIGHT, ''
        told = _checked(play)
        if told or play.end() == goal:
            return TOLD, told
        named = next(_telling(play, warnings), '')
        return (WARNED, named) if named else (BELIEVED, '')


def _checked(play):
    """Return what the periodic calls and a start say of it."""
    scene, manager = play.scene, play.scene.manager
    if scene.clone.tried and scene.clone.status == 'creating_from_snapshot':
        with _listening():
            for _ in range(5):
                scene.lab.settle()
                if manager.poll(scene.clone) != 'creating_from_snapshot':
                    break
            else:
                return 'never becomes available'
    shares = [share for share in (scene.share, scene.other, scene.clone)
              if share.tried and share.id in manager.shares
              and share.status == 'available'
              and not play.operation.name.startswith('delete')]
    with _listening() as lines:
        manager.stats()
        try:
            told = manager.ensure(shares)
        except Exception as exc:  # noqa: BLE001 - looked at
            return str(exc)
    for answer in told.values():
        if not answer or answer.get('status') == 'error' \
                or answer.get('reapply_access_rules'):
            return str(answer)
    return next(_telling(play, lines), '')


def _telling(play, lines):
    """The lines that name a share, and are about no rule of somebody."""
    return (line for line in lines if _names(play, line)
            and 'is put in error' not in line)


def _names(play, text):
    return any(name in text for name in play.names())


def _naming(play, text):
    """An error says what it is about, at least in the backend's words."""
    verdict.require(_names(play, text) or _OBJECT.search(text),
                    'error.names', text)


def cases(make_lab, attach):
    """All cases of a lab, and the goals, by operation."""
    lab = make_lab()
    try:
        chosen = operations.tried(lab)
    finally:
        lab.close()
    found, goals = [], {}
    for operation in chosen:
        made, end = changes(make_lab, attach, operation)
        verdict.require(made or operation.name not in CHANGING,
                        'nothing.changes', operation.name)
        goals[operation.name] = operation, end
        found += [Case(operation.name, kind, nth, mode)
                  for kind, nth in made for mode in MODES]
    return found, goals

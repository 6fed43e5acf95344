# SPDX-License-Identifier: Apache-2.0

"""The few commands of Unix that a driver runs on a node, on values.

Where a simulator keeps real directories the real ones are run instead.
"""

from collections.abc import Callable
import time
from typing import Any

from manila_drivers.testing.simulators.gpfs.state import Job
from manila_drivers.testing.simulators.gpfs.state import Jobs
from manila_drivers.testing.simulators.gpfs.state import State

Answer = tuple[str, str, int]


def stat(sim: Any, words: list[str]) -> Answer:
    path = words[-1]
    kind = sim.kind(path)
    if kind and '%m' in words:
        return (sim.state.mounted or sim.state.mount if _inside(
            sim.state, path) else '/') + '\n', '', 0
    if not kind:
        return '', (f"stat: cannot statx '{path}': No such file or "
                    f"directory\n"), 1
    return kind + '\n', '', 0


def readlink(sim: Any, words: list[str]) -> Answer:
    real = sim.state.real(words[-1])
    if sim.state.mounted and _inside(sim.state, real):
        real = sim.state.mounted + real.removeprefix(sim.state.mount)
    return real + '\n', '', 0


def _inside(state: State, path: str) -> bool:
    """Tell if a path is in the file system, by any name of it."""
    return (state.real(path) + '/').startswith(state.mount + '/')


def df(sim: Any, words: list[str]) -> Answer:
    path, state = words[-1], sim.state
    if not sim.kind(path):
        return '', f'df: {path}: No such file or directory\n', 1
    if not _inside(state, path):
        return ('Filesystem 1-blocks Used Available Capacity Mounted on\n'
                '/dev/vda1 1000 1 999 1% /\n'), '', 0
    total = state.options.total
    used = sum(sim.used(one) for one in state.filesets.values()) \
        * state.options.replicas
    return (f'Filesystem 1-blocks Used Available Capacity Mounted on\n'
            f'{state.device} {total} {used} {total - used} '
            f'{100 * used // total}% {state.mount}\n'), '', 0


def cat(sim: Any, words: list[str]) -> Answer:
    if words != ['/proc/sys/kernel/random/boot_id']:
        return '', f'cat: {words[-1]}: No such file or directory\n', 1
    return sim.boot + '\n', '', 0


def chmod(sim: Any, words: list[str]) -> Answer:
    found = sim.state.at(words[-1])
    if found is None:
        return '', f'chmod: cannot access: {words[-1]}\n', 1
    found.mode = words[-2]
    return '', '', 0


def chown(sim: Any, words: list[str]) -> Answer:
    found = sim.state.at(words[-1])
    if found is None:
        return '', f'chown: cannot access: {words[-1]}\n', 1
    found.owner = words[-2]
    return '', '', 0


def mv(sim: Any, words: list[str]) -> Answer:
    source, target = words[-2:]
    found = sim.state.at(source)
    if found is None or sim.kind(target):
        return '', f'mv: cannot move {source} to {target}\n', 1
    if sim.state.around(source.rpartition('/')[0]) is not \
            sim.state.around(target.rpartition('/')[0]):
        return '', 'mv: Invalid cross-device link\n', 1
    found.path = sim.state.real(target)
    return '', '', 0


def date(sim: Any, words: list[str]) -> Answer:
    if words != ['+%s']:
        return '', f"date: invalid date '{words[-1:]}'\n", 1
    return f'{int(time.time() + sim.ahead)}\n', '', 0


def rsync(sim: Any, words: list[str]) -> Answer:
    if not sim.state.options.rsync:
        return '', 'sh: rsync: not found\n', 127
    return 'rsync  version 3.2.7  protocol version 31\n', '', 0


def settle(sim: Any) -> None:
    """Let copies and restores end whose time has come."""
    due = [words for ends, words in sim.state.pending if sim.clock() >= ends]
    sim.state.pending = [pair for pair in sim.state.pending
                         if sim.clock() < pair[0]]
    for words in due:
        sim.run(words)
    for job in _all_jobs(sim):
        if job.running and job.frozen is None and sim.clock() >= job.ends:
            _end(sim, job)


def _all_jobs(sim: Any) -> list[Job]:
    return [*sim.state.orphans, *(job for jobs in sim.state.jobs.values()
                                  for job in jobs.attempts)]


def _end(sim: Any, job: Job) -> None:
    """Leave nothing but what it has copied."""
    state = sim.state
    job.running = False
    if state.options.copy_dies > 0:
        state.options.copy_dies -= 1
        job.died = True
        return
    job.status = state.options.copy_status
    target = next((one for one in state.filesets.values()
                   if one.ident == job.target), None)
    parent, _, name = job.source.partition('/.snapshots/')
    source = state.at(parent)
    snapshot = source.snapshots.get(name) if source else None
    if target is None or not target.path or snapshot is None:
        job.status = 23
    elif job.status == 0:
        target.used, target.mode, target.owner = (
            snapshot.used, snapshot.mode, snapshot.owner)


def freeze(sim: Any, host: str) -> None:
    """A host stands still, with all that runs on it."""
    for job in _all_jobs(sim):
        if job.host == host and job.frozen is None:
            job.frozen = sim.clock()


def thaw(sim: Any, host: str) -> None:
    """It goes on as if nothing had been."""
    for job in _all_jobs(sim):
        if job.host == host and job.frozen is not None:
            away = sim.clock() - job.frozen
            job.begun, job.ends = job.begun + away, job.ends + away
            job.frozen = None
    settle(sim)


def sh(sim: Any, words: list[str], host: str = '') -> Answer:
    """The driver's own scripts, known by their names."""
    jobs = {'manila-copy-start': _start, 'manila-copy-state': _state,
            'manila-copy-list': _list, 'manila-copy-stop': _stop,
            'manila-copy-renew': _renew}
    if words[:1] != ['-c'] or len(words) < 3 or words[2] not in jobs:
        return '', 'sh: not simulated\n', 2
    return jobs[words[2]](sim, words[3:], host)


def _start(sim: Any, words: list[str], host: str) -> Answer:
    _, name, number, source, target = words[:5]
    owner = words[7]
    known = sim.state.jobs.get(name, Jobs())
    # Only the next one can be begun, and only once.
    if int(number) != len(known.attempts) + 1:
        return '', '', 0
    fileset = sim.state.filesets.get(name)
    if fileset is None or not fileset.comment.startswith(
            f'manila:{owner} from '):
        return '', f'fileset {name} is not to be filled\n', 3
    if fileset.path != sim.state.real(target):
        return '', f'cd: {target}: No such file or directory\n', 1
    now, seconds = sim.clock(), sim.state.options.copy_seconds
    if any(job.target == fileset.ident for job in known.attempts):
        # Most of it is there.
        seconds /= 10
    sim.state.jobs[name] = known
    known.attempts.append(Job(
        source, fileset.ident, host, now, now + seconds))
    known.renewing = ''
    settle(sim)
    return '', '', 0


def _state(sim: Any, words: list[str], host: str) -> Answer:
    jobs = sim.state.jobs.get(words[1])
    if jobs is None:
        return 'none 0\n', '', 0
    tries = len(jobs.attempts)
    if jobs.renewing:
        return f'renewing {tries}\n{jobs.renewing}\n', '', 0
    job = jobs.attempts[-1]
    if job.status is not None:
        return f'ended {tries} {job.status}\nlast words\n', '', 0
    if job.host != host:
        # Locks are a node's own: nothing can be said of another's.
        return (f'elsewhere {tries} {job.host or "here"} '
                f'{job.beat(sim.clock())}\n'), '', 0
    return f'{"running" if job.running else "died"} {tries}\n', '', 0


def _list(sim: Any, words: list[str], host: str) -> Answer:
    return ''.join(
        f'{name} {_state(sim, [words[0], name], host)[0].splitlines()[0]}\n'
        for name in sorted(sim.state.jobs)), '', 0


def _renew(sim: Any, words: list[str], host: str) -> Answer:
    sim.state.jobs[words[1]].renewing = words[2]
    return '', '', 0


def _stop(sim: Any, words: list[str], host: str) -> Answer:
    """The last attempt is ended; but where a host stands still it does not
    hear of it, and those before it were believed dead."""
    jobs = sim.state.jobs.pop(words[1], Jobs())
    sim.state.orphans += [
        job for job in jobs.attempts if job.running and (
            job.frozen is not None or job is not jobs.attempts[-1])]
    return '', '', 0


COMMANDS: dict[str, Callable[..., Answer]] = {
    'stat': stat, 'df': df, 'readlink': readlink, 'cat': cat,
    'chmod': chmod, 'chown': chown, 'mv': mv, 'rsync': rsync,
    'date': date}

#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#         http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.

"""The few commands of Unix that a driver runs on a node, on values.

Where a simulator keeps real directories the real ones are run instead.
"""

from collections.abc import Callable
from typing import Any

from manila_drivers.simulators.gpfs import state as state_module

Refused = state_module.Refused
Answer = tuple[str, str, int]


def stat(sim: Any, words: list[str]) -> Answer:
    path = words[-1]
    kind = sim.kind(path)
    if not kind:
        return '', (f"stat: cannot statx '{path}': No such file or "
                    f"directory\n"), 1
    return kind + '\n', '', 0


def df(sim: Any, words: list[str]) -> Answer:
    path, state = words[-1], sim.state
    if not sim.kind(path):
        return '', f'df: {path}: No such file or directory\n', 1
    if not (path + '/').startswith(state.mount + '/'):
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
    found.path = target
    return '', '', 0


def rsync(sim: Any, words: list[str]) -> Answer:
    if not sim.state.options.rsync:
        return '', 'sh: rsync: not found\n', 127
    return 'rsync  version 3.2.7  protocol version 31\n', '', 0


def sh(sim: Any, words: list[str]) -> Answer:
    """The driver's own scripts, known by their names."""
    jobs = {'manila-copy-start': _start, 'manila-copy-state': _state,
            'manila-copy-stop': _stop}
    if words[:1] != ['-c'] or len(words) < 3 or words[2] not in jobs:
        return '', 'sh: not simulated\n', 2
    return jobs[words[2]](sim, words[3:])


def settle(sim: Any) -> None:
    """Let copies end whose time has come."""
    for job in sim.state.jobs.values():
        if job.running and sim.clock() >= job.ends:
            _end(sim, job)


def _end(sim: Any, job: state_module.Job) -> None:
    state = sim.state
    job.running = False
    if state.options.copy_dies > 0:
        state.options.copy_dies -= 1
        job.died = True
        return
    job.status = state.options.copy_status
    target = state.at(job.target)
    parent, _, name = job.source.partition('/.snapshots/')
    source = state.at(parent)
    snapshot = source.snapshots.get(name) if source else None
    if target is None or snapshot is None:
        job.status = 23
    elif job.status == 0:
        target.used, target.mode, target.owner = (
            snapshot.used, snapshot.mode, snapshot.owner)


def _start(sim: Any, words: list[str]) -> Answer:
    _, name, source, target = words[:4]
    known = sim.state.jobs.get(name)
    if known is not None and known.running:
        return '', '', 0
    tries = known.tries if known else 0
    sim.state.jobs[name] = state_module.Job(
        source, target, sim.clock() + sim.state.options.copy_seconds,
        tries + 1)
    settle(sim)
    return '', '', 0


def _state(sim: Any, words: list[str]) -> Answer:
    job = sim.state.jobs.get(words[1])
    if job is None:
        return 'none 0\n', '', 0
    if job.running:
        return f'running {job.tries}\n', '', 0
    if job.died:
        return f'died {job.tries}\n', '', 0
    return f'ended {job.tries} {job.status}\nlast words\n', '', 0


def _stop(sim: Any, words: list[str]) -> Answer:
    sim.state.jobs.pop(words[1], None)
    return '', '', 0


COMMANDS: dict[str, Callable[[Any, list[str]], Answer]] = {
    'stat': stat, 'df': df, 'cat': cat,
    'chmod': chmod, 'chown': chown, 'mv': mv, 'rsync': rsync, 'sh': sh}

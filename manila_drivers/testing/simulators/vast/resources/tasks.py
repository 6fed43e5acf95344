# SPDX-License-Identifier: Apache-2.0

"""``vtasks``: what goes on after an answer."""

from collections.abc import Callable

from manila_drivers.testing.simulators.vast.resources import base
from manila_drivers.testing.simulators.vast.state import State
from manila_drivers.testing.simulators.vast.wire import Record

KEPT = 1000


class Tasks(base.Resource):
    """Older ones are forgotten, as on a real cluster."""

    name = 'vtasks'
    filters = {**base.COMMON, 'state': 'state'}


def new_task(state: State, name: str, delay: float,
             effect: Callable[[], None]) -> Record:
    """Start a task; what a client is told is that it runs.

    Even with no delay the answer says RUNNING, and the next look at it says
    how it ended: a client that does not look knows nothing.
    """
    table = state.tables['vtasks']
    task = table.add({
        'name': name, 'guid': state.guid(), 'state': 'RUNNING',
        'messages': [f'{name} started'], 'start_time': state.now(),
        'end_time': None, 'execution_time': 0,
        'timeout_in_seconds': 600, 'info': None})
    first = {**task, 'messages': list(task['messages'])}
    if len(table) > KEPT:
        table.remove(next(iter(table)))

    def finish() -> None:
        failed = state.options.task_fails
        if not failed:
            effect()
        ended = 'FAILED' if failed else 'COMPLETED'
        task.update(
            state=None if state.options.tasks_end_untold else ended,
            end_time=state.now(), execution_time=delay)
        task['messages'].append(
            f'{name} failed: not enough resources' if failed
            else f'{name} completed')
    state.timeline.after(delay, finish)
    return first

# SPDX-License-Identifier: Apache-2.0

"""``globalsnapstreams``: clones of snapshots, copied in the background."""

import functools

from manila_drivers.testing.simulators.vast.resources import base
from manila_drivers.testing.simulators.vast.resources.tasks import new_task
from manila_drivers.testing.simulators.vast.state import State
from manila_drivers.testing.simulators.vast.tree import parent_of
from manila_drivers.testing.simulators.vast.wire import Call
from manila_drivers.testing.simulators.vast.wire import detail
from manila_drivers.testing.simulators.vast.wire import not_unique
from manila_drivers.testing.simulators.vast.wire import Record
from manila_drivers.testing.simulators.web.messages import answer
from manila_drivers.testing.simulators.web.messages import Response

TABLE = 'globalsnapstreams'
QUARTERS = (25, 50, 75)


class Streams(base.Resource):
    """Made by cloning a snapshot.  Stop, pause, resume and delete."""

    name = TABLE
    tenanted = True
    filters = {**base.COMMON, 'state': 'state', 'enabled': 'enabled',
               'loanee_snapshot_id': 'loanee_snapshot_id',
               'loanee_snapshot__id': 'loanee_snapshot_id',
               'loanee_snapshot__name': 'loanee_snapshot',
               'loanee_root_path': 'loanee_root_path',
               'loanee_tenant__id': 'tenant_id', 'tenant_id': 'tenant_id'}

    def routes(self) -> base.Routes:
        return {**super().routes(),
                ('DELETE', True, ''): self.delete,
                ('PATCH', True, 'stop'): self.stop,
                ('PATCH', True, 'pause'): self.pause,
                ('PATCH', True, 'resume'): self.resume}

    def stop(self, call: Call) -> Response:
        stream = self.one(call)

        def stopped() -> None:
            if stream['id'] not in self.table.rows:
                return
            if self.options.stop_deletes_stream:
                forget(self.state, stream)
            elif stream['id'] in self.state.running:
                settle(self.state, stream, 'Suspended', 'STOPPED')
        return answer(200, new_task(self.state, 'stop_globalsnapstream',
                                    self.options.task_delay, stopped))

    def pause(self, call: Call) -> Response:
        stream = self.one(call)
        stream['enabled'] = False
        return answer(200, stream)

    def resume(self, call: Call) -> Response:
        stream = self.one(call)
        stream['enabled'] = True
        return answer(200, stream)

    def delete(self, call: Call) -> Response:
        stream = self.one(call)
        self.require_known(call.body, ('remove_dir',))
        if stream['id'] in self.state.running:
            raise detail(400, 'Stop the global snapshot before deleting it.')
        remove_dir = call.body.get('remove_dir') is True
        path, tenant_id = stream['loanee_root_path'], stream['tenant_id']

        def gone() -> None:
            if stream['id'] not in self.table.rows:
                return
            forget(self.state, stream)
            if remove_dir and path in self.state.trees[tenant_id]:
                self.state.discard(tenant_id, path)
        return answer(200, new_task(self.state, 'delete_globalsnapstream',
                                    self.options.task_delay, gone))


def start_stream(state: State, snapshot: Record, name: str, target: str,
                 tenant_id: int, enabled: bool) -> Record:
    """Begin a clone; the answer is a record of the first moment.

    :raises ApiError: 400, name taken, target exists or has no parent.
    """
    options, tree = state.options, state.trees[tenant_id]
    table = state.tables[TABLE]
    for _ in table.in_tenant('name', name, tenant_id):
        raise not_unique()
    if target in tree:
        raise detail(400, f'{target} already exists.')
    if options.clone_needs_parent and parent_of(target) not in tree:
        raise detail(400, f'no such directory: {parent_of(target)}')
    tree.make(target, state.now())
    stream = table.add(_record(state, snapshot, name, target, tenant_id,
                               enabled))
    state.running.add(stream['id'])
    snap = {**stream, 'status': dict(stream['status'])}
    size = state.snapshot_bytes.get(snapshot['id'], 0)
    task = new_task(state, 'create_globalsnapstream',
                    options.clone_init_delay,
                    lambda: _initialised(state, stream, size))
    return {**snap, 'async_task': task}


def _record(state: State, snapshot: Record, name: str, target: str,
            tenant_id: int, enabled: bool) -> Record:
    tenant, owner = (
        {'name': record['name'], 'guid': record['guid']}
        for record in (state.tables['tenants'].rows[tenant_id],
                       state.tables['tenants'].rows[snapshot['tenant_id']]))
    return {
        'guid': state.guid(), 'name': name, 'enabled': enabled,
        'loanee_root_path': target, 'loanee_snapshot': snapshot['name'],
        'loanee_snapshot_id': snapshot['id'], 'loanee_tenant': tenant,
        'tenant_id': tenant_id,
        'owner_tenant': owner,
        'owner_root_snapshot': {'name': snapshot['name'],
                                'id': snapshot['id']},
        'source_path': snapshot['path'], 'source_snapshot': snapshot['name'],
        'state': 'Initializing', 'external_state': 'Initializing',
        'status': {'state': 'INITIALIZING'}, 'sync_progress': 0, 'eta': None,
        'bw': 0, 'health': 'OK', 'direction': 'LOCAL',
        'created': state.now()}


def _initialised(state: State, stream: Record, size: int) -> None:
    """Usable from now on; the copy goes on behind it."""
    path, tenant_id = stream['loanee_root_path'], stream['tenant_id']
    if stream['id'] not in state.running:
        return
    if path in state.trees[tenant_id]:
        state.hold(tenant_id, path, size)
    if not stream['enabled']:
        _progress(state, stream, 'Active', 0)
        return
    _progress(state, stream, 'Syncing', 0)
    whole = max(0.0,
                state.options.clone_delay - state.options.clone_init_delay)
    for quarter in QUARTERS:
        state.timeline.after(whole * quarter / 100, functools.partial(
            _progress, state, stream, 'Syncing', quarter))
    end = (('Suspended', 'FAILED') if state.options.clone_fails
           else ('Completed', 'FINISHED'))
    state.timeline.after(whole, lambda: settle(state, stream, *end))


def _progress(state: State, stream: Record, name: str, percent: int) -> None:
    if stream['id'] in state.running:
        stream.update(state=name, external_state=name, sync_progress=percent,
                      status={'state': name.upper()})


def settle(state: State, stream: Record, name: str, inner: str) -> None:
    """The stream comes to rest: no more copying."""
    if stream['id'] not in state.running:
        return
    if inner == 'FINISHED':
        stream['sync_progress'] = 100
    stream.update(state=name, external_state=name, status={'state': inner})
    # One that failed still needs its snapshot until somebody stops it.
    if inner != 'FAILED':
        state.running.discard(stream['id'])


def forget(state: State, stream: Record) -> None:
    state.running.discard(stream['id'])
    state.tables[TABLE].remove(stream)

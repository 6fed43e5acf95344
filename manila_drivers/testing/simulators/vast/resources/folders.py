# SPDX-License-Identifier: Apache-2.0

"""``folders``: directories, made, described, locked and thrown away."""

from collections.abc import Callable

from manila_drivers.testing.simulators.vast import fields
from manila_drivers.testing.simulators.vast.resources import base
from manila_drivers.testing.simulators.vast.resources.streams import forget
from manila_drivers.testing.simulators.vast.resources.streams import TABLE
from manila_drivers.testing.simulators.vast.resources.tasks import new_task
from manila_drivers.testing.simulators.vast.state import State
from manila_drivers.testing.simulators.vast.tree import Directory
from manila_drivers.testing.simulators.vast.wire import Call
from manila_drivers.testing.simulators.vast.wire import detail
from manila_drivers.testing.simulators.vast.wire import Record
from manila_drivers.testing.simulators.web.messages import answer
from manila_drivers.testing.simulators.web.messages import number
from manila_drivers.testing.simulators.web.messages import Response

FIELDS = frozenset(('path', 'tenant_id', 'create_dir_mode', 'user', 'group',
                    'owner_is_group', 'inherit_acl'))


class Folders(base.Resource):
    """Every verb carries a JSON body, DELETE included."""

    name = 'folders'

    def __init__(self, state: State) -> None:
        self.state = state
        self.options = state.options

    def routes(self) -> base.Routes:
        return {('DELETE', False, 'delete_folder'): self.delete,
                ('POST', False, 'create_folder'): self.create,
                ('PATCH', False, 'modify_folder'): self.modify,
                ('POST', False, 'stat_path'): self.stat,
                ('GET', False, 'read_only'): self.locked,
                ('POST', False, 'read_only'): self.lock,
                ('DELETE', False, 'read_only'): self.unlock}

    def create(self, call: Call) -> Response:
        path, tenant_id = self.target(call)
        self.state.trees[tenant_id].make(path, self.state.now(),
                                         fields.mode(call.body))
        self.own(self.state.trees[tenant_id][path], call.body)
        return answer(200, {'path': path})

    def delete(self, call: Call) -> Response:
        path, tenant_id = self.target(call)
        if not self.options.trash_enabled:
            raise detail(400, 'trash folder disabled')
        self.require(path, tenant_id)
        if path == '/':
            raise detail(400, 'The root directory cannot be deleted.')
        self.release_streams(path, tenant_id)

        def gone() -> None:
            if path in self.state.trees[tenant_id]:
                self.state.discard(tenant_id, path)
        if self.options.folder_tasks:
            return answer(200, {'async_task': new_task(
                self.state, 'delete_folder', self.options.task_delay, gone)})
        gone()
        return answer(200, {'path': path})

    def release_streams(self, path: str, tenant_id: int) -> None:
        """:raises ApiError: 400, data still flows into the directory."""
        below = path + '/'
        for stream in list(self.state.tables[TABLE]):
            target = stream['loanee_root_path']
            if stream['tenant_id'] != tenant_id or not (
                    target == path or target.startswith(below)):
                continue
            if stream['id'] in self.state.running:
                raise detail(self.options.in_use_status,
                             f'{path} is in use by global snapshot '
                             f'{stream["name"]}.')
            if not self.options.streams_outlive_folder:
                forget(self.state, stream)

    def modify(self, call: Call) -> Response:
        self.own(self.directory(call), call.body)
        return answer(200, {'path': call.body['path']})

    def stat(self, call: Call) -> Response:
        path, tenant_id = self.target(call)
        base_path, found, name = path.partition('/.snapshot/')
        if found:
            path = base_path or '/'
            self.require_snapshot(path, name, tenant_id)
        directory = self.require(path, tenant_id)
        return answer(200, {
            'path': path, 'is_directory': True,
            'children': len(directory.children),
            'owning_user': directory.owner, 'owning_group': directory.group,
            'owning_uid': 0 if directory.owner == 'root' else 1000,
            'owning_gid': 0 if directory.group == 'root' else 1000,
            'mode': f'{directory.mode:o}', 'atime': directory.created,
            'mtime': directory.created, 'ctime': directory.created})

    def locked(self, call: Call) -> Response:
        asked = dict(call.params)
        if 'tenant_id' in asked:
            call.body['tenant_id'] = number(asked['tenant_id']) or 0
        call.body.setdefault('path', asked.get('path'))
        directory = self.directory(call)
        return answer(200, {
            'root_path': call.body['path'],
            'state': 'READ_ONLY' if directory.read_only else 'READ_WRITE'})

    def lock(self, call: Call) -> Response:
        self.directory(call).read_only = True
        return answer(200, {'root_path': call.body['path'],
                            'state': 'READ_ONLY'})

    def unlock(self, call: Call) -> Response:
        self.directory(call).read_only = False
        return answer(204, None)

    # Help

    def target(self, call: Call) -> tuple[str, int]:
        self.require_known(call.body, FIELDS)
        return fields.path(call.body, slash=True), self.tenant_of(call)

    def directory(self, call: Call) -> Directory:
        return self.require(*self.target(call))

    def require(self, path: str, tenant_id: int) -> Directory:
        tree = self.state.trees[tenant_id]
        if path not in tree:
            raise detail(400, f'no such directory: {path}')
        return tree[path]

    def require_snapshot(self, path: str, name: str, tenant_id: int) -> None:
        stored = path.rstrip('/') + '/'
        for snapshot in self.state.tables['snapshots'].in_tenant(
                'path', stored, tenant_id):
            if snapshot['name'] == name and snapshot['state'] == 'SUCCEED':
                return
        raise detail(400, f'no such directory: {stored}.snapshot/{name}')

    def own(self, directory: Directory, body: Record) -> None:
        read: Callable[[Record, str], str | None] = fields.text
        directory.owner = read(body, 'user') or directory.owner
        directory.group = read(body, 'group') or directory.group

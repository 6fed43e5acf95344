# SPDX-License-Identifier: Apache-2.0

"""The objects that make up shares: looking them up, and single steps.

This is where plans touch the cluster.  Each ``_do_...`` method carries out
one kind of step, can be repeated, and decides nothing.
"""

from collections.abc import Callable
from collections.abc import Mapping
from typing import Any
from typing import TypeVar

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.vastdata import binding as binding_module
from manila_drivers.vastdata import client
from manila_drivers.vastdata import errors
from manila_drivers.vastdata import records
from manila_drivers.vastdata import site as site_module
from manila_drivers.vastdata import view_policies
from manila_drivers.vastdata import view_policy

T = TypeVar('T')


class Objects:
    """Objects of one tenant on one cluster."""

    def __init__(self, vms: client.Vms, site: site_module.Site) -> None:
        self.vms = vms
        self.site = site
        self.view_policies = view_policies.ViewPolicies(vms, site)
        self._settings = site.settings

    # -- looking ---------------------------------------------------------

    def view(self, name: str) -> records.View | None:
        return self.vms.find(
            'views', records.View.of,
            lambda view: view.name == name and self.site.here(view),
            name=name, **self.site.scope())

    def views(self) -> list[records.View]:
        return [view for view in self.vms.readable(
            'views', records.View.of, **self.site.scope())
            if self.site.listed_here(view)]

    def policy(self, name: str) -> records.Policy | None:
        return self.view_policies.named(name)

    def policies(self) -> list[records.Policy]:
        return self.view_policies.all()

    def quota(self, name: str) -> records.Quota | None:
        return self.vms.find(
            'quotas', records.Quota.of,
            lambda quota: quota.name == name and self.site.here(quota),
            name=name, show_user_rules='false', **self.site.scope())

    def quota_at(self, path: str) -> records.Quota | None:
        return self.vms.find(
            'quotas', records.Quota.of,
            lambda quota: quota.path == path and self.site.here(quota),
            path=path, show_user_rules='false', **self.site.scope())

    def quotas(self) -> list[records.Quota]:
        return [quota for quota in self.vms.readable(
            'quotas', records.Quota.of, show_user_rules='false',
            **self.site.scope()) if self.site.listed_here(quota)]

    def snapshot(self, name: str, path: str) -> records.Snapshot | None:
        """The snapshot of that name; path '' = wherever it is."""
        return self.vms.find(
            'snapshots', records.Snapshot.of,
            lambda snap: (snap.name == name and path in ('', snap.path)
                          and self.site.here(snap)),
            name=name, **self.site.scope())

    def snapshots_within(self, path: str) -> list[records.Snapshot]:
        """Snapshots of a directory and of directories in it."""
        inside = path + '/'
        return [snap for snap in self.vms.list(
            'snapshots', records.Snapshot.of, path__startswith=path,
            **self.site.scope())
            if (snap.path + '/').startswith(inside)
            and self.site.here(snap)]

    def streams_to(self, path: str) -> list[records.Stream]:
        """Clones that fill a directory."""
        return [stream for stream in self.vms.list(
            'globalsnapstreams', records.Stream.of,
            loanee_root_path__startswith=path)
            if stream.target == path and self.site.fills_here(stream)]

    def stream(self, name: str) -> records.Stream | None:
        return self.vms.find(
            'globalsnapstreams', records.Stream.of,
            lambda stream: (stream.name == name
                            and self.site.fills_here(stream)), name=name)

    def streams_from(self, snapshot_id: int) -> list[records.Stream]:
        """Clones that are fed by a snapshot."""
        return [stream for stream in self.vms.list(
            'globalsnapstreams', records.Stream.of,
            loanee_snapshot__id=snapshot_id)
            if stream.snapshot_id == snapshot_id]

    def is_directory(self, path: str, tenant_id: int | None = None) -> bool:
        """Whether a directory exists.

        :param tenant_id: of the record that names the path, else ours.
        """
        try:
            data = self.vms.call('POST', 'folders/stat_path/',
                                 body=self._at(path, tenant_id),
                                 repeatable=True)
        except exception.BackendError as exc:
            if exc.status == 404 or \
                    errors.NO_DIRECTORY not in exc.answer.lower():
                raise
            return False
        found = data.get('is_directory') if isinstance(data, Mapping) else None
        if not isinstance(found, bool):
            raise exception.OutcomeUnknown(
                'Whether %s is a directory was not answered' % path,
                answer=repr(data)[:200])
        return found

    def _at(self, path: str, tenant_id: int | None) -> dict[str, Any]:
        return {'path': path, 'tenant_id': self.site.tenant_id()
                if tenant_id is None else tenant_id}

    # -- doing -----------------------------------------------------------

    def perform(self, action: str, target: str,
                args: Mapping[str, Any]) -> plan.Done:
        """Carry out one step of a plan; see :func:`manila_drivers.plan.run`.

        The step ``delete view`` is done by ``_do_delete_view``.
        """
        method = getattr(self, '_do_' + action.replace(' ', '_'))
        done = method(target, **args)
        return done if isinstance(done, plan.Done) else plan.Done(done)

    def run(self, steps: plan.Plan) -> dict[str, Any]:
        return plan.run(steps, self.perform)

    def _do_create_policy(self, name: str,
                          hosts: view_policy.ClientLists) -> plan.Done:
        return self.view_policies.create(name, hosts)

    def _do_update_policy(self, name: str, ident: int,
                          hosts: view_policy.ClientLists,
                          former: str = '') -> records.Policy:
        return self.view_policies.update(
            name, ident, hosts, binding=self.site.known_binding(),
            former=former)

    def _do_bind_policy(self, name: str, policy: records.Policy,
                        binding: binding_module.Binding) -> None:
        self.view_policies.bind(name, policy, binding)

    def _do_delete_policy(self, name: str, ident: int) -> None:
        self.view_policies.delete(name, ident)

    def _do_create_quota(self, name: str, path: str, limit: int,
                         make_directory: bool) -> plan.Done:
        body: dict[str, Any] = {
            'name': name, 'path': path, 'hard_limit': limit,
            'create_dir': make_directory, **self.site.scope()}
        if make_directory and self._settings.dir_mode is not None:
            body['create_dir_mode'] = self._settings.dir_mode

        def look() -> records.Quota | None:
            found = self.quota(name) or self.quota_at(path)
            if found is not None and (found.name, found.path) != (name,
                                                                  path):
                raise exception.Conflict(
                    'Quota %s for %s cannot be made: quota %s for %s is in '
                    'the way' % (name, path, found.name, found.path))
            return found

        done = self.vms.create('quotas', body, records.Quota.of, look)
        self._check_made('quotas', done)
        if done.value.hard_limit != limit:
            self._do_resize_quota(name, quota=done.value, limit=limit)
        return done

    def _do_resize_quota(self, name: str, quota: records.Quota,
                         limit: int) -> None:
        if quota.used is None or quota.used > limit:
            raise exception.PossibleDataLoss(
                'Quota %s cannot become %d bytes: %s in use'
                % (name, limit, 'VMS does not tell how much is'
                   if quota.used is None else '%d are' % quota.used))
        self._do_extend_quota(name, quota, limit)

    def _do_extend_quota(self, name: str, quota: records.Quota,
                         limit: int) -> None:
        stored = self._stored('quotas', quota.id, {'hard_limit': limit},
                              records.Quota.of)
        if stored.hard_limit != limit:
            raise _not_stored('Quota', name, 'limit of %d bytes' % limit,
                              stored.hard_limit)

    def _do_delete_quota(self, name: str, ident: int) -> None:
        self.vms.delete('quotas', ident)

    def _do_create_view(self, name: str, path: str, policy_id: int,
                        qos_id: int | None = None) -> plan.Done:
        body: dict[str, Any] = {
            'name': name, 'path': path, 'policy_id': policy_id,
            'create_dir': False, 'protocols': list(self._settings.protocols),
            **self.site.scope()}
        if qos_id is not None:
            body['qos_policy_id'] = qos_id

        def look() -> records.View | None:
            found = self.view(name)
            if found is not None and found.path != path:
                raise exception.Conflict(
                    'View %s for %s cannot be made: it exists for %s'
                    % (name, path, found.path))
            return found

        done = self.vms.create('views', body, records.View.of, look)
        self._check_made('views', done)
        self._check_protocols(done)
        if done.value.policy_id != policy_id:
            self._do_attach_policy(name, ident=done.value.id,
                                   policy_id=policy_id)
        return done

    def _check_protocols(self, done: plan.Done) -> None:
        """Raise if a new view serves more or less than it was asked to."""
        view: records.View = done.value
        if not done.created or view.protocols is None \
                or set(view.protocols) == set(self._settings.protocols):
            return
        self.vms.delete('views', view.id)
        raise _not_stored('View', view.name, 'protocols %s' % ', '.join(
            self._settings.protocols), ', '.join(view.protocols))

    def _check_made(self, resource: str, done: plan.Done) -> None:
        """Raise if a new object is not of the tenant that it was made for."""
        if not done.created:
            return
        try:
            if not self.site.here(done.value):
                raise _not_stored(
                    resource, done.value.name, 'tenant %d'
                    % self.site.tenant_id(), done.value.tenant_id)
        except exception.BackendError:
            self.vms.delete(resource, done.value.id)
            raise

    def _stored(self, resource: str, ident: int, body: Mapping[str, Any],
                parse_record: Callable[[Any], T]) -> T:
        """Change fields, and return the record as it is then.

        :raises NotFound: it vanished meanwhile.
        """
        data = self.vms.update(resource, ident, body)
        if isinstance(data, Mapping) and 'id' in data \
                and body.keys() <= data.keys():
            return errors.parsed(resource, parse_record, data)
        found = self.vms.get(resource, ident, parse_record)
        if found is None:
            raise exception.NotFound('%s %d vanished while it was changed'
                                     % (resource, ident))
        return found

    def _do_attach_policy(self, name: str, ident: int,
                          policy_id: int) -> None:
        stored = self._stored('views', ident, {'policy_id': policy_id},
                              records.View.of)
        if stored.policy_id != policy_id:
            raise _not_stored('View', name, 'policy with the id %d'
                              % policy_id, stored.policy_id)

    def _do_delete_view(self, name: str, ident: int) -> None:
        self.vms.delete('views', ident)

    def _do_rename(self, name: str, resource: str, ident: int) -> None:
        """Give a view, a quota or a policy a new name."""
        def name_of(data: Any) -> str:
            return str(data['name'])
        stored = self._stored(resource, ident, {'name': name}, name_of)
        if stored != name:
            raise _not_stored(resource, str(ident), 'name %s' % name, stored)

    def _do_delete_directory(self, path: str, tenant_id: int) -> None:
        """Move a directory to the trash; that it is gone is success.

        VMS says so in words.  That there is no such call says nothing.
        """
        try:
            self.vms.call('DELETE', 'folders/delete_folder/',
                          body=self._at(path, tenant_id))
        except exception.BackendError as exc:
            if exc.status == 404 or \
                    errors.NO_DIRECTORY not in exc.answer.lower():
                raise

    def _do_start_clone(self, name: str, snapshot_id: int,
                        target: str) -> plan.Done:
        body: dict[str, Any] = {'name': name, 'loanee_root_path': target,
                                'enabled': True,
                                'loanee_tenant_id': self.site.tenant_id()}

        def look() -> records.Stream | None:
            found = self.stream(name)
            if found is not None and (found.target, found.snapshot_id) != (
                    target, snapshot_id):
                raise exception.Conflict(
                    'Clone %s of snapshot %d to %s cannot be made: one of '
                    'that name exists, of snapshot %s to %s'
                    % (name, snapshot_id, target, found.snapshot_id,
                       found.target))
            return found

        return self.vms.create('snapshots/%d/clone' % snapshot_id, body,
                               _stream_or_none, look)

    def _do_end_clone(self, name: str, ident: int, finished: bool) -> None:
        """Stop a clone if it runs, and remove its record."""
        if not finished:
            try:
                answer = self.vms.call(
                    'PATCH', 'globalsnapstreams/%d/stop/' % ident)
            except exception.BackendError as exc:
                # No such clone, or no such call?
                if exc.status != 404 or self.vms.get(
                        'globalsnapstreams', ident,
                        records.Stream.of) is not None:
                    raise
                return
            self._ended('Stopping clone %s' % name, answer, ident,
                        lambda stream: stream is None or not stream.running)
        # Stopping may have removed it already, which delete() takes well.
        answer = self.vms.delete('globalsnapstreams', ident,
                                 {'remove_dir': False})
        self._ended('Removing clone %s' % name, answer, ident,
                    lambda stream: stream is None)

    def _ended(self, what: str, answer: Any, ident: int,
               good: Callable[[records.Stream | None], bool]) -> None:
        """Wait for what an answer says has been started with a clone.

        Without a task in the answer the clone itself tells.
        """
        seconds = self._settings.task_timeout
        if self.vms.finish(what, answer, seconds):
            return

        def look() -> bool | None:
            stream = self.vms.get('globalsnapstreams', ident,
                                  records.Stream.of)
            return True if good(stream) else None
        self.vms.wait_for(what, look, seconds)


def _stream_or_none(data: Any) -> records.Stream | None:
    """The stream in an answer, if it is more than the bare task."""
    if isinstance(data, Mapping) and 'loanee_root_path' in data:
        return records.Stream.of(data)
    return None


def _not_stored(kind: str, name: str, sent: str,
                stored: object) -> exception.BackendError:
    """The error for a setting that VMS accepted and does not have."""
    return exception.BackendError(
        '%s %s does not have the %s that it was given' % (kind, name, sent),
        answer='it has %s' % stored, check='the object in VMS, by hand')

# SPDX-License-Identifier: Apache-2.0

"""Carries out steps about quotas and directories."""

from typing import Any

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers import unseen
from manila_drivers.vastdata import answers
from manila_drivers.vastdata import errors
from manila_drivers.vastdata import record_steps
from manila_drivers.vastdata import records
from manila_drivers.vastdata import snapshot_steps


class QuotaSteps(snapshot_steps.SnapshotSteps):
    """Steps that make, bound and remove the directory of a share."""

    def create_quota(self, name: str, path: str, limit: int,
                     make_directory: bool) -> plan.Done:
        body: dict[str, Any] = {
            'name': name, 'path': path, 'hard_limit': limit,
            'create_dir': make_directory, **self._cluster.scope()}
        if make_directory and self._settings.dir_mode is not None:
            body['create_dir_mode'] = self._settings.dir_mode

        def look() -> records.Quota | None:
            found = self._found.quota(name) or self._found.quota_at(path)
            if found is not None and (found.name, found.path) != (name,
                                                                  path):
                raise exception.Conflict(
                    'Quota %s for %s cannot be made: quota %s for %s is in '
                    'the way' % (name, path, found.name, found.path))
            return found

        if make_directory:
            self._found.unseen.forget(('directory', path))
        done = self._vms.create('quotas', body, records.Quota.of, look)
        done = self._check_made('quotas', done, 'hard_limit')
        if done.value.hard_limit != limit:
            self.shrink_quota(name, done.value, limit)
        return done

    def limit_quota(self, name: str, quota: records.Quota,
                    limit: int) -> None:
        """Set a limit in bytes, without a look at what is in use."""
        stored = self._stored('quotas', quota.id, {'hard_limit': limit},
                              records.Quota.of)
        if stored.hard_limit != limit:
            raise record_steps.not_stored(
                'Quota', name, 'limit of %d bytes' % limit,
                stored.hard_limit)

    def shrink_quota(self, name: str, quota: records.Quota,
                     limit: int) -> None:
        """Set a limit in bytes that holds what was seen to be in use.

        :raises PossibleDataLoss: it does not, or VMS did not tell.
        """
        if quota.used is None or quota.used > limit:
            raise exception.PossibleDataLoss(
                'Quota %s cannot become %d bytes: %s in use'
                % (name, limit, 'VMS does not tell how much is'
                   if quota.used is None else '%d are' % quota.used))
        self.limit_quota(name, quota, limit)

    #: A full share has to be extendable.
    extend_quota = limit_quota

    def delete_quota(self, name: str, ident: int) -> None:
        self._delete('quotas', ident)

    def delete_directory(self, path: str, tenant_id: int) -> None:
        """Move a directory to the trash; that it is gone is success.

        VMS says so in words.  That there is no such call says nothing.
        """
        try:
            told = self._vms.exchange(
                'DELETE', 'folders/delete_folder/',
                body={'path': path, 'tenant_id': tenant_id})
        except exception.BackendError as exc:
            if exc.status == 404 or \
                    errors.NO_DIRECTORY not in exc.answer.lower():
                raise
            return
        what, seconds = 'Deleting %s' % path, self._settings.task_timeout
        self._vms.confirm_deleted(
            what, told, lambda: not self._found.is_directory(path))
        answer = told.data
        if answers.Task.within(answer) is not None \
                and not self._vms.finish(what, answer, seconds) \
                and self._found.is_directory(path):
            raise exception.BackendError(
                what + ' has ended, and the directory is still there',
                check='the activities in VMS')
        self._expect_gone(path)

    def _expect_gone(self, path: str) -> None:
        """Have the next statistics see that a directory is gone."""
        self._found.unseen.expect(
            ('directory', path), lambda: '' if not self._found.is_directory(
                path) else unseen.left(
                    path, 'directory %s of a deleted share is still there, '
                    'with its data. Check: the activities in VMS; delete it '
                    'by hand' % path))

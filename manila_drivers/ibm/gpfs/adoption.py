# SPDX-License-Identifier: Apache-2.0

"""Filesets that somebody else made: taken over and let go again."""

from collections.abc import Mapping
import ipaddress
import logging
import posixpath
from typing import Any

from manila_drivers import exception
from manila_drivers import model
from manila_drivers import plan
from manila_drivers.driver.call import Call
from manila_drivers.ibm.gpfs import access
from manila_drivers.ibm.gpfs import assessment
from manila_drivers.ibm.gpfs import client
from manila_drivers.ibm.gpfs import executor
from manila_drivers.ibm.gpfs import known
from manila_drivers.ibm.gpfs import planning
from manila_drivers.ibm.gpfs import records

LOG = logging.getLogger(__name__)


class AdoptionService:
    """Takes filesets under management, and lets them go."""

    def __init__(self, gpfs: client.GpfsClient, steps: executor.GpfsExecutor,
                 access: access.AccessService,
                 sizes: known.GivenSizes) -> None:
        self._client = gpfs
        self._cluster = gpfs.cluster
        self._executor = steps
        self._access = access
        self._sizes = sizes

    def adopt(self, call: Call, options: Mapping[str, Any]) -> dict[str, Any]:
        """Take over the fileset that is linked at an export's path.

        Everything is checked before anything is changed.  A repeated call
        finds what an earlier one did.

        :param options: ``size`` in GiB where there is no quota;
            ``chmod=true`` gives the root directory the mode of new shares.
        :raises NotManageable: it cannot be taken over as it is.
        """
        share, specs, settings = call.share, call.specs(), \
            self._cluster.settings
        planning.check_protocol(share)
        self._check_options(specs)
        target = settings.path(share.name)
        path = self._wanted_path(share)
        filesets = self._client.filesets()
        found = next((one for one in filesets if one.name == share.name
                      and one.owner == share.id and one.path == target), None)
        steps, mine = plan.Plan(), found is not None
        if found is None:
            found = assessment.eligible(share, path, target, filesets,
                                        independent=settings.independent)
            self._check_exports(found.path or path)
            assessment.check_type(found, specs)
            self._check_free(target, found)
        quota = self._client.quota(found.name)
        size = assessment.size_of(found.name, quota, options,
                                  self._cluster.filesystem.replicas)
        if quota is not None and not mine:
            steps = planning.adopt(share, found, target, filesets, quota,
                                   self._cluster.filesystem.quota_gib(size))
        mode = planning.permissions(settings, target) \
            if model.as_bool(options.get('chmod')) else plan.Plan()
        plan.show(steps + mode)
        if not mine:
            self._run(found, steps, share, target)
            self._client.known.forget(found.name)
            self._client.known.made(share, target)
            self._access.nobody.add(share.id)
        self._sizes.given(share, size)
        self._executor.run(mode)
        return {'size': size,
                'export_locations': self._cluster.locations(target)}

    # What is asked for

    def _check_options(self, specs: model.Specs) -> None:
        """Or no rule could be applied later."""
        try:
            self._access.options(specs)
        except exception.InvalidRequest as exc:
            raise exception.TypeMismatch(exc.what, check=exc.check) from exc

    def _wanted_path(self, share: model.Share) -> str:
        """The path of the export that the administrator named."""
        text = share.export_paths[0] if share.export_paths else ''
        host, colon, path = text.rpartition(':/')
        # It may have been exported by another name of the base.
        path = self._cluster.here('/' + path)
        settings = self._cluster.settings
        known = {*self._cluster.addresses, settings.main, *settings.servers}
        if not colon or not host:
            raise exception.NotManageable(
                f'{text!r} is not of the form host:/path')
        if _plain(host.strip('[]')) not in map(_plain, known):
            raise exception.NotManageable(
                f'{host} of {text!r} is none of the addresses of this '
                f'backend: {", ".join(sorted(known))}',
                check='gpfs_export_addresses, gpfs_share_export_ip, '
                'gpfs_nfs_server_list')
        if posixpath.normpath(path) != path \
                or not path.startswith(settings.base + '/'):
            raise exception.NotManageable(
                f'{path} is not a plain path below {settings.base}',
                check='gpfs_mount_point_base')
        return path

    def _check_free(self, target: str, found: records.Fileset) -> None:
        """Nothing else may be where the share is going to be.

        mv may leave everything as it is then, and be content.
        """
        if found.path == target:
            return
        kind, = self._client.ask(self._client.make.kind(target))
        if kind.status == 0:
            raise exception.NotManageable(
                f'{target} is a {kind.stdout.strip()} already', check=target)

    def _check_exports(self, path: str) -> None:
        exported = {server: paths for server, paths in
                    self._access.exported_below(path).items() if paths}
        if exported:
            raise exception.NotManageable(
                f'{path} is exported: {exported}. Clients would go on '
                f'reaching it, whatever the rules say.',
                check='remove these exports first')

    # What is done

    def _run(self, found: records.Fileset, steps: plan.Plan,
             share: model.Share, target: str) -> None:
        """All or nothing.

        :raises DriverError: it failed, and was taken back.
        """
        try:
            self._executor.run(steps)
            now = self._client.share(share.name).fileset
            if now is None or (now.owner, now.path) != (share.id, target):
                raise exception.BackendError(
                    f'Fileset {found.name} has not become {share.name} at '
                    f'{target}', answer=repr(now),
                    check='mmlsfileset, and what is at that path')
        except (exception.BackendError, exception.OutcomeUnknown) as exc:
            self._take_back(found, steps, exc)
            raise

    def _take_back(self, found: records.Fileset, steps: plan.Plan,
                   cause: exception.DriverError) -> None:
        """Undo what was done, as far as one can see that it was."""
        def take_back() -> None:
            now = next(one for one in self._client.filesets()
                       if one.ident == found.ident)
            names = (found.name, found.path, found.comment)
            if (now.name, now.path, now.comment) != names:
                # All of them, also behind one that fails.
                self._client.execute.ask(self._client.commands(
                    step.undo for step in reversed(steps.steps) if step.undo))
        _, error = exception.caught_any(take_back)
        if error is not None:
            LOG.error('Could not take back what was done: %s', error)
            cause.add_note(f'Half managed, since taking it back failed: '
                           f'{error}')

    def release(self, call: Call) -> None:
        """Let it go: it loses our mark and keeps all else."""
        share, known = call.share, self._client.known
        seen = known.of(share, self._cluster.settings.path(share.name))
        facts = records.FilesetFacts(seen) if seen \
            else self._client.share(share.name)
        steps = planning.release(share, facts)
        plan.show(steps)
        known.forget(share.name)
        self._access.nobody.discard(share.id)
        self._access.given.forget(share.id)
        self._executor.run(steps, lambda: planning.release(
            share, self._client.share(share.name)), guessed=bool(seen))


def _plain(host: str) -> str:
    """One spelling for the same address, or the same name."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return host.lower()

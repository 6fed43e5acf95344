# SPDX-License-Identifier: Apache-2.0

"""Filesets that somebody else made: taken over and let go again."""

from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import ipaddress
import logging
import math
import posixpath
from typing import Any

from manila_drivers import exception
from manila_drivers import model
from manila_drivers.driver.call import Call
from manila_drivers.ibm.gpfs import access
from manila_drivers.ibm.gpfs import cluster
from manila_drivers.ibm.gpfs import records
from manila_drivers.ibm.gpfs import shares
from manila_drivers.transport import command

LOG = logging.getLogger(__name__)

Results = Sequence[command.Result]
Commands = Sequence[command.Command]


@dataclasses.dataclass(frozen=True)
class Move:
    """One command of taking over, and what takes it back."""

    do: command.Command
    undo: command.Command


class AdoptionService:
    """Takes filesets under management, and lets them go."""

    def __init__(self, gpfs: cluster.GpfsCluster,
                 access: access.AccessService) -> None:
        self._cluster = gpfs
        self._access = access

    def adopt(self, call: Call, options: Mapping[str, Any]) -> dict[str, Any]:
        """Take over the fileset that is linked at an export's path.

        Everything is checked before anything is changed.  A repeated call
        finds what an earlier one did.

        :param options: ``size`` in GiB where there is no quota;
            ``chmod=true`` gives the root directory the mode of new shares.
        :raises NotManageable: it cannot be taken over as it is.
        """
        share, specs = call.share, call.specs()
        shares.check_protocol(share)
        self._check_options(specs)
        target = self._cluster.settings.path(share.name)
        path = self._wanted_path(share)
        filesets = self._filesets()
        mine = next((one for one in filesets if one.name == share.name
                     and one.owner == share.id), None)
        if mine is not None and mine.path == target:
            size = self._size(self._quota(share.name), options)
        else:
            found = self._eligible(share, path, target, filesets)
            _check_type(found, specs)
            self._check_free(target, found)
            quota = self._quota(found.name)
            size = self._size(quota, options)
            self._run(found, self._moves(share, found, target, filesets,
                                         quota, size))
            self._cluster.known.forget(found.name)
            self._cluster.known.made(share, target)
            self._access.nobody.add(share.id)
        self._cluster.sizes.given(share, size)
        if model.as_bool(options.get('chmod')):
            self._cluster.do(self._cluster.commands.permissions(target))
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
        path = '/' + path
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

    def _filesets(self) -> list[records.Fileset]:
        cmd = self._cluster.commands.filesets(self._cluster.device)
        return self._cluster.ask(cluster.Question(
            [cmd], lambda results: [
                one for one in self._cluster.filesets(cmd, results[0])
                if not one.deleted]))

    def _check_free(self, target: str, found: records.Fileset) -> None:
        """Nothing else may be where the share is going to be.

        mv may leave everything as it is then, and be content.
        """
        if found.path == target:
            return
        kind, = self._cluster.execute.ask([
            self._cluster.commands.kind(target)])
        if kind.status == 0:
            raise exception.NotManageable(
                f'{target} is a {kind.stdout.strip()} already', check=target)

    def _quota(self, name: str) -> records.FilesetQuota:
        cmd = self._cluster.commands.quota(self._cluster.device, name)
        found = self._cluster.ask(cluster.Question(
            [cmd], lambda results: records.quotas(cmd, results[0]))).get(name)
        if found is None:
            raise exception.NotManageable(
                f'GPFS tells no usage of fileset {name}',
                check='that quotas are on: mmlsfs -Q')
        return found

    def _eligible(self, share: model.Share, path: str, target: str,
                  filesets: Sequence[records.Fileset]) -> records.Fileset:
        # A call that was cut off may have renamed it and moved it already, or
        # taken only one of the two back; nobody else's has such a path.
        found = next((
            one for one in filesets if one.linked and one.path == path),
            None) or next((
                one for one in filesets if one.name == share.name
                and one.owner == '' and one.path in ('', target)
                or one.path == target and one.owner in ('', share.id)), None)
        if found is None:
            raise exception.NotManageable(
                f'No fileset is linked at {path}', check='mmlsfileset')
        path = found.path or path
        below = [one.name for one in filesets
                 if one.path.startswith(path + '/')]
        objections = [
            ('it is the root fileset', found.name == 'root'),
            ('it is a dependent fileset', not found.independent
             and self._cluster.settings.independent),
            (found.doubt, found.doubt),
            ('it has AFM attributes', found.afm),
            ('whether it has AFM attributes is not told',
             found.afm is None),
            (f'it belongs to share {found.owner}',
             found.owner not in ('', share.id)),
            (f'filesets are linked below it: {", ".join(below)}', below),
            (f'there is a fileset {share.name} already',
             found.name != share.name
             and any(one.name == share.name for one in filesets)),
            (f'something is linked at {target} already', path != target
             and any(one.path == target and one is not found
                     for one in filesets))]
        for text, holds in objections:
            if holds:
                raise exception.NotManageable(
                    f'Fileset {found.name} at {path} cannot be managed: '
                    f'{text}')
        exported = {server: paths for server, paths in
                    self._access.exported_below(path).items() if paths}
        if exported:
            raise exception.NotManageable(
                f'{path} is exported: {exported}. Clients would go on '
                f'reaching it, whatever the rules say.',
                check='remove these exports first')
        return found

    def _size(self, quota: records.FilesetQuota,
              options: Mapping[str, Any]) -> int:
        """GiB, so that what is there fits."""
        each = self._cluster.filesystem.replicas * records.GIB_IN_KIB
        used = max(1, math.ceil(quota.usage / each))
        given = options.get('size')
        if given is not None:
            try:
                size = int(given)
            except (TypeError, ValueError):
                size = 0
            if size < used:
                raise exception.NotManageable(
                    f'size={given!r}, but {used} GiB are needed')
            return size
        if not quota.limit:
            LOG.warning('Fileset %s has no quota; it gets one of %d GiB, '
                        'which is what it uses', quota.name, used)
            return used
        size = math.ceil(quota.limit / each)
        if size < used:
            raise exception.NotManageable(
                f'Fileset {quota.name} uses {used} GiB, more than its quota '
                f'of {size} GiB')
        return size

    # What is done

    def _moves(self, share: model.Share, found: records.Fileset,
               target: str, filesets: Sequence[records.Fileset],
               quota: records.FilesetQuota, size: int) -> list[Move]:
        make, device = self._cluster.commands, self._cluster.device
        limit = self._cluster.filesystem.quota_gib(size)
        moves = []
        if found.name != share.name:
            moves.append(Move(make.rename(device, found.name, share.name),
                              make.rename(device, share.name, found.name)))
        if found.path != target:
            moves += self._relocation(share, found.path, target, filesets)
        if quota.limit != limit * records.GIB_IN_KIB:
            moves.append(Move(
                make.limit(device, share.name, limit),
                make.limit_kib(device, share.name, quota.limit)))
        # Last: who has the mark is managed.
        moves.append(Move(
            make.comment(device, share.name, records.mark(share.id)),
            make.comment(device, share.name, found.comment)))
        return moves

    def _relocation(self, share: model.Share, path: str, target: str,
                    filesets: Sequence[records.Fileset]) -> list[Move]:
        """How its junction gets from one place to another."""
        make, device = self._cluster.commands, self._cluster.device
        if not path:
            return [Move(make.link(device, share.name, target),
                         make.unlink(device, share.name, force=False))]
        if _parent(path, filesets) == _parent(target, filesets):
            # Within one fileset a junction moves like a directory, and
            # whoever has files open keeps them.
            return [Move(make.unix('mv', '-nT', path, target),
                         make.unix('mv', '-nT', target, path))]
        return [Move(make.unlink(device, share.name, force=False),
                     make.link(device, share.name, path)),
                Move(make.link(device, share.name, target),
                     make.unlink(device, share.name, force=False))]

    def _run(self, found: records.Fileset,
             moves: Sequence[Move]) -> None:
        """All or nothing.

        :raises DriverError: it failed, and was taken back.
        """
        try:
            self._cluster.do([move.do for move in moves])
        except (exception.BackendError, exception.OutcomeUnknown) as exc:
            self._take_back(found, moves, exc)
            raise

    def _take_back(self, found: records.Fileset, moves: Sequence[Move],
                   cause: exception.DriverError) -> None:
        """Undo what was done, as far as one can see that it was."""
        def take_back() -> None:
            now = next(one for one in self._filesets()
                       if one.ident == found.ident)
            names = (found.name, found.path, found.comment)
            if (now.name, now.path, now.comment) != names:
                self._cluster.execute.ask([move.undo for move
                                        in reversed(moves)])
        _, error = exception.caught_any(take_back)
        if error is not None:
            LOG.error('Could not take back what was done: %s', error)
            cause.add_note(f'Half managed, since taking it back failed: '
                           f'{error}')

    def release(self, call: Call) -> None:
        """Let it go: it loses our mark and keeps all else."""
        share = call.share
        gpfs, make = self._cluster, self._cluster.commands
        known = gpfs.known.of(share, gpfs.settings.path(share.name))
        gpfs.known.forget(share.name)
        self._access.nobody.discard(share.id)
        question = make.fileset(gpfs.device, share.name)

        def plan(found: records.Fileset | None) -> Commands:
            if found is None or found.owner != share.id:
                return []
            return [make.comment(gpfs.device, share.name,
                                 f'was manila:{share.id}')]

        gpfs.converge(cluster.Question(
            [question], lambda results: gpfs.fileset(
                question, results[0], share.name)), plan, likely=known)


def _check_type(found: records.Fileset, specs: model.Specs) -> None:
    if model.as_bool(specs.get('snapshot_support')) and not found.independent:
        raise exception.TypeMismatch(
            f'The share type has snapshots, and fileset {found.name} is a '
            f'dependent one, which cannot have any',
            check='snapshot_support of the share type')


def _plain(host: str) -> str:
    """One spelling for the same address, or the same name."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return host.lower()


def _parent(path: str, filesets: Sequence[records.Fileset]) -> str:
    """The fileset in which a junction lies."""
    above = [one for one in filesets
             if one.path and path != one.path
             and path.startswith(one.path.rstrip('/') + '/')]
    return max(above, key=lambda one: len(one.path)).name if above else ''

# SPDX-License-Identifier: Apache-2.0

"""``manila-drivers share ...``"""

import argparse
from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any

from manila_drivers import direct
from manila_drivers import exception
from manila_drivers.cli.operate import base
from manila_drivers.cli.operate import exits
from manila_drivers.direct import ensuring


def fields(share: direct.Share) -> Mapping[str, Any]:
    """Return what is shown of a share."""
    return {
        'id': share.id, 'name': share.name, 'protocol': share.proto,
        'size': share.size, 'status': share.status,
        'failure': share.failure,
        'export_locations': base.Lines(share.locations),
        'access': base.Lines([
            f'{rule.level} {rule.to}' + (
                '' if rule.state == 'active' else f' ({rule.state})')
            for rule in share.rules]),
        'snapshots': base.Lines([one.name for one in share.snapshots]),
        'snapshot_id': share.snapshot_id, 'created_at': share.created_at}


class ShareCreate(base.ChangeOne):
    """Make a share that nobody can reach yet, or find it.

    A command that was cut off can be repeated: a share of that name and of
    these properties is gone on with, or shown.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('name', help='name, unique in the backend')
        parser.add_argument('size', type=base.gib, nargs='?',
                            help='GiB; by default those of the snapshot')
        parser.add_argument('--protocol', metavar='NAME',
                            help='such as NFS (default: what the driver has)')
        parser.add_argument('--extra-spec', action='append', default=[],
                            metavar='NAME=VALUE', dest='specs',
                            help='extra spec, such as one of a share type '
                                 'in Manila; may be repeated')
        parser.add_argument('--snapshot', metavar='NAME',
                            help='make it of a snapshot')
        waiting(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> base.Output:
        args = parsed_args
        specs = base.pairs(args.specs, '--extra-spec') or None
        with self.backend() as backend:
            if args.snapshot:
                made: Any = backend.snapshots.get(args.snapshot).clone(
                    args.name, args.size, specs=specs, plan=args.dry_run)
            elif args.size is None:
                raise exception.InvalidRequest(
                    'A share without --snapshot needs a size')
            else:
                made = backend.shares.create(
                    args.size, args.protocol, args.name, specs=specs,
                    plan=args.dry_run)
            if isinstance(made, direct.Preview):
                return self.planned(made)
            return self.fields(fields(awaited(self, args, made)))


class ShareList(base.Listing):
    """List the shares that are recorded; the backend is not asked."""

    def take_action(self, parsed_args: argparse.Namespace) -> base.Output:
        with self.backend() as backend:
            return (('Name', 'ID', 'Protocol', 'Size', 'Status',
                     'Export Locations'),
                    [(share.name, share.id, share.proto, share.size,
                      share.status, base.Lines(share.locations))
                     for share in backend.shares])


class ShareShow(base.Showing):
    """Show what is recorded of a share."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('share', help='name or id')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> base.Output:
        with self.backend() as backend:
            return self.fields(fields(backend.shares.get(parsed_args.share)))


class ShareResize(base.ChangeOne):
    """Extend or shrink a share; nothing is lost by a shrink."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('share', help='name or id')
        parser.add_argument('size', type=base.gib, help='GiB')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> base.Output:
        args = parsed_args
        with self.backend() as backend:
            share = backend.shares.get(args.share)
            if args.dry_run:
                return self.planned(share.resize(args.size, plan=True))
            return self.fields(fields(share.resize(args.size)))


class ShareRevert(base.ChangeOne):
    """Bring a share back to its last snapshot.

    What was written since is lost. The share gets the size that it had, and
    its access rules stay; so does the snapshot.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('share', help='name or id')
        parser.add_argument('--snapshot', metavar='NAME',
                            help='refuse if that is not the last one')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> base.Output:
        args = parsed_args
        with self.backend() as backend:
            share = backend.shares.get(args.share)
            if args.dry_run:
                return self.planned(share.revert(args.snapshot, plan=True))
            return self.fields(fields(share.revert(args.snapshot)))


class ShareWait(base.Showing):
    """Wait until the content of a snapshot is copied to a share."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('share', help='name or id')
        timeout(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> base.Output:
        with self.backend() as backend:
            return self.fields(fields(awaited(
                self, parsed_args, backend.shares.get(parsed_args.share))))


class ShareEnsure(base.Listing):
    """Check shares against their records, and repair what differs.

    As Manila does when its service starts. A lost share is told, and never
    made again.
    """

    _code = exits.DONE

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('share', nargs='*',
                            help='names or ids (default: all)')
        base.widen(parser)
        base.dry_run(parser)
        return parser

    def run(self, parsed_args: argparse.Namespace) -> int:
        return super().run(parsed_args) or self._code

    def take_action(self, parsed_args: argparse.Namespace) -> base.Output:
        names = parsed_args.share or None
        with self.backend() as backend:
            if parsed_args.dry_run:
                found = backend.shares.ensure(names, plan=True)
                for one in found.states:
                    self.app.stderr.write(' '.join(filter(None, (
                        'manila-drivers: share', one.name,
                        f'is {one.state}:', one.why))) + '\n')
                self._judge(found.states)
                return ('Step', 'Target', 'Detail'), [
                    (step.action, step.target, step.detail)
                    for step in found]
            checked = backend.shares.ensure(
                names, widen=parsed_args.widen)
        self._judge(checked)
        return ('Share', 'State', 'Why'), [
            (one.name, one.state, one.why) for one in checked]

    def _judge(self, found: Iterable[ensuring.EnsuredShare]) -> None:
        states = {one.state for one in found}
        if states - {ensuring.WHOLE}:
            self._code = (exits.FAILED if states & {
                ensuring.LOST, ensuring.NARROWER} else exits.LATER)


class ShareDelete(base.NamedRemoval):
    """Remove shares with all their data."""

    DONE, KIND, WORK = 'deleted', 'share', 'delete'


class ShareRelease(base.NamedRemoval):
    """Record shares no more; their data, and who has access, stay."""

    DONE, KIND, WORK = 'released', 'share', 'release'


class ShareAdopt(base.ChangeOne):
    """Take over what is exported already, with its data.

    Who has access keeps it until the first rule is given or taken.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('export', help='what clients mount: '
                                           'ADDRESS:/PATH')
        parser.add_argument('name', help='name, unique in the backend')
        parser.add_argument('--protocol', metavar='NAME',
                            help='such as NFS (default: what the driver has)')
        parser.add_argument('--driver-option', action='append', default=[],
                            metavar='NAME=VALUE', dest='options',
                            help='such as size=10; may be repeated')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> base.Output:
        args = parsed_args
        options = base.pairs(args.options, '--driver-option')
        with self.backend() as backend:
            made: Any = backend.shares.adopt(
                args.export, args.name, args.protocol, options=options,
                plan=args.dry_run)
            if isinstance(made, direct.Preview):
                return self.planned(made)
            return self.fields(fields(made))


def timeout(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--timeout', type=float, default=86400.0,
                        metavar='SECONDS',
                        help='how long to wait (default: %(default)g)')


def waiting(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--no-wait', action='store_true',
                        help='do not wait until content is copied')
    timeout(parser)


def awaited(command: base.Told, args: argparse.Namespace,
            share: direct.Share) -> direct.Share:
    """Wait for the content of a share, unless that is not wanted."""
    if getattr(args, 'no_wait', False):
        return share
    shown = command.progress(f'Copying to {share.name}')
    share.wait(args.timeout, shown)
    shown.done()
    return share

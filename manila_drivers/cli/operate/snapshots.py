# SPDX-License-Identifier: Apache-2.0

"""``manila-drivers snapshot ...``"""

import argparse
from collections.abc import Mapping
from typing import Any

from manila_drivers import direct
from manila_drivers.cli.operate import base
from manila_drivers.cli.operate import shares


def fields(snapshot: direct.Snapshot) -> Mapping[str, Any]:
    """Return what is shown of a snapshot."""
    return {'id': snapshot.id, 'name': snapshot.name,
            'share': snapshot.share.name, 'size': snapshot.size,
            'status': snapshot.status, 'failure': snapshot.failure,
            'created_at': snapshot.created_at}


class SnapshotCreate(base.ChangeOne):
    """Take a snapshot of a share, or find the one of that name."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('share', help='name or id')
        parser.add_argument('name', help='name, unique in the backend')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> base.Output:
        args = parsed_args
        with self.backend() as backend:
            made: Any = backend.shares.get(args.share).snapshot(
                args.name, plan=args.dry_run)
            if isinstance(made, direct.Preview):
                return self.planned(made)
            return self.fields(fields(made))


class SnapshotList(base.Listing):
    """List the snapshots that are recorded; the backend is not asked."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('--share', help='name or id; by default all')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> base.Output:
        with self.backend() as backend:
            names = {share.id: share.name for share in backend.shares}
            found = (backend.shares.get(parsed_args.share).snapshots
                     if parsed_args.share else backend.snapshots.list())
            return (('Name', 'ID', 'Share', 'Size', 'Status'),
                    [(one.name, one.id, names.get(one.share_id), one.size,
                      one.status) for one in found])


class SnapshotShow(base.Showing):
    """Show what is recorded of a snapshot."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('snapshot', help='name or id')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> base.Output:
        with self.backend() as backend:
            return self.fields(fields(backend.snapshots.get(
                parsed_args.snapshot)))


class SnapshotClone(base.ChangeOne):
    """Make a share with the content of a snapshot, or find it."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('snapshot', help='name or id')
        parser.add_argument('name', help='name of the share, unique in the '
                                         'backend')
        parser.add_argument('--size', type=base.gib,
                            help='GiB (default: those of the snapshot)')
        shares.waiting(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> base.Output:
        args = parsed_args
        with self.backend() as backend:
            made: Any = backend.snapshots.get(args.snapshot).clone(
                args.name, args.size, plan=args.dry_run)
            if isinstance(made, direct.Preview):
                return self.planned(made)
            return self.fields(shares.fields(shares.awaited(
                self, args, made)))


class SnapshotDelete(base.NamedRemoval):
    """Remove snapshots."""

    DONE, KIND, WORK = 'deleted', 'snapshot', 'delete'


class SnapshotRelease(base.NamedRemoval):
    """Record snapshots no more; they stay where they are."""

    DONE, KIND, WORK = 'released', 'snapshot', 'release'


class SnapshotAdopt(base.ChangeOne):
    """Take over a snapshot of a share that the backend has already."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('share', help='name or id')
        parser.add_argument('location',
                            help='what the backend calls it: with VAST its '
                                 'name or id, with Generic the id of the '
                                 'volume snapshot, else its name')
        parser.add_argument('name', help='name, unique in the backend')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> base.Output:
        args = parsed_args
        with self.backend() as backend:
            made: Any = backend.shares.get(args.share).adopt_snapshot(
                args.location, args.name, plan=args.dry_run)
            if isinstance(made, direct.Preview):
                return self.planned(made)
            return self.fields(fields(made))


class SnapshotRevert(base.ChangeOne):
    """Bring a share back to this snapshot, which has to be its last one.

    What was written since is lost. The share gets the size that it had, and
    its access rules stay; so does the snapshot.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('snapshot', help='name or id')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> base.Output:
        args = parsed_args
        with self.backend() as backend:
            snapshot = backend.snapshots.get(args.snapshot)
            if args.dry_run:
                return self.planned(snapshot.revert(plan=True))
            return self.fields(shares.fields(snapshot.revert()))

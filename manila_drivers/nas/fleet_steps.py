# SPDX-License-Identifier: Apache-2.0

"""What is done on one NFS server, and what of it is not to be seen.  Pure."""

from collections.abc import Sequence
import dataclasses

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.nas import directory
from manila_drivers.nas import exports
from manila_drivers.transport import command

Commands = Sequence[command.Command]

_LONGEST = 500


def export(server: str, wanted: Sequence[exports.Export],
           stale: Sequence[str], changes: Commands, looks: Commands,
           lacking: exception.DriverError | None) -> plan.Step:
    """Say in the operator's words what is done on a server.

    :param looks: what is asked behind the changes.
    """
    tidy = [directory.removed(*stale)] if stale else []
    return plan.Step('export', f'on {server}', {
        'server': server, 'wanted': wanted, 'commands': (*tidy, *changes),
        'looks': looks if changes else (), 'verify': bool(changes),
        'lacking': lacking}, detail='; '.join(map(str, wanted)))


def left(commands: Commands, wanted: Sequence[exports.Export],
         seen: exports.Seen) -> str:
    """Return what a server lacks that has answered success.

    :param commands: what would have to be done now.
    """
    if not commands:
        return ''
    found = [(dataclasses.replace(each, levels=seen.levels.get(
        each.path, {})), each) for each in wanted]
    text = '; '.join(map(str, commands))
    return '; '.join([f'it exports {now}, and was told {each}'
                      for now, each in found]) \
        + f'; still to be done: {text[:_LONGEST]}'

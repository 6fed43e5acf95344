# SPDX-License-Identifier: Apache-2.0

"""Directories of shares that an NFS server lacks, or does not tell of.  Pure.

From these access is taken away, and nobody is let in: there would be
something else in their place.
"""

from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses

from manila_drivers import exception
from manila_drivers import networks
from manila_drivers.nas import directory
from manila_drivers.nas import exports
from manila_drivers.transport import command


def why(server: str, path: str,
        looked: command.Result) -> exception.BackendError | None:
    """Return why nobody is let in to a path, None if it is a directory.

    :param looked: what ``stat -c %F`` answered.
    """
    untold = directory.objection(looked)
    if untold or looked.status and not looked.stderr.strip():
        return exception.BackendError(
            f'It is not told whether {path} is a directory on {server}',
            answer=untold, status=looked.status,
            check='that this user may run stat as root there')
    if not looked.status and looked.stdout.strip() == 'directory':
        return None
    return exception.NotFound(
        f'{path} is not a directory on {server}',
        answer=(looked.stdout or looked.stderr).strip(),
        check='whether the share exists, and the file system is mounted '
        'there')


def possible(wanted: Sequence[exports.Export],
             lacking: Mapping[str, exception.BackendError],
             seen: exports.Seen,
             ) -> tuple[Sequence[exports.Export],
                        exception.BackendError | None]:
    """Return what can be done where directories are missing.

    From these is taken away, and nothing is given.

    :param seen: what is exported now.
    :returns: also why that is not enough: unless it takes away and nothing
        else, somebody misses the directory.
    """
    errors = [lacking[export.path] for export in wanted
              if export.levels and export.path in lacking and (
                  export.gives([seen]) or not networks.takes_away(
                      seen.levels.get(export.path, {}), export.levels))]
    return ([dataclasses.replace(export, keep=True)
             if export.path in lacking else export for export in wanted],
            errors[0] if errors else None)


def short(wanted: exports.Export,
          lacking: Mapping[str, Mapping[str, exception.BackendError]],
          found: exports.Found) -> dict[str, exception.DriverError]:
    """Return why servers lack a directory that somebody is let in to.

    :param lacking: paths that are no directories, by server.
    """
    errors = {server: possible([wanted], lacking.get(server, {}), one)[1]
              for server, one in exports.apart(found)[1].items()}
    return {server: error for server, error in errors.items()
            if error is not None}

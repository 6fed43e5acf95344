# SPDX-License-Identifier: Apache-2.0

"""GPFS commands, and the few others beside them, as values.  Pure.

Those that change something have the names of the steps of plans that they
carry out, and take what these say (``planning.py``).
"""

import shlex

from manila_drivers.ibm.gpfs import copy_scripts
from manila_drivers.ibm.gpfs import errors
from manila_drivers.ibm.gpfs import settings
from manila_drivers.transport import command

Command = command.Command

# The slow ones: they walk through a fileset.
_PATIENCE = 10

# Exit codes of questions are for the parsers to judge.
_ANY = frozenset(range(256))

# Seconds that a copy is given to end.
_LAST_WORDS = 30


def _lock_of(fileset: str) -> str:
    """A file of one host, which it forgets when it is restarted."""
    return f'/run/lock/manila-restore-{fileset}'


class Script(Command):
    """A shell's, shown by its name and words: nobody wants to read all."""

    def __str__(self) -> str:
        return shlex.join(self.words()[3:])


class Commands:
    """Makes the commands of one backend.

    :param settings: where the commands are, and how long they may take.
    :param bare: name GPFS commands without their directory, as filters of
        rootwrap need it.
    """

    def __init__(self, settings: settings.GpfsSettings, *,
                 bare: bool = False) -> None:
        self._settings = settings
        self._prefix = ('' if bare or not settings.directory
                        else settings.directory + '/')

    def mm(self, name: str, *words: object, slow: bool = False) -> Command:
        """A command that changes something."""
        return Command.of(
            self._prefix + name, *words, root=True,
            timeout=self._settings.timeout * (_PATIENCE if slow else 1))

    def ask(self, name: str, *words: object) -> Command:
        """A command that only tells something, whatever it exits with."""
        return Command.of(self._prefix + name, *words, root=True,
                          accept=_ANY, reads=True,
                          timeout=self._settings.timeout)

    def look(self, *words: object, root: bool = True) -> Command:
        """A command of Unix that only tells something."""
        return Command.of(*words, root=root, accept=_ANY, reads=True,
                          timeout=self._settings.timeout)

    def mmnfs(self, *words: object) -> Command:
        """List exports, whatever it exits with, or change one."""
        reads = words[0] == 'list'
        return Command.of(
            self._prefix + 'mmnfs', 'export', *words, root=True, reads=reads,
            accept=_ANY if reads else frozenset({0}),
            timeout=self._settings.timeout)

    def _unix(self, *words: object) -> Command:
        return Command.of(*words, root=True, timeout=self._settings.timeout)

    def _copying(self, name: str, *words: object,
                 reads: bool = False) -> Command:
        """A script of jobs that copy, see ``copy_scripts``."""
        return Script.of(
            'sh', '-c', copy_scripts.SCRIPTS[name], name,
            self._settings.state_directory, *words, root=True,
            timeout=self._settings.timeout, reads=reads)

    # Questions

    def fileset(self, device: str, name: str) -> Command:
        return self.ask('mmlsfileset', device, name, '-Y')

    def filesets(self, device: str) -> Command:
        return self.ask('mmlsfileset', device, '-Y')

    def all_snapshots(self, device: str) -> Command:
        return self.ask('mmlssnapshot', device, '-Y')

    def snapshots(self, device: str, fileset: str) -> Command:
        return self.ask('mmlssnapshot', device, '-j', fileset, '-Y')

    def quota(self, device: str, fileset: str) -> Command:
        # Without -v a fileset is left out that has no limit or no data.
        return self.ask('mmlsquota', '-j', fileset, '-v', '-Y', device)

    def quotas(self, device: str) -> Command:
        return self.ask('mmrepquota', '-j', '-Y', device)

    def addresses(self) -> Command:
        return self.ask('mmces', 'address', 'list', '-Y')

    def kind(self, path: str) -> Command:
        """Ask for the kind of file at a path, not of a link's target."""
        return self.look('stat', '-c', '%F', path)

    def real_path(self, path: str) -> Command:
        """A path without links."""
        return self.look('readlink', '-f', '--', path, root=False)

    def mount_point(self, path: str) -> Command:
        """Where the file system is that a path is in."""
        return self.look('stat', '-L', '-c', '%m', path)

    def restoring(self, fileset: str) -> Command:
        """Exits with 75 where a fileset is being restored."""
        return self.look('flock', '-n', '-E', errors.LOCKED,
                         _lock_of(fileset), 'true')

    @staticmethod
    def is_locked(result: command.Result) -> bool | None:
        """Return what :meth:`restoring` found; None if it could not look."""
        return {0: False, errors.LOCKED: True}.get(result.status)

    def copy_state(self, share: str) -> Command:
        return self._copying(copy_scripts.STATE, share, reads=True)

    def copies(self) -> Command:
        return self._copying(copy_scripts.LIST, reads=True)

    # Changes: of a fileset, if no other object is named

    def create_fileset(self, device: str, name: str, *, comment: str,
                       independent: bool, inode_limit: str) -> Command:
        words = ['--inode-space', 'new' if independent else 'root']
        if independent and inode_limit:
            words += ['--inode-limit', inode_limit]
        return self.mm('mmcrfileset', device, name, '-t', comment, *words)

    def mark_fileset(self, device: str, name: str, *,
                     comment: str) -> Command:
        return self.mm('mmchfileset', device, name, '-t', comment)

    def rename_fileset(self, device: str, name: str, *, new: str) -> Command:
        return self.mm('mmchfileset', device, name, '-j', new)

    def limit_fileset(self, device: str, name: str, *,
                      limit: str) -> Command:
        """
        :param limit: with its unit, ``2G`` or ``1500k``.
        """
        # No soft limit: it would only start a period of grace.
        return self.mm('mmsetquota', f'{device}:{name}', '--block',
                       f'0:{limit}')

    extend_fileset = shrink_fileset = limit_fileset

    def link_fileset(self, device: str, name: str, *, path: str) -> Command:
        return self.mm('mmlinkfileset', device, name, '-J', path)

    def unlink_fileset(self, device: str, name: str, *,
                       force: bool = True) -> Command:
        return self.mm('mmunlinkfileset', device, name,
                       *(['-f'] if force else []))

    def move_junction(self, device: str, path: str, *, to: str) -> Command:
        return self._unix('mv', '-nT', path, to)

    def delete_fileset(self, device: str, name: str) -> Command:
        return self.mm('mmdelfileset', device, name, '-f', slow=True)

    def set_owner(self, device: str, path: str, *, owner: str) -> Command:
        return self._unix('chown', owner, path)

    def set_mode(self, device: str, path: str, *, mode: str) -> Command:
        return self._unix('chmod', mode, path)

    def create_snapshot(self, device: str, place: str) -> Command:
        fileset, _, name = place.partition(':')
        return self.mm('mmcrsnapshot', device, name, '-j', fileset)

    def delete_snapshot(self, device: str, place: str) -> Command:
        fileset, _, name = place.partition(':')
        return self.mm('mmdelsnapshot', device, name, '-j', fileset,
                       slow=True)

    def restore_snapshot(self, device: str, place: str) -> Command:
        """Bring a fileset back to a snapshot, alone on its host.

        A lock is held as long as anything of it runs, also when the
        connection is gone; nobody but its host sees that lock.
        """
        fileset, _, name = place.partition(':')
        restore = self.mm('mmrestorefs', device, name, '-j', fileset,
                          slow=True)
        return Command.of('flock', '-n', '-E', errors.LOCKED,
                          _lock_of(fileset), *restore.words(), root=True,
                          timeout=restore.timeout)

    def start_copy(self, device: str, share: str, *, number: int,
                   source: str, path: str, owner: str) -> Command:
        """Begin an attempt to fill a share.

        :param source: directory of the snapshot.
        :param owner: id of the share.
        """
        directory = self._settings.directory
        return self._copying(
            copy_scripts.START, share, number, source, path,
            # By its path: the script is root's, and not the filters'.
            directory and directory + '/', device, owner,
            *copy_scripts.RSYNC)

    def renew_copy(self, device: str, share: str, *, source: str) -> Command:
        """Say that the fileset is made anew, to be filled from a snapshot."""
        return self._copying(copy_scripts.RENEW, share, source)

    def end_copy(self, device: str, share: str) -> Command:
        """End the copy, if there is one, and remove its files."""
        return self._copying(copy_scripts.STOP, share, max(1, int(min(
            _LAST_WORDS, self._settings.timeout / 3))))

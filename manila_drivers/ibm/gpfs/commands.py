# SPDX-License-Identifier: Apache-2.0

"""GPFS commands, and the few others beside them, as values.  Pure."""

from collections.abc import Sequence
import shlex

from manila_drivers.ibm.gpfs import settings
from manila_drivers.transport import command

Command = command.Command

# The slow ones: they walk through a fileset.
_PATIENCE = 10

# Exit codes of questions are for the parsers to judge.
_ANY = frozenset(range(256))


#: What flock exits with where somebody else holds the lock.
LOCKED = 75


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

    def __init__(self, settings: settings.Settings, *,
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
                          accept=_ANY, timeout=self._settings.timeout)

    def mmnfs(self, *words: object,
              accept: frozenset[int] = frozenset({0})) -> Command:
        return Command.of(self._prefix + 'mmnfs', 'export', *words,
                          root=True, accept=accept,
                          timeout=self._settings.timeout)

    def unix(self, *words: object, stdin: str | None = None,
             root: bool = True, accept: frozenset[int] = frozenset({0}),
             ) -> Command:
        return Command.of(*words, root=root, accept=accept, stdin=stdin,
                          timeout=self._settings.timeout)

    def script(self, text: str, name: str, *words: object) -> Command:
        return Script.of('sh', '-c', text, name, *words, root=True,
                         timeout=self._settings.timeout)

    # Questions

    def fileset(self, device: str, name: str) -> Command:
        return self.ask('mmlsfileset', device, name, '-Y')

    def filesets(self, device: str) -> Command:
        return self.ask('mmlsfileset', device, '-Y')

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
        """What is at a path, without following a link there."""
        return self.unix('stat', '-c', '%F', path, accept=_ANY)

    def real_path(self, path: str) -> Command:
        """A path without links."""
        return self.unix('readlink', '-f', '--', path, root=False,
                         accept=_ANY)

    def mount_point(self, path: str) -> Command:
        """Where the file system is that a path is in."""
        return self.unix('stat', '-L', '-c', '%m', path, accept=_ANY)

    @staticmethod
    def is_locked(result: command.Result) -> bool | None:
        """What :meth:`restoring` found; None if it could not look."""
        return {0: False, LOCKED: True}.get(result.status)

    # Changes

    def make(self, device: str, name: str, comment: str, *,
             independent: bool, inode_limit: str) -> Command:
        words = ['--inode-space', 'new' if independent else 'root']
        if independent and inode_limit:
            words += ['--inode-limit', inode_limit]
        return self.mm('mmcrfileset', device, name, '-t', comment, *words)

    def comment(self, device: str, name: str, comment: str) -> Command:
        return self.mm('mmchfileset', device, name, '-t', comment)

    def rename(self, device: str, name: str, new: str) -> Command:
        return self.mm('mmchfileset', device, name, '-j', new)

    def limit(self, device: str, name: str, gib: int) -> Command:
        # No soft limit: it would only start a period of grace.
        return self.mm('mmsetquota', f'{device}:{name}', '--block',
                       f'0:{gib}G')

    def limit_kib(self, device: str, name: str, kib: int) -> Command:
        return self.mm('mmsetquota', f'{device}:{name}', '--block',
                       f'0:{kib}k')

    def link(self, device: str, name: str, path: str) -> Command:
        return self.mm('mmlinkfileset', device, name, '-J', path)

    def unlink(self, device: str, name: str, *,
               force: bool = True) -> Command:
        return self.mm('mmunlinkfileset', device, name,
                       *(['-f'] if force else []))

    def delete(self, device: str, name: str) -> Command:
        return self.mm('mmdelfileset', device, name, '-f', slow=True)

    def snapshot(self, device: str, fileset: str, name: str) -> Command:
        return self.mm('mmcrsnapshot', device, name, '-j', fileset)

    def delete_snapshot(self, device: str, fileset: str,
                        name: str) -> Command:
        return self.mm('mmdelsnapshot', device, name, '-j', fileset,
                       slow=True)

    def restore(self, device: str, fileset: str, name: str) -> Command:
        """Bring a fileset back to a snapshot, alone on its host.

        A lock is held as long as anything of it runs, also when the
        connection is gone; nobody but its host sees that lock.
        """
        restore = self.mm('mmrestorefs', device, name, '-j', fileset,
                          slow=True)
        return Command.of('flock', '-n', '-E', LOCKED, _lock_of(fileset),
                          *restore.words(), root=True,
                          timeout=restore.timeout)

    def restoring(self, fileset: str) -> Command:
        """Exits with 75 where a fileset is being restored."""
        return self.unix('flock', '-n', '-E', LOCKED, _lock_of(fileset),
                         'true', accept=_ANY)

    def permissions(self, path: str) -> Sequence[Command]:
        """Owner and mode of a new share's root directory."""
        owner = self._settings.owner
        return [*([self.unix('chown', owner, path)] if owner else []),
                self.unix('chmod', self._settings.mode, path)]

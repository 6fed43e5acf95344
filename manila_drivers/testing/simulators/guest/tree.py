# SPDX-License-Identifier: Apache-2.0

"""Files of a machine's own disk, of which a power failure may lose some."""

from collections.abc import Callable
from collections.abc import Sequence
import errno
import posixpath
import re

from manila_drivers.testing.simulators.guest import unmodelled
from manila_drivers.testing.simulators.nfs import files
from manila_drivers.transport import command

Result = command.Result

_DIRECTORIES = ('/', '/etc', '/run', '/tmp', '/var/lib/nfs',  # noqa: S108
                '/var/lib/samba', '/home/manila')


class VmFiles(files.Files):
    """Files and directories, and what is in /proc and /sys.

    :param shown: files that the kernel makes up, path to text.
    :param told: files that the kernel is told something by.
    """

    def __init__(self) -> None:
        super().__init__()
        self.directories = set(_DIRECTORIES)
        self.shown: dict[str, Callable[[], str]] = {}
        self.told: Callable[[str, str], bool] = lambda path, text: False
        #: The text of further files that the kernel makes up, or None.
        self.made: Callable[[str], str | None] = lambda path: None
        #: Says of a directory whether something is mounted there.
        self.mounted: Callable[[str], bool] = lambda path: False
        self._kept: dict[str, str] = {}
        self._synced: set[str] = set()
        #: Files whose content was changed in its place, and is not on disk.
        self._rewritten: set[str] = set()
        self._commands |= {'rmdir': self._rmdir, 'chmod': self._chmod,
                           'cp': self._cp, 'readlink': self._readlink,
                           'dd': self._dd}
        #: Symbolic links to directories, and where they lead.
        self.links: dict[str, str] = {}
        self.is_directory = self.directories.__contains__
        self.modes: dict[str, str] = {}

    def command(self, words: Sequence[str], stdin: str) -> Result | None:
        """Run a command; behind its options are operands."""
        name, *arguments = words
        if name in ('mv', 'rm', 'sync', 'mkdir', 'tee', 'rmdir', 'cat',
                    'readlink', 'ln') \
                and '--' not in arguments:
            at = next((number for number, word in enumerate(arguments)
                       if not word.startswith('-')), len(arguments))
            arguments.insert(at, '--')
        return super().command([name, *arguments], stdin)

    def resolved(self, path: str) -> str:
        """Return a path as the kernel has it."""
        for link, target in self.links.items():
            if (path + '/').startswith(link + '/'):
                return target + path[len(link):]
        return path

    def _readlink(self, arguments: Sequence[str], stdin: str) -> Result:
        if list(arguments[:2]) != ['-m', '--'] or len(arguments) != 3:
            raise unmodelled.NotModelledError(['readlink', *arguments])
        return files.done(self.resolved(arguments[2]) + '\n')

    # As a shell sees them

    def kind(self, path: str) -> str:
        path = posixpath.normpath(path)
        if path in self.shown or path in self.text:
            return 'file'
        if self.is_directory(path):
            return 'directory'
        return 'file' if self.told(path, '') else ''

    def inside(self, path: str) -> list[str]:
        """Return the names of files in a directory."""
        return sorted(posixpath.basename(one) for one in self.text
                      if posixpath.dirname(one) == path)

    def read(self, path: str) -> str:
        """:raises OSError: there is no such file."""
        if path in self.shown:
            return self.shown[path]()
        made = self.made(path)
        if made is not None:
            return made
        if path not in self.text:
            raise OSError(errno.ENOENT, 'No such file', path)
        return self.text[path]

    def put(self, path: str, text: str, *, more: bool) -> None:
        """:raises OSError: it cannot be written."""
        if self.told(path, text):
            return
        if path in self.shown:
            raise OSError(errno.EACCES, 'Permission denied', path)
        if posixpath.dirname(path) not in self.directories:
            raise OSError(errno.ENOENT, 'Directory nonexistent', path)
        if text and not self.has_room(path):
            self.text.setdefault(path, '')
            raise OSError(errno.ENOSPC, 'No space left on device', path)
        self.text[path] = (self.text.get(path, '') if more else '') + text

    # What a power failure leaves

    def kept(self) -> None:
        """Have all that is there now survive."""
        self._kept = dict(self.text)
        self._synced = set(self.text.values())

    def lost(self) -> None:
        """Have what was not synced be as it was before.

        A file whose name was, and whose content was not, is empty.
        """
        self.leads = {}
        self.text = {path: text for path, text in self._kept.items()
                     if not path.startswith(('/run/', '/tmp/'))}  # noqa: S108
        self.kept()

    def _sync(self, arguments: Sequence[str], stdin: str) -> Result:
        done = super()._sync(arguments, stdin) if '-f' not in arguments \
            else files.done()
        if done.status:
            return done
        for path in arguments[list(arguments).index('--') + 1:]:
            if path in self.text:
                self._synced.add(self.text[path])
                if path in self._rewritten:
                    # Under a name that is on disk already.
                    self._rewritten.remove(path)
                    self._kept[path] = self.text[path]
            else:
                self._sync_directory(path, whole='-f' in arguments)
        return done

    def _sync_directory(self, path: str, *, whole: bool) -> None:
        def inside(name: str) -> bool:
            return whole or posixpath.dirname(name) == path

        self._kept = {name: text for name, text in self._kept.items()
                      if not inside(name)}
        self._kept |= {
            name: text if whole or text in self._synced else ''
            for name, text in self.text.items() if inside(name)}

    # Commands

    def _cat(self, arguments: Sequence[str], stdin: str) -> Result:
        found, errors = '', ''
        operands = list(arguments[list(arguments).index('--') + 1:])
        for path in operands or ['-']:
            try:
                found += stdin if path == '-' else self.read(path)
            except OSError:
                errors += f'cat: {path}: No such file or directory\n'
        return Result(found, errors, 1 if errors else 0)

    def _cp(self, arguments: Sequence[str], stdin: str) -> Result:
        source, target = arguments
        try:
            self.put(target, self.read(source), more=False)
        except OSError as exc:
            return files.failed(f"cp: cannot stat '{exc.filename}': "
                                f"{exc.strerror}")
        return files.done()

    def _dd(self, arguments: Sequence[str], stdin: str) -> Result:
        """``dd of=FILE bs=1 seek= conv=notrunc status=none``: what is there
        becomes something else, for which there is always room."""
        values = dict(word.split('=', 1) for word in arguments)
        path, at = values.pop('of', ''), int(values.pop('seek', 0))
        if values != {'bs': '1', 'conv': 'notrunc', 'status': 'none'}:
            raise unmodelled.NotModelledError(['dd', *arguments])
        text = self.text[path].encode()
        assert at + len(stdin) <= len(text)
        if self._kept.get(path) == self.text[path]:
            self._rewritten.add(path)
        self.text[path] = (text[:at] + stdin.encode()
                           + text[at + len(stdin):]).decode(errors='replace')
        return files.done()

    def _grep(self, arguments: Sequence[str], stdin: str) -> Result:
        """``grep WORD [FILE]`` as well."""
        if any(word.startswith('-') for word in arguments):
            return super()._grep(arguments, stdin)
        text, *paths = arguments
        _plainly(text)
        if paths:
            try:
                stdin = self.read(paths[0])
            except OSError:
                return files.failed(
                    f'grep: {paths[0]}: No such file or directory', 2)
        lines = [line + '\n' for line in stdin.splitlines() if text in line]
        return Result(''.join(lines), '', 0 if lines else 1)

    def _sed(self, arguments: Sequence[str], stdin: str) -> Result:
        """``sed -i s@ONE@OTHER@ FILE``, ``sed -i /WORD/d FILE`` as well."""
        if '-e' in arguments:
            return super()._sed(arguments, stdin)
        flag, script, path = arguments
        replaced = re.fullmatch('s@([^@]*)@([^@]*)@', script)
        deleted = re.fullmatch('/([^/]*)/d', script)
        if flag != '-i' or not (replaced or deleted):
            raise unmodelled.NotModelledError(arguments)
        if path not in self.text:
            return files.failed(f"sed: can't read {path}: No such file or "
                                f"directory", 2)
        lines = self.text[path].splitlines(keepends=True)
        if deleted:
            _plainly(deleted[1])
            lines = [line for line in lines if deleted[1] not in line]
        elif replaced:
            _plainly(replaced[1])
            lines = [line.replace(replaced[1], replaced[2], 1)
                     for line in lines]
        self.text[path] = ''.join(lines)
        return files.done()

    def _mkdir(self, arguments: Sequence[str], stdin: str) -> Result:
        for path in arguments[list(arguments).index('--') + 1:]:
            above = path
            while above not in self.directories:
                self.directories.add(above)
                above = posixpath.dirname(above)
        return files.done()

    def _rmdir(self, arguments: Sequence[str], stdin: str) -> Result:
        path = arguments[-1]
        if self.mounted(path):
            return files.failed(f"rmdir: failed to remove '{path}': Device "
                                f"or resource busy")
        if path not in self.directories:
            return files.failed(f"rmdir: failed to remove '{path}': No such "
                                f"file or directory")
        self.directories.discard(path)
        return files.done()

    def _chmod(self, arguments: Sequence[str], stdin: str) -> Result:
        path = arguments[-1]
        if not self.kind(path):
            return files.failed(f"chmod: cannot access '{path}': No such "
                                f"file or directory")
        self.modes[path] = arguments[-2]
        return files.done()


def _plainly(text: str) -> None:
    """:raises NotImplementedError: a pattern that is more than a text."""
    if not re.fullmatch(r'[\w/-]+', text):
        raise unmodelled.NotModelledError(text)

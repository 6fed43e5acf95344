# SPDX-License-Identifier: Apache-2.0

"""The files of a simulated server, and the commands that touch them."""

from collections.abc import Callable
from collections.abc import Sequence
import fnmatch
import itertools
import posixpath
import re

from manila_drivers.transport import command

Result = command.Result


class Files:
    """Files by path, with their text."""

    def __init__(self) -> None:
        self.text: dict[str, str] = {}
        #: What kind of file system all of this is on.
        self.file_system = 'ext2/ext3'
        self.directories = {'/etc', '/run', '/var/lib/nfs'}
        #: Whether the disk has no room for anything more.
        self.full = False
        #: Symbolic links to files, and where they lead.
        self.leads: dict[str, str] = {}
        self._commands: dict[str, Callable[[Sequence[str], str], Result]] = {
            'cat': self._cat, 'grep': self._grep, 'tee': self._tee,
            'mv': self._mv, 'rm': self._rm, 'mkdir': self._mkdir,
            'sed': self._sed, 'stat': self._stat, 'sync': self._sync,
            'flock': self._flock, 'ln': self._ln}
        #: Which shares there are on this host; every path unless told.
        self.is_directory: Callable[[str], bool] = lambda path: True

    def command(self, words: Sequence[str], stdin: str) -> Result | None:
        """Run a command on files; None if it is none of those."""
        name, *arguments = words
        known = self._commands.get(name)
        return known(arguments, stdin) if known else None

    def has_room(self, path: str) -> bool:
        """Tell if more can be written; /run is in memory."""
        return not self.full or path.startswith('/run/')

    def saved(self, path: str, text: str) -> str:
        """Put a table in place as exportfs does.

        Seen of nfs-utils 2.6.2: with a full disk it leaves an empty one, and
        says nothing of it.  Where the name that it writes to leads elsewhere,
        the table's name does so afterwards.
        """
        lead = self.leads.pop(path + '.tmp', '')
        if lead and lead == self.leads.pop(path, None):
            # Nobody may ask for this: mountd would go on with what it has
            # read before, so that a test which gets here has to fail.
            raise NotImplementedError('mountd reads a new file only')
        if lead:
            self.leads[path] = lead
        self.text[path] = text if self.has_room(lead or path) else ''
        return self.text[path]

    def same(self, one: str, other: str) -> bool:
        return self.leads.get(one, one) == self.leads.get(other, other)

    def below(self, directory: str) -> dict[str, str]:
        return {path: text for path, text in sorted(self.text.items())
                if path.startswith(directory.rstrip('/') + '/')}

    def _ln(self, arguments: Sequence[str], stdin: str) -> Result:
        if list(arguments[:3]) != ['-s', '-f', '-T']:
            # As elsewhere here: what no driver asks for is no success.
            raise NotImplementedError(arguments)
        target, link = _operands(arguments)
        self.leads[link] = target
        return done()

    def _cat(self, arguments: Sequence[str], stdin: str) -> Result:
        path, = _operands(arguments)
        if path not in self.text:
            return failed(f'cat: {path}: No such file or directory')
        return done(self.text[path])

    def _grep(self, arguments: Sequence[str], stdin: str) -> Result:
        """``grep -rH -- '' directory``, ``grep -rHF -e text -- directory``
        and ``grep -F -e text -- file``.

        Without ``-a`` it shows nothing of a file that has zeros in it.
        """
        texts = [text for before, text in itertools.pairwise(arguments)
                 if before == '-e']
        *pattern, place = _operands(arguments)
        if any(pattern) or bool(texts) != any(
                word.startswith('-') and 'F' in word
                and not word.startswith('--') for word in arguments):
            raise NotImplementedError('grep for something')
        if not any(word.startswith('-r') for word in arguments):
            return self._grep_file(place, texts, binary='-a' in arguments)
        globs = [word.partition('=')[2] for word in arguments
                 if word.startswith('--include=')]
        if place not in self.directories:
            return failed(f'grep: {place}: No such file or directory', 2)
        lines = [line for path, text in self.below(place).items()
                 if any(fnmatch.fnmatch(posixpath.basename(path), glob)
                        for glob in globs)
                 for line in _found(path, text, texts, f'{path}:',
                                    binary='-a' in arguments)]
        return Result(''.join(lines), '', 0 if lines else 1)

    def _grep_file(self, path: str, texts: Sequence[str], *,
                   binary: bool) -> Result:
        if path not in self.text:
            return failed(f'grep: {path}: No such file or directory', 2)
        lines = _found(path, self.text[path], texts, binary=binary)
        return Result(''.join(lines), '', 0 if lines else 1)

    def _tee(self, arguments: Sequence[str], stdin: str) -> Result:
        for path in _operands(arguments):
            if stdin and not self.has_room(path):
                self.text[path] = ''
                return Result(stdin, f'tee: {path}: No space left on '
                                     f'device\n', 1)
            if posixpath.dirname(path) not in self.directories:
                return Result(
                    stdin, f'tee: {path}: No such file or directory\n', 1)
            before = self.text.get(path, '') if '-a' in arguments else ''
            self.text[path] = before + stdin
        return done(stdin)

    def _mv(self, arguments: Sequence[str], stdin: str) -> Result:
        source, target = _operands(arguments)
        if source not in self.text:
            return failed(f"mv: cannot stat '{source}': No such file or "
                          f"directory")
        self.text[target] = self.text.pop(source)
        return done()

    def _rm(self, arguments: Sequence[str], stdin: str) -> Result:
        for path in _operands(arguments):
            self.text.pop(path, None)
        return done()

    def _mkdir(self, arguments: Sequence[str], stdin: str) -> Result:
        for path in _operands(arguments):
            self.directories.add(path)
        return done()

    # What has not been compared with the real commands is not guessed at: it
    # stops the test that wants it.

    def _stat(self, arguments: Sequence[str], stdin: str) -> Result:
        if list(arguments[:3]) == ['-f', '-c', '%T']:
            return done(f'{self.file_system}\n')
        if list(arguments[:3]) == ['-f', '-c', '%n %f %S %c %d']:
            return self._stat_disk(arguments[4:])
        if list(arguments[:-1]) in (['-L', '-c', '%s', '--'],
                                    ['-c', '%N', '--']):
            return self._stat_file(arguments[-1], whole='-L' in arguments)
        if list(arguments[:2]) != ['-c', '%F']:
            raise NotImplementedError(arguments)
        path = arguments[-1]
        if path in self.text:
            return done('regular file\n')
        if path in self.directories or (
                not path.startswith('/etc/') and self.is_directory(path)):
            return done('directory\n')
        return failed(f"stat: cannot statx '{path}': No such file or "
                      f"directory")

    def _stat_disk(self, paths: Sequence[str]) -> Result:
        told, errors = '', ''
        for path in paths:
            free = 10_000_000 if self.has_room(path) else 0
            if path in self.text or path in self.directories:
                told += f'{path} {free} 4096 1000000 {free // 10}\n'
            else:
                errors += f"stat: cannot read file system of '{path}'\n"
        return Result(told, errors, 1 if errors else 0)

    def _stat_file(self, path: str, *, whole: bool) -> Result:
        if path not in self.text:
            return failed(f"stat: cannot statx '{path}': No such file or "
                          f"directory")
        lead = self.leads.get(path)
        return done(f'{len(self.text[path])}\n' if whole else
                    f"'{path}' -> '{lead}'\n" if lead else f'{path}\n')

    def _sync(self, arguments: Sequence[str], stdin: str) -> Result:
        """Files here are always kept."""
        if set(arguments[:list(arguments).index('--')]) - {'-f'}:
            raise NotImplementedError(arguments)
        errors = [f"sync: error opening '{path}': No such file or directory"
                  for path in _operands(arguments)
                  if path not in self.text and path not in self.directories]
        return failed('\n'.join(errors)) if errors else done()

    def _flock(self, arguments: Sequence[str], stdin: str) -> Result:
        """Commands here run one after the other anyway."""
        wait, _, path, *words = arguments
        if wait != '-w' or words[0] == 'flock':
            raise NotImplementedError(arguments)
        if path not in self.directories:
            return failed(f'flock: cannot open lock file {path}: No such '
                          f'file or directory', 66)
        result = self.command(words, stdin)
        if result is None:
            raise NotImplementedError(arguments)
        return result

    def _sed(self, arguments: Sequence[str], stdin: str) -> Result:
        path = arguments[-1]
        if path not in self.text:
            return failed(f"sed: can't read {path}: No such file or "
                          f"directory", 2)
        lines = self.text[path].splitlines(keepends=True)
        for before, script in itertools.pairwise(arguments):
            if before != '-e':
                continue
            match = re.fullmatch(r'\\\|(.*)\|d', script)
            if match is None:
                raise NotImplementedError(script)
            pattern = re.compile(_basic(match[1]))
            lines = [line for line in lines if not pattern.search(line)]
        self.text[path] = ''.join(lines)
        return done()


def _basic(expression: str) -> str:
    """A basic regular expression of sed as one of Python's."""
    return (expression.replace('[[:space:]]', r'\s')
            .replace(r'\{', '{').replace(r'\}', '}').replace('+', r'\+'))


def _operands(arguments: Sequence[str]) -> list[str]:
    """Return what stands behind ``--``."""
    if '--' not in arguments:
        raise NotImplementedError(f'operands without --: {arguments}')
    return list(arguments[list(arguments).index('--') + 1:])


def done(stdout: str = '') -> Result:
    return Result(stdout, '', 0)


def failed(stderr: str, status: int = 1) -> Result:
    return Result('', stderr + '\n', status)


def _found(path: str, text: str, texts: Sequence[str], before: str = '', *,
           binary: bool) -> list[str]:
    """Return the lines that grep prints of a file."""
    lines = [f'{before}{line}\n' for line in text.splitlines()
             if not texts or any(each in line for each in texts)]
    if lines and '\0' in text and not binary:
        return [f'grep: {path}: binary file matches\n']
    return lines

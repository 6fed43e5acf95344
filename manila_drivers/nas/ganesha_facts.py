# SPDX-License-Identifier: Apache-2.0

"""Facts about a Ganesha server: questions, and their answers.

Pure.  See :mod:`manila_drivers.nas.ganesha` for what is made of them.
"""

from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import functools
import re

from manila_drivers import exception
from manila_drivers.nas import directory
from manila_drivers.nas import ganesha_bus
from manila_drivers.nas import ganesha_exports
from manila_drivers.nas import ganesha_legacy
from manila_drivers.transport import command

Commands = list[command.Command]
Export = ganesha_exports.GaneshaExport

INDEX = 'INDEX.conf'


@dataclasses.dataclass(frozen=True)
class Layout:
    """How a Ganesha is set up.

    :param export_dir: absolute, of plain characters.
    :param fsal: GPFS, VFS, ....
    :param config: the main file, and ``service`` what reads it; these are
        changed and restarted where Ganesha is older than 2.1.
    """

    export_dir: str = '/etc/ganesha/export.d'
    fsal: str = 'GPFS'
    config: str = '/etc/ganesha/ganesha.conf'
    service: str = 'ganesha.nfsd'

    def __post_init__(self) -> None:
        if not re.fullmatch(r'(/[A-Za-z0-9_.+@-]+)+', self.export_dir):
            raise exception.ConfigurationError(
                'ganesha_export_dir', f'{self.export_dir!r} has to be an '
                f'absolute path of letters, digits and _.+@-')

    def file(self, name: str) -> str:
        return f'{self.export_dir}/{name}.conf'

    @property
    def index(self) -> str:
        return f'{self.export_dir}/{INDEX}'


@dataclasses.dataclass(frozen=True)
class GaneshaFacts:
    """The exports of a server, now and after a restart.

    :param live: number to path of what Ganesha serves.
    :param shown: what it says in detail, by number.
    :param asked: whether details were asked for; else files are believed.
    :param files: exports of our directory by file, without ``.conf``.
    :param pending: files that Ganesha may not have been told of.
    :param index: files that it reads when it starts.
    :param old: the main file of a Ganesha older than 2.1, which has all its
        exports there.
    :param lasts: whether the main file has the index read; None if it could
        not be looked at.
    """

    live: Mapping[int, str]
    shown: Mapping[int, Export]
    asked: bool
    files: Mapping[str, tuple[Export, ...]]
    pending: frozenset[str]
    index: frozenset[str]
    methods: frozenset[str]
    old: ganesha_legacy.Config | None = None
    lasts: bool | None = None

    def stored(self, path: str) -> Mapping[str, Export]:
        """File to export, of a path."""
        return self._stored.get(path, {})

    def numbers(self, path: str) -> Sequence[int]:
        return self._numbers.get(path, ())

    @functools.cached_property
    def _stored(self) -> dict[str, dict[str, Export]]:
        found: dict[str, dict[str, Export]] = {}
        for name, exports in self.files.items():
            for export in exports:
                found.setdefault(export.path, {})[name] = export
        return found

    @functools.cached_property
    def _numbers(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for number in sorted(self.live):
            found.setdefault(self.live[number], []).append(number)
        return found


# Questions

def questions(layout: Layout,
              numbers: Collection[int] = ()) -> Commands:
    """One round trip.

    :param numbers: exports to have shown in detail.
    """
    return [
        ganesha_bus.introspect(), ganesha_bus.show(),
        directory.look('grep', '-a', '-rH', '--include=*.conf',
                       '--include=*.pending', '--', '', layout.export_dir),
        *(directory.look('cat', '--', path)
          for path in (layout.config, f'{layout.config}.pending')),
        *map(ganesha_bus.display, sorted(numbers))]


def understand(server: str, layout: Layout,
               results: Sequence[command.Result]) -> GaneshaFacts:
    """:raises DriverError: it does not say what it exports."""
    known, shown, found, main, half, *details = results
    methods = ganesha_bus.methods(known.stdout)
    if 'AddExport' not in methods and (methods or known.status):
        for result in (main, half):
            _readable_by_us(server, layout.config, result)
        old = _old(main.stdout, certain='ShowExports' in methods)
        if old is not None:
            return _facts_of_old(old, pending=not half.status)
    for result, told in ((known, bool(methods)),
                         (shown, ganesha_bus.is_list(shown.stdout))):
        if result.status or not told:
            raise exception.BackendError(
                f'Ganesha on {server} does not say what it exports',
                answer=(result.stderr or result.stdout).strip()[-500:],
                status=result.status,
                check='that ganesha.nfsd and the system bus run there and '
                'this user may run dbus-send as root')
    _readable_by_us(server, layout.export_dir, found, listed=True)
    files = directory.files(found.stdout, layout.export_dir, 'conf|pending')
    exports = filter(None, (ganesha_bus.export(result.stdout)
                            for result in details if not result.status))
    return GaneshaFacts(
        live=ganesha_bus.exports(shown.stdout),
        shown={export.id: export for export in exports},
        asked=bool(details),
        files={name.removesuffix('.conf'): _readable(text)
               for name, text in files.items()
               if name.endswith('.conf') and name != INDEX},
        pending=frozenset(name.removesuffix('.pending') for name in files
                          if name.endswith('.pending')),
        index=included(files.get(INDEX, '')),
        methods=methods,
        lasts=None if main.status else (
            layout.index in included(main.stdout)))


def _readable_by_us(server: str, path: str, result: command.Result, *,
                    listed: bool = False) -> None:
    """
    :param listed: it is a directory, in which grep has searched.
    :raises BackendError: it could not be looked at.
    """
    unread = (directory.unsearched if listed else directory.objection)(
        result)
    if unread or result.status not in (0, 1, 2):
        raise exception.BackendError(
            f'{path} on {server} cannot be read', answer=unread,
            status=result.status,
            check='that this user may read it as root there')


def _old(text: str, *, certain: bool) -> ganesha_legacy.Config | None:
    """The main file, if it is one of a Ganesha older than 2.1.

    :param certain: Ganesha has said that it is; 1.5 does not speak.
    """
    try:
        config = ganesha_legacy.read(text)
    except exception.BackendError:
        if certain:
            raise
        return None
    return config if certain or any(
        'fsal' in export for export in config.exports) else None


def _facts_of_old(config: ganesha_legacy.Config, *,
                  pending: bool) -> GaneshaFacts:
    return GaneshaFacts(
        live={int(export['export_id']): ganesha_legacy.plain(
            export.get('path', '')) for export in config.exports},
        shown={}, asked=False, files={},
        pending=frozenset([INDEX] if pending else []),
        index=frozenset(), methods=frozenset(), old=config)


@functools.lru_cache(maxsize=4096)
def _readable(text: str) -> tuple[Export, ...]:
    """The exports of a file; those of one that is broken are not ours.

    Remembered: servers have the same files, and most of them never change.
    """
    try:
        return ganesha_exports.read(text)
    except exception.BackendError:
        return ()


def included(text: str) -> frozenset[str]:
    return frozenset(re.findall(r'^\s*%include\s+"?([^"\n]+?)"?\s*$', text,
                                re.MULTILINE))

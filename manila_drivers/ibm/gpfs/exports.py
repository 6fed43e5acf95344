# SPDX-License-Identifier: Apache-2.0

"""What a share is exported as, and what became of it, as values.  Pure."""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
import dataclasses
import functools

from manila_drivers import access
from manila_drivers import exception
from manila_drivers import networks

Network = networks.Network
Levels = Mapping[Network, str]


@dataclasses.dataclass(frozen=True)
class Export:
    """One directory and who shall reach it.

    :param path: what clients mount; absolute, without a slash at its end.
    :param name: the share's name, for files and tags; safe as a file name.
    :param fsid: a UUID that stays the same for ever, on every server.
    :param levels: network to ``rw`` or ``ro``; the most specific network
        decides.  Empty means that the directory is not exported at all.
    :param options: further options of every client, such as
        ``('no_root_squash', 'anonuid=65534')``; checked, never the level.
    """

    path: str
    name: str
    fsid: str
    levels: Levels
    options: tuple[str, ...] = ()

    def narrowed(self, current: Levels) -> 'Export':
        """The same with nobody getting more than they have now."""
        return dataclasses.replace(self, levels=networks.meet(
            current, self.levels))


def require_readers(path: str, levels: Levels,
                    refused: Mapping[Network, str]) -> None:
    """Nobody may write because a rule that lets them only read is refused.

    :param refused: networks that cannot be served, with the reason.
    :raises InvalidRequest: somebody might.
    """
    left = networks.PrefixTable({
        network: level for network, level in levels.items()
        if network not in refused})
    readers = [network for network in refused
               if levels[network] == access.RO
               and left.level(network) == access.RW]
    if readers:
        raise exception.InvalidRequest(
            f'Access to {path} was not changed: {len(readers)} networks '
            f'that may only read, such as {readers[0]}, lie within one that '
            f'may write, and cannot be kept apart from it',
            answer=refused[readers[0]],
            check='the rules: fewer, or wider, networks')


@dataclasses.dataclass(frozen=True)
class Seen:
    """What one server exports.

    :param levels: by path, who reaches it; a path that is not exported is
        not in it.
    :param doubtful: paths whose export is not quite as we would make it,
        such as one that would be gone after a reboot.
    """

    levels: Mapping[str, Levels]
    doubtful: AbstractSet[str] = frozenset()

    @classmethod
    def when_asked(cls, paths: Iterable[str],
                   look: Callable[[str], tuple[Levels, bool]]) -> 'Seen':
        """The same, with nothing made out before it is asked for.

        A server may export thousands of directories, of which one changes.

        :param look: says of a path who reaches it, and whether its export
            is quite as we would make it.
        """
        once = functools.cache(look)
        known = frozenset(paths)
        return cls(_Levels(known, lambda path: once(path)[0]),
                   _Doubtful(known, lambda path: not once(path)[1]))


class _Levels(Mapping[str, Levels]):

    def __init__(self, paths: frozenset[str],
                 look: Callable[[str], Levels]) -> None:
        self._paths, self._look = paths, look

    def __getitem__(self, path: str) -> Levels:
        if path not in self._paths:
            raise KeyError(path)
        return self._look(path)

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)


class _Doubtful(AbstractSet[str]):

    def __init__(self, paths: frozenset[str],
                 look: Callable[[str], bool]) -> None:
        self._paths, self._look = paths, look

    def __contains__(self, path: object) -> bool:
        return path in self._paths and self._look(str(path))

    def __iter__(self) -> Iterator[str]:
        return filter(self._look, self._paths)

    def __len__(self) -> int:
        return sum(1 for _ in self)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of a reconciliation on one server.

    :param before: what it exported before; None if it could not be asked.
    :param error: why the exports are not as wanted; None if they are.
    :param refused: by path, the networks that this kind of server cannot
        serve, with the reason; all others are served.
    :param changed: whether anything had to be done.
    """

    before: Seen | None = None
    error: exception.DriverError | None = None
    refused: Mapping[str, Mapping[Network, str]] = dataclasses.field(
        default_factory=dict)
    changed: bool = False


def failed(outcomes: Mapping[str, Outcome],
           ) -> dict[str, exception.DriverError]:
    return {server: outcome.error for server, outcome in outcomes.items()
            if outcome.error is not None}


def report(errors: Mapping[str, exception.DriverError],
           what: str) -> exception.DriverError:
    """One error that names every server at fault.

    Its class says what all of them have in common: that nothing was done
    anywhere (Unreachable), or that this is not known.
    """
    kind: type[exception.DriverError] = exception.BackendError
    found: Iterable[exception.DriverError] = errors.values()
    if all(isinstance(error, exception.NotFound) for error in found):
        kind = exception.NotFound
    elif all(isinstance(error, exception.Unreachable) for error in found):
        kind = exception.Unreachable
    elif any(isinstance(error, exception.TransportError) for error in found):
        kind = exception.OutcomeUnknown
    return kind(what + ' on ' + ', '.join(sorted(errors)), answer='; '.join(
        f'{server}: {" ".join(str(error).split())}'
        for server, error in sorted(errors.items())))

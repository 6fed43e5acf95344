# SPDX-License-Identifier: Apache-2.0

"""Values of what a share is exported as, and what became of it.  Pure."""

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
import dataclasses
import functools
from typing import Any

from manila_drivers import access
from manila_drivers import exception
from manila_drivers import networks
from manila_drivers import plan

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
    :param keep: options are not known, so that every server leaves them as
        they are, and gives nobody more than it does.
    :param own: options that networks have on the server this is meant for,
        instead of the above; the most specific network decides.
    """

    path: str
    name: str
    fsid: str
    levels: Levels
    options: tuple[str, ...] = ()
    keep: bool = False
    own: Mapping[Network, tuple[str, ...]] = dataclasses.field(
        default_factory=dict)

    def __str__(self) -> str:
        who = ', '.join(f'{network} {level}'
                        for network, level in self.levels.items())
        return f'{self.path} to {who or "nobody"}'

    def narrowed(self, current: Levels) -> 'Export':
        """Return a copy in which nobody gets more than they have now."""
        return dataclasses.replace(self, levels=networks.meet(
            current, self.levels))

    def without(self, dropped: Iterable[Network]) -> 'Export':
        """Return a copy that lacks networks and all that hold one of them,
        which would decide for it then."""
        inside = networks.Within(dropped)
        return dataclasses.replace(self, levels={
            network: level for network, level in self.levels.items()
            if not inside(network)})

    def gives(self, found: Iterable['Seen']) -> bool:
        """Return whether somebody gets more on one of these servers."""
        return any(networks.takes_away(
            self.levels, one.levels.get(self.path, {})) for one in found)


def require_readers(path: str, levels: Levels,
                    refused: Mapping[Network, str]) -> None:
    """Nobody may write because a rule that lets them only read is refused.

    :param refused: networks that cannot be served, with the reason.
    :raises InvalidRequest: somebody might.
    """
    readers = access.readers(levels, refused)
    if readers:
        raise exception.InvalidRequest(
            f'Access to {path} was not changed: {len(readers)} networks '
            f'that may only read, such as {readers[0]}, lie within one that '
            f'may write, and cannot be kept apart from it',
            answer=refused[readers[0]],
            check='the rules: fewer, or wider, networks')


@dataclasses.dataclass(frozen=True)
class Seen:
    """Hold what one server exports.

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
        """Return a copy that makes nothing out before it is asked for.

        A server may export thousands of directories, of which one changes.

        :param look: says of a path who reaches it, and whether its export
            is quite as we would make it.
        """
        once = functools.cache(look)
        known = frozenset(paths)
        return cls(_Levels(known, lambda path: once(path)[0]),
                   _Doubtful(known, lambda path: not once(path)[1]))


@dataclasses.dataclass(frozen=True)
class Listed:
    """All that one server exports, now and after a restart.

    :param levels: by path, what networks get, '' for nothing; the most
        specific one decides.  None where the server does not tell.
    :param names: by path, clients that are no addresses and get something.
    :param files: by path, where a driver has written down to export it.
    :param foreign: by path, in words, how it is exported beside that.
    """

    levels: Mapping[str, Levels | None]
    names: Mapping[str, Sequence[str]] = dataclasses.field(
        default_factory=dict)
    files: Mapping[str, str] = dataclasses.field(default_factory=dict)
    foreign: Mapping[str, str] = dataclasses.field(default_factory=dict)


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
    """Hold what became of a reconciliation on one server.

    :param before: what it exported before; None if it could not be asked.
    :param error: why the exports are not as wanted; None if they are.
    :param changed: whether anything had to be done.
    """

    before: Seen | None = None
    error: exception.DriverError | None = None
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


# What to do about servers of which some do not answer

Found = Mapping[str, Seen | exception.DriverError]


@dataclasses.dataclass(frozen=True)
class PendingChange:
    """A change of one export that a server has still to be told.

    :param narrow: nothing that it does not give already.
    """

    export: Export
    narrow: bool = False


@dataclasses.dataclass(frozen=True)
class ExportDecision:
    """The export that servers are told to have, and why.

    :param wanted: what the rules say.
    :param sent: the same, or less, since a server is missing.
    :param narrowing: whether somebody loses something by it, now or since a
        call before this one that failed.
    :param common: what all servers that answered gave before.
    """

    wanted: Export
    sent: Export
    narrowing: bool
    common: Levels | None


def decide(wanted: Export, found: Found, unclosed: Callable[[str], bool],
           short: Collection[str] = ()) -> ExportDecision:
    """Decide what to tell servers that answered.

    :param unclosed: says of a server whether it may still let in somebody
        who was turned out.
    :param short: servers that answered and cannot give what is wanted.
    """
    errors, answers = apart(found)
    seen = [answer.levels.get(wanted.path, {}) for answer in answers.values()]
    narrowing = (not wanted.levels or any(map(unclosed, errors)) or any(
        networks.takes_away(levels, wanted.levels) for levels in seen))
    given = common(found, wanted.path)
    return ExportDecision(
        wanted, wanted.narrowed(given or {}) if narrowing and (
            errors or short) else wanted, narrowing, given)


def common(found: Found, path: str) -> Levels | None:
    """Return what all servers that answered give, None if none did."""
    seen = [answer.levels.get(path, {})
            for answer in apart(found)[1].values()]
    return functools.reduce(networks.meet, seen) if seen else None


@dataclasses.dataclass(frozen=True)
class Conclusion:
    """The outcome of a change of one export, and what is left to do.

    :param errors: of servers that have not made it.
    :param fatal: whether it has failed as a whole.
    :param closing: whether somebody may still be let in who was to be kept
        out.
    :param owed: what servers have to be told, instead of what they missed.
    :param done: servers that have made it.
    :param back: what the others are told, so that nobody is left with what
        counts as refused.
    :param living: those that answer.
    """

    what: str
    errors: Mapping[str, exception.DriverError]
    fatal: bool
    closing: bool
    owed: Mapping[str, PendingChange]
    done: tuple[str, ...]
    back: Export | None
    living: tuple[str, ...]


def conclude(decision: ExportDecision, outcomes: Mapping[str, Outcome],
             before: Mapping[str, PendingChange]) -> Conclusion:
    """Conclude from what became of a decision.

    :param before: what servers were to be told about it before.
    """
    wanted, errors = decision.wanted, failed(outcomes)
    living = tuple(server for server, outcome in outcomes.items()
                   if outcome.before is not None)
    fatal = bool(errors) and (
        decision.narrowing or len(errors) == len(outcomes)
        # It answers, so it is not down: nobody would look after it.
        or not errors.keys().isdisjoint(living))

    def owed(server: str) -> PendingChange:
        levels = decision.common
        if levels is None and server in before:
            levels = before[server].export.levels
        if not fatal:
            return PendingChange(wanted)
        if levels is None:
            return PendingChange(wanted, narrow=True)
        return PendingChange(wanted.narrowed(levels))

    closing = fatal and decision.narrowing
    undo = (fatal and living and decision.common is not None
            and decision.sent is wanted)
    return Conclusion(
        f'Access to {wanted.path} could not be changed' + (
            ', and who was to be kept out may still be let in,'
            if closing else ''), errors, fatal, closing,
        {server: owed(server) for server in errors},
        tuple(outcomes.keys() - errors.keys()),
        wanted.narrowed(decision.common or {}) if undo else None, living)


def due(changes: Iterable[PendingChange],
        found: Seen | exception.DriverError) -> list[Export]:
    """Return what a server has to be told, by what it exports now."""
    return [change.export.narrowed(found.levels.get(change.export.path, {}))
            if change.narrow and isinstance(found, Seen) else change.export
            for change in changes]


def apart(found: Found) -> tuple[dict[str, exception.DriverError],
                                 dict[str, Seen]]:
    """Tell servers that do not answer from those that do."""
    return ({server: answer for server, answer in found.items()
             if isinstance(answer, exception.DriverError)},
            {server: answer for server, answer in found.items()
             if isinstance(answer, Seen)})


def unlike(path: str, seen: Iterable[Seen]) -> bool:
    """Tell whether servers export a path in different ways, or oddly."""
    seen = tuple(seen)
    return any(path in one.doubtful or one.levels.get(path, {})
               != seen[0].levels.get(path, {}) for one in seen)


def told_by_all(found: Found, path: str) -> Mapping[str, Seen]:
    """Return what servers export.

    :param path: what this is about.
    :raises DriverError: a server does not say.
    """
    errors, seen = apart(found)
    if errors:
        raise report(errors, f'It is not known who may reach {path}: '
                     f'no answer')
    return seen


# A plan for several servers

@dataclasses.dataclass(frozen=True)
class FleetPlan:
    """Changes that are about to be made on several servers.

    :param steps: one for each server on which something has to be done.
    :param before: what these export before.
    :param outcomes: of the others, known already.
    :param allocated: what all servers have in common.
    """

    wanted: Sequence[Export]
    steps: plan.Plan
    before: Mapping[str, Seen]
    outcomes: Mapping[str, Outcome]
    allocated: Any = None


@dataclasses.dataclass(frozen=True)
class AccessPlan:
    """One export as all servers shall have it, and what is done for it."""

    decision: ExportDecision
    servers: FleetPlan

    def followed_by(self, more: plan.Plan) -> plan.Plan:
        """Return all that is done: no more where a server cannot do it."""
        refused = failed(self.servers.outcomes)
        return self.servers.steps + (plan.Plan() if refused else more)

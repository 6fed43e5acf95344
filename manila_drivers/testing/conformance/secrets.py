# SPDX-License-Identifier: Apache-2.0


"""Nothing that is secret reaches a log, an output or an exception."""

import base64
from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import io
import logging
from urllib import parse

from manila_drivers.testing.conformance import lifecycle
from manila_drivers.testing.conformance import sweep
from manila_drivers.testing.conformance import verdict
from manila_drivers.testing.conformance.manager import Share
from manila_drivers.testing.conformance.stage import Scenario
from manila_drivers.testing.conformance.stage import Stage

#: Shorter pieces of an encoded secret are found in anything.
_LEAST = 8


def secrets_stay_secret(stage: Stage) -> None:
    """In a life with DEBUG logging."""
    with logged() as lines:
        stage.manager.restart()
        lifecycle.a_share_lives_from_creation_to_deletion(stage)
        stage.manager.create()
        stage.manager.stats()
        if stage.lab.features.usage:
            stage.manager.usage()
        with contextlib.suppress(NotImplementedError):
            stage.manager.driver.get_backend_info(stage.manager.context)
    _silent(stage, lines)


def secrets_stay_secret_in_failures(stage: Stage) -> None:
    """Also in what a failed call raises, whichever call it is."""
    failed = False
    with logged() as lines:
        for fault in stage.lab.faults:
            stage.manager.restart()
            share = stage.manager.create()
            for call in (stage.manager.create, *_calls(stage, share)):
                stage.lab.arm(fault, 1, lasting=True)
                try:
                    call()
                except verdict.Violation:
                    raise
                except Exception as exc:  # noqa: BLE001 - that is examined
                    failed = True
                    sweep.documented(stage.lab, exc)
                finally:
                    stage.lab.heal()
    if not failed:
        raise verdict.NotTried('no call failed, whatever arm() did')
    _silent(stage, lines)


def _calls(stage: Stage, share: Share,
           ) -> Iterator[Callable[[], object]]:
    """One call of each kind."""
    manager, features = stage.manager, stage.lab.features
    yield lambda: manager.update(share, add=[stage.rule()])
    yield lambda: manager.resize(share, 3)
    if features.shrink:
        yield lambda: manager.resize(share, 1)
    if features.snapshots:
        snapshot = manager.new_snapshot(share)
        yield lambda: manager.create_snapshot(share, snapshot)
        yield lambda: manager.delete_snapshot(snapshot)
    if features.ensure:
        yield lambda: manager.ensure([share])
    if features.usage:
        yield manager.usage
    yield manager.stats
    yield lambda: manager.delete_only(share)


def forms(secret: str) -> frozenset[str]:
    """Return a secret as it is, and encoded in ways anybody can undo.

    What is around it moves the bytes of base64, so that there are three.
    """
    found = {secret, parse.quote(secret, safe='')}
    for before in range(3):
        coded = base64.b64encode(b'\0' * before + secret.encode()).decode()
        # Without what its neighbours have a part in.
        inner = coded[-(-before * 8 // 6):].rstrip('=')
        inner = inner if len(secret.encode()) % 3 == -before % 3 \
            else inner[:-1]
        if len(inner) >= _LEAST:
            found.add(inner)
    return frozenset(found - {''})


def _silent(stage: Stage, lines: list[str]) -> None:
    verdict.require(lines, 'log.silent', 'nothing is logged at all')
    known = [form for secret in stage.lab.secrets for form in forms(secret)]
    for line in lines:
        verdict.require(not any(form in line for form in known),
                        'log.secret', line[:60])


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@contextlib.contextmanager
def logged() -> Iterator[list[str]]:
    """Everything that is logged or printed meanwhile, tracebacks included.

    What is printed is there when it has ended.
    """
    root = logging.getLogger()
    handler, level, off = _Lines(), root.level, root.manager.disable
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    logging.disable(logging.NOTSET)
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed), \
                contextlib.redirect_stderr(printed):
            yield handler.lines
    finally:
        handler.lines.extend(printed.getvalue().splitlines())
        logging.disable(off)
        root.setLevel(level)
        root.removeHandler(handler)


SCENARIOS = (
    Scenario(secrets_stay_secret, gives=('secrets',)),
    Scenario(secrets_stay_secret_in_failures, gives=('secrets', 'faults')))

# SPDX-License-Identifier: Apache-2.0

"""Asks NFS servers as clients of many addresses; runs in a box.

One request per line in, as JSON, and one answer per line out, in order:

* ``["gets", SERVER, PATH, [SOURCE, ...]]``: rw, ro or null for each;
* ``["handle", SERVER, PATH, SOURCE]``: the handle of a directory, as hex;
* ``["holds", SERVER, HANDLE, SOURCE]``: what a handle still is worth: rw,
  ro, null where it is refused, or "stale".

Writing is tried by making a directory, which is then removed.
"""

from concurrent import futures
import contextlib
import itertools
import json
import os
import sys
import threading
import time
import typing as ty

from tests import patience
from tests.functional.nas import wire

_AT_ONCE = 8
# A server with few threads hangs up on somebody if there are many more.
_KEPT = 100
# A server that has just come up asks clients for patience.
_PATIENCE = 120.0
_names = itertools.count(1)


class Asker:
    """Keeps connections, as clients do."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], wire.Connection] = {}
        self._lock = threading.Lock()

    def gets(self, server: str, path: str, source: str) -> str | None:
        return self._worth(server, source, wire.path(path))

    def holds(self, server: str, handle: str, source: str) -> str | None:
        return self._worth(server, source,
                           [wire.putfh(bytes.fromhex(handle))])

    def handle(self, server: str, path: str, source: str) -> str:
        answer = self._asked(server, source,
                             [*wire.path(path), wire.getfh()])
        assert not answer.status, answer.status
        return answer.handle.hex()

    def _worth(self, server: str, source: str,
               there: list[bytes]) -> str | None:
        name = b'asked-%d-%d' % (os.getpid(), next(_names))
        try:
            seen = self._asked(server, source, [*there, wire.getattr_()])
            if seen.status in wire.CLOSED:
                return None
            if seen.status in (wire.STALE, wire.FHEXPIRED, wire.BADHANDLE):
                return 'stale'
            assert not seen.status, seen.status
            made = self._asked(server, source, [*there, wire.mkdir(name)])
        except wire.Denied:
            return None
        if made.status == wire.ROFS:
            return 'ro'
        if made.status in wire.CLOSED:
            # Taken away since it was looked at.
            return None
        assert not made.status, made.status
        # Access may have been taken away by now: then it stays.
        with contextlib.suppress(wire.Denied):
            gone = self._asked(server, source, [*there, wire.remove(name)])
            assert (not gone.status or gone.status == wire.ROFS
                    or gone.status in wire.CLOSED), gone.status
        return 'rw'

    def _asked(self, server: str, source: str,
               operations: list[bytes]) -> wire.Answer:
        end = time.monotonic() + patience.seconds(_PATIENCE)
        while True:
            answer = self._once(server, source, operations)
            if answer.status not in (wire.DELAY, wire.GRACE):
                return answer
            assert time.monotonic() < end, answer.status
            time.sleep(0.05)

    def _once(self, server: str, source: str,
              operations: list[bytes]) -> wire.Answer:
        """Over the connection there is, or over a new one."""
        with self._lock:
            kept = self._kept.pop((server, source), None)
        if kept is not None:
            try:
                return self._over(kept, server, source, operations)
            except OSError:
                kept.close()
        return self._over(wire.Connection(server, source), server, source,
                          operations)

    def _over(self, link: wire.Connection, server: str, source: str,
              operations: list[bytes]) -> wire.Answer:
        answer = link.compound(operations)
        with self._lock:
            self._kept[server, source] = link
            if len(self._kept) > _KEPT:
                self._kept.pop(next(iter(self._kept))).close()
        return answer


def serve() -> None:
    asker = Asker()
    with futures.ThreadPoolExecutor(_AT_ONCE) as pool:
        for line in sys.stdin:
            sys.stdout.write(json.dumps(_answer(
                asker, pool, *json.loads(line))) + '\n')
            sys.stdout.flush()


def _answer(asker: Asker, pool: futures.Executor, what: str,
            *arguments: ty.Any) -> ty.Any:
    try:
        if what == 'gets':
            server, path, sources = arguments
            return ['ok', list(pool.map(
                lambda source: asker.gets(server, path, source), sources))]
        return ['ok', getattr(asker, what)(*arguments)]
    except (AssertionError, OSError) as exc:
        return ['error', f'{type(exc).__name__}: {exc}']


if __name__ == '__main__':
    serve()

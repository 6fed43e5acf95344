# SPDX-License-Identifier: Apache-2.0

"""Shares that nobody is to reach, beyond this process.

Where no server exports a share, it may have no access rules, or a server may
have lost its exports.  The rules are asked for unless it is known that Manila
has none, which costs no request to find out.
"""

import threading
from typing import Any

from manila_drivers.ibm.gpfs import debts

_KEY = 'gpfs_access'
_NOBODY = 'nobody'


class Unreached:
    """What Manila said last, as far as that was nobody.  Thread-safe.

    :param storage: Manila's private storage, or None to remember nothing.
    """

    def __init__(self, storage: Any) -> None:
        self._storage = storage
        self._lock = threading.Lock()
        # Of which it could not be forgotten.
        self._wrong: set[str] = set()

    def _note(self, ident: str) -> debts.Note:
        return debts.Note(self._storage, ident, _KEY)

    def add(self, ident: str) -> None:
        """Remember that a share is exported nowhere, and has no rules."""
        with self._lock:
            self._wrong.discard(ident)
        self._note(ident).write(_NOBODY)

    def discard(self, ident: str) -> None:
        """Forget that, before anybody is let in."""
        if self._note(ident).write(''):
            return
        with self._lock:
            self._wrong.add(ident)

    def __contains__(self, ident: str) -> bool:
        with self._lock:
            if ident in self._wrong:
                return False
        return self._note(ident).look() == _NOBODY

# SPDX-License-Identifier: Apache-2.0

"""Shares that are owed a check, for the next process."""

from collections.abc import Iterable
import logging
from typing import Any
import uuid

from manila_drivers import exception

LOG = logging.getLogger(__name__)

_TOLD = 'told'
_IDS = 'ids.'
# A value holds 1023 characters: 27 UUIDs and what separates them.
_IDS_IN_VALUE = 27


class OwedStore:
    """Manila's token and the ids of owed shares, in its private storage.

    Each id keeps its place, so that a change writes one value and not all.
    """

    def __init__(self, storage: Any, backend: str) -> None:
        self._storage = storage
        # Entities of the private storage have to be UUIDs.
        self._entity = str(uuid.uuid5(uuid.NAMESPACE_URL,
                                      'manila-drivers-owed:' + backend))
        self._stored: dict[str, str] = {}
        self._places: dict[str, int] = {}
        self._next = 0
        # Whether all that was to be stored has been.
        self._whole = False

    def load(self) -> tuple[str, list[str]] | None:
        """Return the token and the ids, or None if they cannot be read."""
        if self._storage is None:
            return '', []
        stored, error = exception.caught_any(
            lambda: self._storage.get(self._entity))
        if error is not None:
            LOG.error('What is owed to shares cannot be read: %s', error)
            return None
        self._stored = dict(stored or {})
        keys = sorted((key for key in self._stored if key.startswith(_IDS)),
                      key=lambda key: int(key[len(_IDS):]))
        idents = []
        for key in keys:
            number = int(key[len(_IDS):])
            for ident in self._stored[key].split():
                self._places[ident] = number
                idents.append(ident)
            self._next = (number + 1) * _IDS_IN_VALUE
        return self._stored.get(_TOLD, ''), idents

    def save(self, told: str, idents: Iterable[str]) -> None:
        """Store what differs from what is stored."""
        if self._storage is not None:
            self._write(self._wanted(told, idents))

    def without(self, ident: str) -> bool:
        """Store that one is owed no more, looking at none of the others.

        :returns: False if that cannot be: all have to be stored anew.
        """
        number = self._places.get(ident)
        if self._storage is None or not self._whole or number is None:
            return self._storage is None
        key, wanted = _IDS + str(number), dict(self._stored)
        left = [each for each in wanted.pop(key, '').split()
                if each != ident]
        if left:
            wanted[key] = ' '.join(left)
        del self._places[ident]
        self._write(wanted)
        return True

    def _write(self, wanted: dict[str, str]) -> None:
        new = {key: text for key, text in wanted.items()
               if self._stored.get(key) != text}
        old = [key for key in self._stored if key not in wanted]

        def write() -> None:
            # What is added first: being cut off here leaves more owed.
            if new:
                self._storage.update(self._entity, new)
            if old:
                self._storage.delete(self._entity, old)
        _, error = exception.caught_any(write)
        self._whole = error is None
        if error is None:
            self._stored = wanted
        else:
            LOG.error('What is owed to shares cannot be stored, a restart '
                      'would forget it: %s', error)

    def _wanted(self, told: str, idents: Iterable[str]) -> dict[str, str]:
        rows: dict[int, list[str]] = {}
        places = {}
        for ident in idents:
            number = self._places.get(ident)
            if number is None:
                number, self._next = (self._next // _IDS_IN_VALUE,
                                      self._next + 1)
            places[ident] = number
            rows.setdefault(number, []).append(ident)
        self._places = places
        if not rows:
            self._next = 0
        wanted = {_IDS + str(number): ' '.join(sorted(found))
                  for number, found in rows.items()}
        if told:
            wanted[_TOLD] = told
        return wanted

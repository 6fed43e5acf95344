# SPDX-License-Identifier: Apache-2.0

"""Tell what is asked of the storage behind a driver, beside the driver's back.

A simulator, or a bridge to a real system, answers; so that what is checked is
what clients would experience, and not what the driver believes.
"""

from collections.abc import Mapping
import contextlib
import pathlib
from typing import Protocol

Item = tuple[str, ...]

GIB = 2**30


class Storage(Protocol):
    """The storage behind one backend section of manila.conf."""

    def mark(self) -> int:
        """A mark in the record of requests, for `asked`."""

    def requests(self, mark: int) -> list[str]:
        """Return every request since the mark as it came, and its end."""

    def asked(self, mark: int) -> list[str]:
        """The requests since the mark, such as 'POST views 201', without
        those of the driver's periodic statistics."""

    def level(self, client: str, export: str) -> str | None:
        """Return an address's level on an export: 'rw', 'ro' or nothing."""

    def inventory(self) -> frozenset[Item]:
        """Everything that exists, for comparisons of before and after."""

    def limit(self, export: str) -> int | None:
        """How many bytes fit in the export; None is without limit."""

    def fill(self, export: str, used: int) -> None:
        """Let clients have written so many bytes."""

    def used(self, export: str) -> int | None:
        """How many bytes clients find there; None if it cannot tell."""

    def share_network(self) -> Mapping[str, str]:
        """Return what a share network of its users says of their network."""
        return {}

    def stop(self) -> None:
        """Stop answering, as if switched off."""

    def start(self) -> None:
        """Answer again, at the same address and with everything kept."""


class Cluster(Storage, contextlib.AbstractContextManager['Cluster'],
              Protocol):
    """Simulated storage with what Manila has to know of it."""

    @property
    def url(self) -> str:
        """Where it answers."""

    @property
    def remarks(self) -> list[str]:
        """Lines that an operator has to know beside the section."""
        return []

    @property
    def programs(self) -> list[pathlib.Path]:
        """Directories of programs that the Manila host has."""
        return []

    def defaults(self) -> dict[str, object]:
        """Return what [DEFAULT] of manila.conf has to say."""
        return {}

    def sections(self) -> Mapping[str, Mapping[str, object]]:
        """Return sections of manila.conf beside the backend's."""
        return {}

    def options(self, driver: str = ..., /) -> dict[str, object]:
        """Return a backend section of manila.conf; None leaves one out."""

    def secrets(self) -> dict[str, str]:
        """Return what must not appear in any log, by what it is."""

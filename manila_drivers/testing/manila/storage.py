# SPDX-License-Identifier: Apache-2.0

"""What the rig wants to know of the storage behind a driver.

A simulator, or a bridge to a real system, answers these questions beside the
driver's back; so that what is checked is what clients would experience, and
not what the driver believes.
"""

import contextlib
import pathlib
from typing import Protocol

Item = tuple[str, ...]


class Storage(Protocol):
    """The storage behind one backend section of manila.conf."""

    def mark(self) -> int:
        """A mark in the record of requests, for `asked`."""

    def asked(self, mark: int) -> list[str]:
        """The requests since the mark, such as 'POST views 201', without
        those of the driver's periodic statistics."""

    def level(self, client: str, export: str) -> str | None:
        """What an address can do with an export: 'rw', 'ro' or nothing."""

    def inventory(self) -> frozenset[Item]:
        """Everything that exists, for comparisons of before and after."""

    def limit(self, export: str) -> int | None:
        """How many bytes fit in the export; None is without limit."""

    def fill(self, export: str, used: int) -> None:
        """Let clients have written so many bytes."""

    def used(self, export: str) -> int | None:
        """How many bytes clients find there; None if it cannot tell."""

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
    def programs(self) -> list[pathlib.Path]:
        """Directories of programs that the Manila host has."""
        return []

    def defaults(self) -> dict[str, object]:
        """What [DEFAULT] of manila.conf has to say."""
        return {}

    def options(self, driver: str) -> dict[str, object]:
        """A backend section of manila.conf."""

    def secrets(self) -> dict[str, str]:
        """What must not appear in any log, by what it is."""

# SPDX-License-Identifier: Apache-2.0

"""Undisturbed runs that travel to another process.

Each takes as long as many cases, and is the same everywhere.
"""

from collections.abc import Mapping
import dataclasses
import pickle
from typing import Any

from manila_drivers.testing.conformance import lab
from manila_drivers.testing.conformance import operations
from manila_drivers.testing.conformance import sweep


def packed(known: Mapping[str, sweep.Reference]) -> Mapping[str, Any]:
    """Return runs as they travel to another process, without what cannot.

    What cannot travel at all is None.
    """
    found: dict[str, Any] = {}
    for name, reached in known.items():
        values = {field.name: getattr(reached, field.name) for field
                  in dataclasses.fields(reached) if field.name != 'operation'}
        try:
            found[name] = pickle.dumps(values)
        except Exception:  # noqa: BLE001 - whatever a lab's values raise
            found[name] = None
    return found


def unpacked(make_lab: lab.MakeLab,
             known: Mapping[str, Any]) -> dict[str, sweep.Reference]:
    """Return runs that have travelled; those that did not are made anew."""
    made = make_lab()
    try:
        named = {one.name: one for one in operations.tried(made)}
    finally:
        made.close()
    return {name: sweep.reference(make_lab, named[name]) if told is None
            else sweep.Reference(named[name], **pickle.loads(told))  # noqa: S301
            for name, told in known.items()}

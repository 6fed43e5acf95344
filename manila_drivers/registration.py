# SPDX-License-Identifier: Apache-2.0

"""Options that others may define as well, before or after us."""

import copy
from typing import Any

from oslo_config import cfg


class _Tolerant(cfg.Opt):
    """Be equal to any other option of its name.

    Whoever comes first keeps the place; the other one, ours or upstream's,
    finds its option there and reads it.
    """

    def __eq__(self, another: object) -> bool:
        return isinstance(another, cfg.Opt) and self.name == another.name

    def __ne__(self, another: object) -> bool:
        return not self == another

    __hash__ = object.__hash__


#: Tolerant classes by what they are of; to make one takes longer than all
#: else about an option.
_CLASSES: dict[Any, type[cfg.Opt]] = {}


def tolerant(opt: cfg.Opt) -> cfg.Opt:
    """Return a copy of an option that is equal to others of its name."""
    twin = copy.copy(opt)
    kind = type(opt)
    if kind not in _CLASSES:
        _CLASSES[kind] = type(kind.__name__, (_Tolerant, kind), {})
    twin.__class__ = _CLASSES[kind]
    return twin

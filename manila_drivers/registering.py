# SPDX-License-Identifier: Apache-2.0

"""Options that share a section with options of the same name.

Manila's base classes, upstream's drivers and ours all register options in a
backend's section, and oslo.config refuses two definitions that differ in as
little as their help text.
"""

from collections.abc import Iterable
import copy
import logging
from typing import Any

from oslo_config import cfg

LOG = logging.getLogger(__name__)


class _Amicable(cfg.Opt):
    """Is the same option as any other of its name.

    Whoever comes first keeps the place; the other one, ours or upstream's,
    finds its option there and reads it.
    """

    def __eq__(self, another: object) -> bool:
        return isinstance(another, cfg.Opt) and self.name == another.name

    def __ne__(self, another: object) -> bool:
        return not self == another

    __hash__ = object.__hash__


def amicable(opt: cfg.Opt) -> cfg.Opt:
    """A copy of an option that tolerates others of its name."""
    twin = copy.copy(opt)
    kind = type(opt)
    twin.__class__ = type(kind.__name__, (_Amicable, kind), {})
    return twin


def register(configuration: Any, opts: Iterable[cfg.Opt]) -> None:
    """Add options to a backend's section; existing ones are kept.

    :param configuration: Manila's Configuration or the stand-alone one.
    """
    for opt in opts:
        try:
            configuration.append_config_values([amicable(opt)])
        except cfg.DuplicateOptError:
            LOG.debug('Option %s was defined before; that one is used',
                      opt.name)

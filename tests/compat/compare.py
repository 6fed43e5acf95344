# SPDX-License-Identifier: Apache-2.0

"""Tell whether one surface can stand in for another."""

from collections.abc import Mapping
from typing import Any

VARIADIC = ('VAR_POSITIONAL', 'VAR_KEYWORD')


def lacking(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> list[str]:
    """Return what callers of ``theirs`` would miss in ``ours``.

    Both are as ``describe.surface`` writes them.  Ours may have more methods
    and parameters, and defaults where theirs has none.
    """
    found = []
    for name, wanted in theirs.items():
        if name not in ours:
            found.append(f'{name} is missing')
        elif wanted is None or ours[name] is None:
            if wanted is not ours[name]:
                found.append(f'{name} is a property in one of the two')
        else:
            found += [f'{name}: {text}'
                      for text in _narrower(wanted, ours[name])]
    return found


def _narrower(wanted: list[Any], offered: list[Any]) -> list[str]:
    """How a signature refuses calls that another one takes."""
    kinds = {kind for _, kind, _ in offered}
    found = {name: default for name, kind, default in offered
             if kind not in VARIADIC}
    texts = []
    for name, kind, default in wanted:
        if kind in VARIADIC:
            if kind not in kinds:
                texts.append(f'no {kind}')
        elif name not in found:
            texts.append(f'no parameter {name}')
        elif default and found[name] != default:
            texts.append(f'default of {name} is {found[name]}, '
                         f'not {default}')
    asked = {name for name, _, _ in wanted}
    texts += [f'{name} is required' for name, default in found.items()
              if name not in asked and not default]
    if not texts and not _same_order(wanted, offered):
        texts.append('the order of parameters differs')
    return texts


def _same_order(wanted: list[Any], offered: list[Any]) -> bool:
    """Return whether a call by position means the same, as far as both go.

    update_access of release 19 has share_server where 20 has update_rules;
    Manila names all its arguments, and the library has to as well.
    """
    names = [name for name, kind, _ in wanted if kind not in VARIADIC]
    shared = [name for name, _, _ in offered if name in names]
    return shared == names

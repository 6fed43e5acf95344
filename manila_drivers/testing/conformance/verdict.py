# SPDX-License-Identifier: Apache-2.0

"""How a suite says that a driver breaks the contract."""

from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any


class Violation(AssertionError):
    """The contract is broken.

    :param check: name of the check, such as ``access.too-wide``; stable, so
        that a deliberately broken driver can be required to fail this very
        check and no other.
    :param text: what was expected and what was seen.
    """

    def __init__(self, check: str, text: str) -> None:
        super().__init__(f'{check}: {text}')
        self.check = check
        self.text = text

    def __reduce__(self) -> tuple[Any, ...]:
        # It travels between the processes of a parallel run.
        return type(self), (self.check, self.text)


class NotTried(Exception):
    """A check had nothing to look at: the contract is neither kept nor broken.

    Says what the lab would have to give.  In pytest it is a skip.
    """


def require(condition: object, check: str, text: str) -> None:
    """:raises Violation: the condition does not hold."""
    if not condition:
        raise Violation(check, text)


def same(check: str, expected: Mapping[Any, Any],
         found: Mapping[Any, Any]) -> None:
    """Compare two mappings and name the differences.

    :raises Violation: they differ.
    """
    if expected != found:
        raise Violation(check, '; '.join(differences(expected, found)))


def differences(expected: Mapping[Any, Any],
                found: Mapping[Any, Any]) -> list[str]:
    """Return what one mapping has and the other has not, in words."""
    lines = [f'missing {_brief(key)}' for key in _sorted(expected)
             if key not in found]
    lines += [f'left or added {_brief(key)}' for key in _sorted(found)
              if key not in expected]
    for key in _sorted(expected):
        if key in found and expected[key] != found[key]:
            what = _what(expected[key], found[key])
            lines.append(f'{_brief(key)} is {what}')
    return lines


def _what(expected: Any, found: Any) -> str:
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        return ', '.join(
            f'{field}: {found.get(field)!r} instead of {expected.get(field)!r}'
            for field in _sorted({*expected, *found})
            if expected.get(field) != found.get(field))
    return f'{found!r} instead of {expected!r}'


def _sorted(keys: Iterable[Any]) -> list[Any]:
    return sorted(keys, key=repr)


def _brief(key: Any) -> str:
    return ' '.join(map(str, key)) if isinstance(key, tuple) else str(key)

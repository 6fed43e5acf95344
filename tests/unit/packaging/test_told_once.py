# SPDX-License-Identifier: Apache-2.0

"""No line of the log tells an error twice.

While an error is being handled, oslo.log appends it to each line; one that
has it already would have it twice.  ``exception.caught`` is for these.
"""

import ast
import pathlib

import pytest

import manila_drivers

PACKAGE = pathlib.Path(manila_drivers.__file__).parent
SHOWN = ('warning', 'error', 'critical')


def twice(text):
    """Lines of calls that log the error that is being handled."""
    return [call.lineno for handler in ast.walk(ast.parse(text))
            if isinstance(handler, ast.ExceptHandler) and handler.name
            for call in ast.walk(handler)
            if logs(call) and tells(call, handler.name)]


def logs(call):
    return isinstance(call, ast.Call) \
        and isinstance(call.func, ast.Attribute) \
        and call.func.attr in SHOWN \
        and getattr(call.func.value, 'id', '') == 'LOG'


def tells(call, name):
    return any(getattr(each, 'id', '') == name
               for part in call.args for each in ast.walk(part))


@pytest.mark.parametrize('text', [
    'try:\n  f()\nexcept E as exc:\n  LOG.warning("%s", exc)',
    'try:\n  f()\nexcept E as exc:\n  if x:\n    LOG.error("%s", str(exc))'])
def test_the_search_finds_them(text):
    assert twice(text)


def test_no_error_is_told_twice():
    found = {str(path.relative_to(PACKAGE)): lines
             for path in sorted(PACKAGE.rglob('*.py'))
             # Simulators and the example have logs of their own.
             if not str(path.relative_to(PACKAGE)).startswith((
                 'testing/conformance', 'testing/simulators'))
             and (lines := twice(path.read_text()))}
    assert not found

# SPDX-License-Identifier: Apache-2.0

"""The lab of conformance.rst, made from the text of the page."""

import pathlib
import textwrap

PAGE = (pathlib.Path(__file__).parents[2]
        / 'doc/source/contributor/conformance.rst')


def blocks():
    """Return the page's blocks of Python."""
    found, inside = [], None
    for line in PAGE.read_text(encoding='utf-8').splitlines():
        if line == '.. code-block:: python':
            inside = []
            found.append(inside)
        elif inside is not None and line and not line.startswith('   '):
            inside = None
        elif inside is not None:
            inside.append(line)
    return [textwrap.dedent('\n'.join(lines)).strip() + '\n'
            for lines in found]


LAB, TESTS = blocks()

exec(compile(LAB, str(PAGE), 'exec'))  # noqa: S102 - the page's own text
ExampleLab = globals()['ExampleLab']

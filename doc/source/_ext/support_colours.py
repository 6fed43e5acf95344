# SPDX-License-Identifier: Apache-2.0

"""Colours for tables of the class ``support-matrix``.

The words stay: colours repeat what they say.
"""

from typing import Any

from docutils import nodes

_MATRIX = 'support-matrix'


def kind_of(text: str) -> str:
    """Return the class of a cell: ``yes``, ``no`` or ``partly``.

    :returns: '' for one that answers no question, such as a protocol.
    """
    words = text.split()
    first = words[0].strip('.,;') if words else ''
    if first in ('no', '-', 'False'):
        return 'no'
    if first in ('yes', 'True'):
        return 'yes'
    return 'partly' if first[:1].islower() or first[:1].isdigit() else ''


def coloured(document: Any) -> int:
    """Give the cells of matrices their classes; return how many have one."""
    count = 0
    for table in document.findall(nodes.table):
        if _MATRIX not in table['classes']:
            continue
        for body in table.findall(nodes.tbody):
            for row in body.findall(nodes.row):
                for cell in list(row.findall(nodes.entry))[1:]:
                    kind = kind_of(cell.astext())
                    if kind and not _begins_with_a_word_of_the_api(cell):
                        cell['classes'].append('support-' + kind)
                        count += 1
    return count


def _begins_with_a_word_of_the_api(cell: Any) -> bool:
    return any(isinstance(paragraph[0], nodes.literal)
               for paragraph in cell.findall(nodes.paragraph) if paragraph)


def setup(app: Any) -> dict[str, bool]:
    """Be an extension of Sphinx."""
    app.connect('doctree-read', lambda _, document: coloured(document))
    return {'parallel_read_safe': True, 'parallel_write_safe': True}

# SPDX-License-Identifier: Apache-2.0


"""Sphinx: everything is local, so that the pages build without a network."""

import pathlib
import sys
from typing import Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from manila_drivers.cli import reference
from manila_drivers.version import version_string

sys.path.insert(0, str(pathlib.Path(__file__).parent / '_ext'))

project = 'manila_drivers'
author = 'The manila_drivers authors'
project_copyright = author
release = version_string()

extensions = [
    'oslo_config.sphinxext',
    'reno.sphinxext',
    'support_colours',
]

html_static_path = ['_static']
html_css_files = ['support.css']
html_theme = 'furo'
html_title = 'manila_drivers'
html_show_sourcelink = False
html_copy_source = False

man_pages = [(
    'user/reference', 'manila-drivers',
    "shares of OpenStack Manila's backends, without Manila", [author], 1)]


class CommandReference(SphinxDirective):
    """A part of the manual of the command, from its parsers."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return what ``cli.reference`` says."""
        # No page says when the command has changed.
        self.env.note_reread()
        return self.parse_text_to_nodes(
            getattr(reference, self.arguments[0])(),
            allow_section_headings=True)


def setup(app: Any) -> None:
    app.add_directive('command-reference', CommandReference)

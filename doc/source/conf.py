# SPDX-License-Identifier: Apache-2.0


"""Sphinx: everything is local, so that the pages build without a network."""

from manila_drivers.version import version_string

project = 'manila_drivers'
author = 'The manila_drivers authors'
project_copyright = author
release = version_string()

extensions = [
    'oslo_config.sphinxext',
    'reno.sphinxext',
]

html_theme = 'furo'
html_title = 'manila_drivers'
html_show_sourcelink = False
html_copy_source = False

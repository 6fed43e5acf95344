# SPDX-License-Identifier: Apache-2.0


"""Sphinx for the release notes alone; the notes themselves are reno's."""

project = 'manila_drivers release notes'
author = 'The manila_drivers authors'
project_copyright = author

extensions = ['reno.sphinxext']

html_theme = 'furo'
html_title = project
html_show_sourcelink = False
html_copy_source = False

#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#         http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.


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

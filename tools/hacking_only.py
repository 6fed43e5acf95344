#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0

"""Runs flake8 with the checks of hacking that tox.ini selects, and no others.

    python tools/hacking_only.py [arguments of flake8]

The complaints are those of ``flake8`` itself.  That also runs pycodestyle,
pyflakes and the checks that tox.ini ignores over every line, to throw away
what they find, which is two thirds of its time.
"""

import sys

CHECKS = 'flake8.extension'


def wanted(plugin, ignored, chosen):
    """Tell if flake8 has to load a plug-in: a report, or a check of ours."""
    entry = plugin.entry_point
    return entry.group != CHECKS or (
        entry.name.startswith(chosen) and entry.name not in ignored)


def finding(every):
    """Return a search for plug-ins that leaves most of them out."""
    def found(configuration, options):
        ours = configuration['flake8']
        ignored = ours.get('ignore', '').split(',')
        return [plugin for plugin in every(configuration, options)
                if wanted(plugin, ignored, ours['select'])]
    return found


def main(arguments):
    from flake8.main import cli
    from flake8.plugins import finder
    finder.find_plugins = finding(finder.find_plugins)
    return cli.main(arguments)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))

# SPDX-License-Identifier: Apache-2.0

"""Backend sections as operators write them, read for the rig."""

import configparser
import pathlib
import re

from manila_drivers.testing.manila import config

_REFERENCE = re.compile(r'(?<!\$)(?:\$\$)*\$(?!\$)')


def read(file: pathlib.Path, work: pathlib.Path) -> config.Settings:
    """Settings from an ini file such as manila.conf.

    Sections with a `share_driver` are backends, [DEFAULT] changes options of
    all, and what else there is goes along.  References to other options
    (`$state_path`) are not understood; a dollar is written twice.

    :raises ValueError: no backend, or a reference
    :raises OSError: the file cannot be read
    """
    parsed = configparser.RawConfigParser(default_section='no section',
                                          strict=False)
    with file.open() as lines:
        parsed.read_file(lines)
    sections = {name: {key: _plain(key, value)
                       for key, value in parsed[name].items()}
                for name in parsed.sections()}
    default = sections.pop('DEFAULT', {})
    # Which backends are enabled follows from which there are.
    default.pop('enabled_share_backends', None)
    backends = {name: options for name, options in sections.items()
                if 'share_driver' in options}
    if not backends:
        raise ValueError('%s has no section with a share_driver' % file)
    extra = {name: options for name, options in sections.items()
             if name not in backends}
    return config.Settings(work, backends, default, extra)


def _plain(key: str, value: str) -> str:
    if _REFERENCE.search(value):
        raise ValueError('%s = %s: references are not supported here'
                         % (key, value))
    return value.replace('$$', '$')

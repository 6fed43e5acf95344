# SPDX-License-Identifier: Apache-2.0

"""Commands of drivers as root, in a rig where nobody is root.

Drivers run them through ``sudo manila-rootwrap`` as in production.  Here
``sudo`` is a program of ours that changes no user, and rootwrap is Manila's
own with the filters that this package ships: so a command that no filter
allows fails here as it would there.
"""

import os
import pathlib
import sys
import sysconfig

import manila_drivers

_FILTERS = 'manila_drivers.filters'
_SUDO = """\
#!/bin/sh
# Runs as whoever calls it.
test "$1" = -n && shift
exec "$@"
"""


def filters() -> pathlib.Path:
    """Where the filters of this package are: its source, or installed.

    :raises FileNotFoundError: nowhere
    """
    places = [pathlib.Path(manila_drivers.__file__).parents[1],
              pathlib.Path(sysconfig.get_path('data')),
              pathlib.Path(sys.prefix)]
    for place in places:
        found = place / 'etc' / 'manila' / 'rootwrap.d'
        if (found / _FILTERS).exists():
            return found
    raise FileNotFoundError('%s is in none of %s' % (
        _FILTERS, ', '.join(map(str, places))))


def write_sudo(directory: pathlib.Path) -> None:
    """A ``sudo`` that stays who it is."""
    program = directory / 'sudo'
    program.write_text(_SUDO)
    program.chmod(0o755)


def write_configuration(file: pathlib.Path,
                        programs: pathlib.Path) -> None:
    """rootwrap.conf; commands are looked for in `programs` first."""
    path = os.environ.get('PATH', os.defpath)
    file.write_text('\n'.join([
        '[DEFAULT]', 'filters_path=%s' % filters(),
        'exec_dirs=%s,%s' % (programs, path.replace(os.pathsep, ',')),
        'use_syslog=False', 'syslog_log_facility=syslog',
        'syslog_log_level=ERROR', 'rlimit_nofile=1024', '']))

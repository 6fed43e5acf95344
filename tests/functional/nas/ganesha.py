# SPDX-License-Identifier: Apache-2.0

"""A real NFS-Ganesha with its system bus, in a box."""

import time

from tests import patience
from tests.functional.lab import box

EXPORT_DIR = '/etc/ganesha/export.d'
_CONFIG = '/etc/ganesha/ganesha.conf'
# The cluster's file system, as the conformance suite has it.
CLUSTER = '/gpfs0'
_PID = '/run/ganesha.pid'
_TEXT = f"""\
NFS_CORE_PARAM {{
    Protocols = 4;
    Enable_NLM = false;
    Enable_RQUOTA = false;
}}
NFSv4 {{ Graceless = true; RecoveryBackend = fs; }}
%include {EXPORT_DIR}/INDEX.conf
"""


class Ganesha:
    """The daemon; its files and its bus are the box's own."""

    def __init__(self, inside: box.Box) -> None:
        self.box = inside
        inside.private('/run', '/etc/ganesha', '/var/log/ganesha',
                       '/var/lib/nfs', '/srv', CLUSTER)
        inside.shell('mkdir -p /run/dbus /var/lib/nfs/ganesha "$1";'
                     ' : > "$1/INDEX.conf"; dbus-daemon --system --fork',
                     EXPORT_DIR)
        inside.write(_CONFIG, _TEXT)

    def start(self, seconds: float = 60) -> None:
        """Start it and wait until it answers on the bus."""
        self.box.run('ganesha.nfsd', '-f', _CONFIG, '-p', _PID,
                     '-L', '/var/log/ganesha/log')
        end = time.monotonic() + patience.seconds(seconds)
        while self.dbus('ShowExports').returncode:
            assert time.monotonic() < end, self.log()
            time.sleep(0.1)

    def restart(self) -> None:
        self.stop()
        self.start()

    def stop(self) -> None:
        self.box.shell('kill "$(cat "$1")"; for i in $(seq 300); do'
                       ' kill -0 "$(cat "$1")" 2>/dev/null || break;'
                       ' sleep 0.1; done; rm -f "$1"', _PID)

    def share(self, path: str) -> None:
        self.box.run('mkdir', '-p', '--', path)
        self.box.run('chmod', '777', '--', path)
        self.box.write(f'{path}/readme', 'read me\n')

    def dbus(self, method: str, *arguments: str):
        return self.box.run(
            'dbus-send', '--print-reply', '--system',
            '--dest=org.ganesha.nfsd', '/org/ganesha/nfsd/ExportMgr',
            f'org.ganesha.nfsd.exportmgr.{method}', *arguments, check=False)

    def log(self) -> str:
        return self.box.run('tail', '-n', '40', '/var/log/ganesha/log',
                            check=False).stdout

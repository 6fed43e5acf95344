# SPDX-License-Identifier: Apache-2.0

"""A simulated node of a Storage Scale cluster, behind a real sshd.

::

    with GpfsNode('/some/directory') as node:
        print(node.section('gpfs'))      # for manila.conf
        node.sim.can_mount('10.0.0.5', '/some/directory/gpfs0/shares/...')

GPFS commands are simulated; all others are those of this machine.  Filesets
are real directories, so that shares can be written to and copied.
"""

import os
import pathlib
import shutil
import time

from manila_drivers.testing.simulators import sshd
from manila_drivers.testing.simulators.gpfs import programs
from manila_drivers.testing.simulators.gpfs import sim
from manila_drivers.testing.simulators.gpfs import tree

#: What jobs that copy snapshots need besides.
NEEDED = ('rsync', 'flock', 'setsid')


class GpfsNode:
    """One node with one file system, whose protocol nodes (CES) export.

    Owners and modes of files are real, which takes root.

    :param directory: everything is kept there; made if it is not there, and
        left as it is at the end.
    :param port: of the sshd; 0 is any that is free.
    """

    def __init__(self, directory: str | os.PathLike[str],
                 port: int = 0) -> None:
        self.directory = pathlib.Path(directory)
        self.mount = self.directory / 'gpfs0'
        self.base = self.mount / 'shares'
        self.base.mkdir(parents=True, exist_ok=True)
        self.sim = sim.GpfsSim(
            time.monotonic, base=str(self.base), mount=str(self.mount),
            tree=tree.Directories(self.directory / 'hidden'))
        self.sshd = sshd.Sshd(self.directory / 'sshd', port)
        self._programs = programs.GpfsPrograms(self.sim,
                                               self.directory / 'bin')

    def start(self) -> None:
        """:raises CannotStart: with the reason."""
        missing = [name for name in NEEDED if shutil.which(name) is None]
        if missing:
            raise sshd.CannotStart(
                f'{", ".join(missing)} cannot be found')
        if os.geteuid():
            raise sshd.CannotStart(
                'only root can give files to other users')
        self._programs.start()
        try:
            self.sshd.start()
        except sshd.CannotStart:
            self._programs.close()
            raise
        (self.directory / 'known_hosts').write_text(
            self.sshd.known_host + '\n', encoding='utf-8')

    def close(self) -> None:
        self.sshd.close()
        self._programs.close()

    def __enter__(self) -> 'GpfsNode':
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def options(self) -> dict[str, str]:
        """Return what a backend's section has to say to use it."""
        return {
            'share_driver': 'manila_drivers.ibm.gpfs.GPFSShareDriver',
            'driver_handles_share_servers': 'False',
            'gpfs_share_export_ip': '127.0.0.1',
            'gpfs_mount_point_base': str(self.base),
            'gpfs_nfs_server_type': 'CES',
            'gpfs_command_directory': str(self._programs.directory),
            'gpfs_filesystem': self.sim.state.device,
            'gpfs_ssh_login': self.sshd.user,
            'gpfs_ssh_port': str(self.sshd.port),
            'gpfs_ssh_private_key': self.sshd.key_file,
            'gpfs_ssh_known_hosts': str(self.directory / 'known_hosts')}

    def section(self, name: str) -> str:
        """Return the section as text."""
        return '\n'.join([f'[{name}]', f'share_backend_name = {name}', *(
            f'{option} = {value}'
            for option, value in self.options.items()), ''])

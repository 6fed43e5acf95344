# SPDX-License-Identifier: Apache-2.0

"""How drivers get to the hosts of a simulated cluster: by one of two doors.

``ssh.SshServer`` takes a password and needs nothing but Python; ``gate.Gate``
is the sshd of this machine, with a key.
"""

from collections.abc import Callable
from collections.abc import Mapping
import os
import pathlib
import shutil
import tempfile
from typing import Protocol
from typing import Self

from manila_drivers.testing.backends import storage
from manila_drivers.testing.simulators import ssh


class Door(Protocol):
    """Be what both of them are.

    password: what is said to be one, also where it is not asked for;
    key_file: a private key, None if there is none to be used; logins: how
    many there have been.
    """

    user: str
    password: str

    @property
    def key_file(self) -> str | None: ...

    @property
    def port(self) -> int: ...

    @property
    def logins(self) -> int: ...

    def write_known_hosts(self, path: str | os.PathLike[str]) -> None: ...

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def close(self) -> None: ...


Make = Callable[[Mapping[str, ssh.Host]], Door]


class SshCluster(storage.Cluster):
    """A simulated cluster that the driver logs in to.

    :param door: opens while the cluster is entered.
    :param address: the host in it that the driver is told of.
    :param known_hosts: where the host keys go; else a temporary file.
    :param more: options of the section that differ.
    """

    def __init__(self, door: Door, address: str,
                 known_hosts: str | None = None,
                 more: Mapping[str, object] | None = None) -> None:
        self.ssh = door
        self._address = address
        self._directory = pathlib.Path(tempfile.mkdtemp(prefix='cluster-'))
        self._known_hosts = pathlib.Path(
            known_hosts or self._directory / 'known_hosts').absolute()
        self._more = more or {}

    def __enter__(self) -> Self:
        self.ssh.start()
        self.ssh.write_known_hosts(self._known_hosts)
        return self

    def __exit__(self, *_: object) -> None:
        self.ssh.close()
        shutil.rmtree(self._directory, ignore_errors=True)

    @property
    def url(self) -> str:
        return 'ssh://%s:%d' % (self._address, self.ssh.port)

    def secrets(self) -> dict[str, str]:
        found = {'SSH password': self.ssh.password}
        if self.ssh.key_file:
            # Behind the first lines, which all keys have in common.
            lines = pathlib.Path(self.ssh.key_file).read_text().splitlines()
            found['SSH key'] = lines[3]
        return found

    def stop(self) -> None:
        self.ssh.stop()

    def start(self) -> None:
        self.ssh.start()

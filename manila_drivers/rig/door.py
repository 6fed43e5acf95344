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

"""How drivers get to the hosts of a simulated cluster: by one of two doors.

``ssh.SshServer`` takes a password and needs nothing but Python; ``gate.Gate``
is the sshd of this machine, with a key.
"""

from collections.abc import Callable
from collections.abc import Mapping
import os
import pathlib
from typing import Protocol

from manila_drivers.simulators import ssh


class Door(Protocol):
    """What both of them are.

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


def secrets(door: Door) -> dict[str, str]:
    """What must not appear in any log, by what it is."""
    found = {'SSH password': door.password}
    if door.key_file:
        # Behind the first lines, which all keys have in common.
        lines = pathlib.Path(door.key_file).read_text().splitlines()
        found['SSH key'] = lines[3]
    return found

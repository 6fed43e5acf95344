# SPDX-License-Identifier: Apache-2.0

"""A real sshd in a box, for whoever has the key."""

import pathlib
import typing as ty

from tests.functional.lab import box

_CONFIG = """\
Port 22
HostKey {directory}/host_key
AuthorizedKeysFile {directory}/key.pub
PidFile /run/sshd.pid
PasswordAuthentication no
StrictModes no
UsePAM no
UseDNS no
"""


class Door(ty.NamedTuple):
    """Hold what a client needs."""

    key: pathlib.Path
    known_hosts: pathlib.Path
    log: pathlib.Path = pathlib.Path('/dev/null')

    def logins(self) -> int:
        """How often somebody has logged in since the start."""
        return self.log.read_text().count('Accepted publickey')


def start(inside: box.Box, address: str, directory: pathlib.Path) -> Door:
    """Start it; root may log in with a new key."""
    for name in ('host_key', 'key'):
        inside.run('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', name,
                   '-f', str(directory / name))
    config = directory / 'sshd_config'
    config.write_text(_CONFIG.format(directory=directory))
    known = directory / 'known_hosts'
    known.write_text(
        f'{address} {(directory / "host_key.pub").read_text()}')
    inside.run('mkdir', '-p', '/run/sshd')
    # sshd wants to be called by its full name, to start itself again.
    log = directory / 'sshd.log'
    inside.run('/usr/sbin/sshd', '-f', str(config), '-E', str(log))
    return Door(directory / 'key', known, log)

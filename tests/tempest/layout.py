# SPDX-License-Identifier: Apache-2.0

"""Where a run keeps things, and on which ports its servers listen."""

import dataclasses
import pathlib

PASSWORD = 'tempest-only'  # noqa: S105 - of servers on loopback


@dataclasses.dataclass(frozen=True)
class Layout:
    """Directories and ports of one run.

    ``home`` is kept between runs (virtual environments); ``work`` is made
    anew by each.  The ports from ``first_port`` on are those of its servers.
    """

    home: pathlib.Path
    work: pathlib.Path
    manila: pathlib.Path
    first_port: int = 15000

    @property
    def keystone_port(self) -> int:
        return self.first_port

    @property
    def manila_port(self) -> int:
        return self.first_port + 1

    @property
    def database_port(self) -> int:
        return self.first_port + 2

    @property
    def broker_port(self) -> int:
        return self.first_port + 3

    @property
    def distribution_port(self) -> int:
        """Where nodes of the broker would talk to each other."""
        return self.first_port + 4

    @property
    def mapper_port(self) -> int:
        """Where such nodes would ask for each other's port."""
        return self.first_port + 5

    @property
    def logs(self) -> pathlib.Path:
        return self.work / 'log'

    @property
    def keystone(self) -> pathlib.Path:
        """Directory of the commands of Keystone's environment."""
        return self.home / 'keystone' / 'bin'

    @property
    def tempest(self) -> pathlib.Path:
        return self.home / 'tempest' / 'bin'

    @property
    def socket(self) -> pathlib.Path:
        return self.work / 'mysql' / 's.sock'

    def database(self, name: str) -> str:
        return 'mysql+pymysql://os:%s@127.0.0.1:%d/%s?charset=utf8' % (
            PASSWORD, self.database_port, name)

    @property
    def keystone_url(self) -> str:
        return 'http://127.0.0.1:%d/v3' % self.keystone_port

    @property
    def manila_url(self) -> str:
        return 'http://127.0.0.1:%d/v2' % self.manila_port

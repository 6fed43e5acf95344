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

"""Where a run keeps things, and on which ports its servers listen."""

import dataclasses
import pathlib

PASSWORD = 'tempest-only'  # noqa: S105 - of servers on loopback


@dataclasses.dataclass(frozen=True)
class Layout:
    """Directories and ports of one run.

    ``home`` is kept between runs (virtual environments); ``work`` is made
    anew by each.
    """

    home: pathlib.Path
    work: pathlib.Path
    manila: pathlib.Path
    keystone_port: int = 15000
    manila_port: int = 18787
    database_port: int = 13307
    broker_port: int = 15672

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

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

"""Hosts as transports, for helpers that run in the tests' process."""

from manila_drivers.transport import command
from manila_drivers.transport import verdict
from tests.functional.lab import box


class BoxRunner:
    """A box as what commands are run on; a ``script.Runner``."""

    def __init__(self, inside: box.Box) -> None:
        self._inside = inside
        self.execs = 0

    def run(self, cmd: command.Command) -> command.Result:
        self.execs += 1
        done = self._inside.run(*cmd.words(), stdin=cmd.input() or '',
                                check=False, seconds=cmd.timeout)
        result = command.Result(done.stdout, done.stderr, done.returncode)
        error = self.judge(cmd, result)
        if error is not None:
            raise error
        return result

    def words(self, cmd: command.Command) -> list[str]:
        return cmd.words()

    def judge(self, cmd, result):
        if result.status in cmd.accept:
            return None
        return verdict.failure(cmd, self, result, sudo=False)

    def __str__(self) -> str:
        return self._inside.name

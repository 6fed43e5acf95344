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

"""What tests need of the machine: missing, they fail where it matters."""

import os

import pytest

from manila_drivers.simulators import sshd as sshd_module


def missing(what: str) -> None:
    """Fail in CI; on somebody's laptop a test may be left out."""
    (pytest.fail if os.environ.get('CI') else pytest.skip)(what)


def sshd() -> None:
    if sshd_module.program() is None:
        missing(sshd_module.MISSING)

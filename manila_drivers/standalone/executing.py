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

"""Commands on this host, without Manila."""

from typing import Any

from oslo_concurrency import processutils

ROOT_HELPER = 'sudo -n'


def execute(*cmd: Any, **kwargs: Any) -> tuple[Any, Any]:
    """Run a command as ``manila.utils.execute`` does; returns both outputs.

    ``run_as_root=True`` puts the root helper in front, which without Manila
    is sudo and never asks for a password.
    """
    kwargs.setdefault('root_helper', ROOT_HELPER)
    return processutils.execute(*cmd, **kwargs)

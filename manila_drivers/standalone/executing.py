# SPDX-License-Identifier: Apache-2.0

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

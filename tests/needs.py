# SPDX-License-Identifier: Apache-2.0

"""Needs of tests of the machine: missing, they fail where it matters."""

import os

import pytest

from manila_drivers.testing.simulators import sshd


def missing(what: str) -> None:
    """Fail in CI; on somebody's laptop a test may be left out."""
    (pytest.fail if os.environ.get('CI') else pytest.skip)(what)


def ssh_server() -> None:
    if sshd.program() is None:
        missing(sshd.MISSING)

# SPDX-License-Identifier: Apache-2.0

"""Needs of tests of the machine: missing, they fail where it matters."""

import importlib.util
import os
import shutil

import pytest

from manila_drivers.testing.simulators import sshd


def missing(what: str) -> None:
    """Fail in CI; on somebody's laptop a test may be left out."""
    (pytest.fail if os.environ.get('CI') else pytest.skip)(what)


def ssh_server() -> None:
    if sshd.program() is None:
        missing(sshd.MISSING)


def module(name: str) -> None:
    """Ask for a package of Python that nothing here requires."""
    if importlib.util.find_spec(name) is None:
        missing(f'{name} is not installed')


def program(name: str) -> str:
    """Return the path of a program."""
    found = shutil.which(name)
    if found is None:
        missing(f'{name} is not installed')
    return str(found)


def browser() -> str:
    """Return the command of a Chromium, of whatever package."""
    for name in ('chromium-headless-shell', 'chromium', 'chromium-browser'):
        found = shutil.which(name)
        if found:
            return found
    missing('no Chromium is installed')
    raise AssertionError('not reached')

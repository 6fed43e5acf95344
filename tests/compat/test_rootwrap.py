# SPDX-License-Identifier: Apache-2.0


"""The shipped filters, read by the rootwrap that comes with Manila."""

import os
import pathlib
import sys

import pytest

from manila_drivers import exception
from manila_drivers.transport import command
from manila_drivers.transport import local

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(sys.executable).parent / 'manila-rootwrap'


@pytest.fixture
def here(tmp_path, monkeypatch):
    """This host as a user's service sees it; sudo is left out.

    Its only executables are ours, which say what they were called with.
    """
    programs = tmp_path / 'bin'
    programs.mkdir()
    for name in ('find', 'mmgetstate', 'dd'):
        (programs / name).write_text(f'#!/bin/sh\necho {name} "$@"\n')
        (programs / name).chmod(0o755)
    config = tmp_path / 'rootwrap.conf'
    config.write_text(
        f'[DEFAULT]\nfilters_path = {ROOT / "etc/manila/rootwrap.d"}\n'
        f'exec_dirs = {programs}\n')
    monkeypatch.setattr(os, 'geteuid', lambda: 1000)
    return local.Local(f'{PROGRAM} {config}')


@pytest.mark.parametrize('name', ['find', 'mmgetstate'])
def test_what_a_filter_names_is_run(here, name):
    done = here.run(command.Command.of(name, '-x', 'a b', root=True))
    assert done.stdout == f'{name} -x a b\n'


def test_what_no_filter_names_is_not(here):
    with pytest.raises(exception.AccessDenied, match='no filter'):
        here.run(command.Command.of('dd', root=True))


def test_what_is_not_there_is_told_apart(here):
    with pytest.raises(exception.AccessDenied, match='exec_dirs'):
        here.run(command.Command.of('mmlsfs', root=True))

# SPDX-License-Identifier: Apache-2.0

"""The commands of the tutorial, as they stand on its page."""

import os
import pathlib
import re
import signal
import subprocess
import sys

import pytest

from tests import patience

ROOT = pathlib.Path(__file__).resolve().parents[3]
PAGE = ROOT / 'doc' / 'source' / 'user' / 'tutorial.rst'


def blocks(kind):
    """Return the commands of the blocks of a class, a list for each block."""
    found = re.findall(
        r'\.\. code-block:: console\n   :class: %s\n\n((?:   .*\n|\n)+)'
        % kind, PAGE.read_text())
    return [[line.strip().removeprefix('$ ') for line in block.splitlines()
             if line.strip()] for block in found]


@pytest.fixture
def shell(tmp_path):
    """A directory, and an environment with the command."""
    programs = tmp_path / 'bin'
    programs.mkdir()
    command = programs / 'manila-drivers'
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m '
                       'manila_drivers.cli.main "$@"\n')
    command.chmod(0o755)
    place = tmp_path / 'here'
    place.mkdir()
    return place, {**os.environ, 'PYTHONPATH': str(ROOT),
                   'PATH': f'{programs}:{os.environ["PATH"]}'}


@pytest.mark.timeout(300)
def test_the_tutorial_does_what_it_says(shell):
    place, env = shell
    started, = blocks('start')
    cluster = subprocess.Popen(
        ['sh', '-c', 'exec ' + started[0].removesuffix(' &')], cwd=place,
        env=env, stdout=subprocess.PIPE, text=True)
    try:
        for line in cluster.stdout:
            if line.startswith('Listening'):
                break
        lines = [line for block in blocks('run') for line in block]
        assert len(lines) > 10
        script = '\n'.join(f'echo "\\$ {line.split(chr(34))[0]}"; {line}'
                           for line in lines)
        done = subprocess.run(['bash', '-e', '-c', script], cwd=place,
                              env=env, capture_output=True, text=True,
                              timeout=patience.seconds(280), check=False)
    finally:
        cluster.send_signal(signal.SIGTERM)
        cluster.communicate(timeout=patience.seconds(20))
    assert (done.returncode, done.stderr) == (0, ''), done.stdout
    out = done.stdout
    assert re.search(r'\d+\.\d+\.\d+\.\d+:/manila/manila-', out)
    assert 'photos-copy' in out
    # What a dry run says comes before the rule is there.
    assert out.index('operation') < out.index('192.0.2.0/24 | rw')
    # The last list is an empty one.
    assert out.rstrip().endswith('share list')
    assert (place / 'state' / 'registry.sqlite3').exists()


def test_a_page_without_commands_is_none():
    assert len(blocks('run')) == 5
    assert blocks('nonsense') == []

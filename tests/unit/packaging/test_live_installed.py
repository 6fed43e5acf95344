# SPDX-License-Identifier: Apache-2.0

"""The life of a share by the command, and what would be noticed of it."""

import stat
import sys

import pytest

from tests.unit.packaging import scripts

live_installed = scripts.load('live_installed')
# A dozen processes, each of which imports a driver.  The stage `install` leads
# a share of each driver through such a life as well.
pytestmark = pytest.mark.timeout(900)
COMMAND = [sys.executable, '-m', 'manila_drivers.cli.main']


@pytest.mark.turns('lives by the command')
def test_a_share_lives_and_leaves_nothing(tmp_path):
    assert 'left nothing' in live_installed.live('vast', COMMAND, tmp_path)


@pytest.mark.turns('lives by the command')
@pytest.mark.parametrize(('left_out', 'told'), [
    ('deny', 'access after the denial'), ('resize', 'limit after'),
    ('delete', 'what is left'), ('allow', 'access by the rule')])
def test_a_command_that_does_nothing_is_noticed(tmp_path, left_out, told):
    """It says what the real one would, and does nothing."""
    lazy = tmp_path / 'lazy'
    lazy.write_text(f"""#!{sys.executable}
import json, sys
from manila_drivers.cli import main
words = sys.argv[1:]
if {left_out!r} in words:
    print(json.dumps({{'state': 'active', 'size': 3}}))
elif {left_out!r} == 'delete' and 'list' in words:
    print([])
else:
    sys.exit(main.main(words))
""")
    lazy.chmod(lazy.stat().st_mode | stat.S_IXUSR)
    with pytest.raises(live_installed.Wrong, match=told):
        live_installed.live('vast', [lazy], tmp_path)


def test_it_does_not_run_where_it_would_prove_nothing(capsys):
    """Here the package is a checkout."""
    assert live_installed.main(['vast']) == 2
    assert 'no environment' in capsys.readouterr().out

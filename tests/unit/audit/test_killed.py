# SPDX-License-Identifier: Apache-2.0

"""A command is killed with SIGKILL: the audit finds it, and it is repeated.

The simulator kills the process that asks it, at its first request that
changes something, before that has an effect or after.
"""

import json
import os
import signal
import subprocess
import sys

import pytest

from manila_drivers.audit import differences
from manila_drivers.cli import main
from manila_drivers.testing.simulators.web import messages
from tests import patience
from tests.unit.direct import bench

GIB = 2 ** 30
NETWORK, _, CLIENT = bench.TARGETS['vast']

#: The command, with what the audit says of it, by kind.
COMMANDS = [
    (('share', 'create', 'new', '2'), differences.UNFINISHED_SHARE),
    (('share', 'resize', 'one', '4'), differences.UNFINISHED_SHARE),
    (('share', 'allow', 'one', NETWORK), differences.UNFINISHED_RULE),
    (('snapshot', 'create', 'one', 'first'),
     differences.UNFINISHED_SNAPSHOT),
    (('snapshot', 'clone', 'zero', 'copy'), differences.UNFINISHED_SHARE),
    (('share', 'delete', 'other'), differences.UNFINISHED_SHARE)]


@pytest.fixture
def place(tmp_path):
    with bench.bench('vast', tmp_path) as made:
        yield made


@pytest.fixture
def run(place, capsys):
    """The command, in this process; returns exit code and standard output."""
    def call(*words):
        code = main.main(['--config-file', str(place.conf), *words])
        return code, capsys.readouterr().out
    return call


def prepared(place):
    with place.backend() as backend:
        backend.shares.create(size=2, name='one').snapshot('zero')
        backend.shares.create(size=1, name='other')


def killed(place, words, *, before):
    """Run a command, and kill it at its first change; tell where."""
    sim, told = place.cluster.sim, []
    handle = sim.handle

    def deadly(request):
        changes = request.verb != 'GET' and 'token' not in request.path
        if changes and before and not told:
            told.append(f'{request.verb} {request.path}')
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            return messages.Response(503, failure='reset')
        answer = handle(request)
        if changes and not told:
            told.append(f'{request.verb} {request.path}')
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        return answer
    sim.handle = deadly
    try:
        with subprocess.Popen(
                [sys.executable, '-m', 'manila_drivers.cli.main',
                 '--config-file', str(place.conf), *words],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL) as process:
            code = process.wait(timeout=patience.seconds(300))
    finally:
        sim.handle = handle
    assert code == -signal.SIGKILL
    assert told
    return told[0]


@pytest.mark.turns
@pytest.mark.timeout(600)
@pytest.mark.parametrize('before', [True, False], ids=['before', 'after'])
@pytest.mark.parametrize(('words', 'kind'), COMMANDS,
                         ids=[' '.join(words[:2]) for words, _ in COMMANDS])
def test_a_killed_command_is_found_and_repeated(place, run, words, kind,
                                                before):
    prepared(place)
    assert run('audit', '-f', 'json')[0] == 0
    killed(place, words, before=before)
    code, out = run('audit', '-f', 'json')
    assert code == 1, out
    assert kind in {one['Kind'] for one in json.loads(out)}, out
    assert run(*words)[0] == 0
    code, out = run('audit', '-f', 'json')
    assert (code, json.loads(out)) == (0, [])
    with place.backend() as backend:
        shares = {one.name: one for one in backend.shares}
        assert ('other' in shares) == (words[1] != 'delete')
        for share in shares.values():
            assert place.limit(share) == share.size * GIB
            assert place.level(share, CLIENT) == (
                'rw' if share.rules else None)
            for snapshot in share.snapshots:
                if snapshot.name != 'zero':
                    snapshot.delete()
        for share in list(shares.values())[::-1]:
            for snapshot in share.snapshots:
                snapshot.delete()
            share.delete()
    assert place.cluster.inventory() == place.empty


def test_a_command_that_is_not_killed_leaves_nothing_to_find(place, run):
    """Find nothing where nobody was killed."""
    prepared(place)
    for words, _ in COMMANDS:
        assert run(*words)[0] == 0
        assert run('audit', '-f', 'json')[0] == 0

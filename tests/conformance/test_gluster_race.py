# SPDX-License-Identifier: Apache-2.0

"""Two services that create shares at once never get the same volume.

Each is a process of its own, and all volumes are equal, so that both always
choose the same one.  What keeps them apart are locks where they share a
host, and the claims on the volumes where they do not.
"""

import contextlib
import multiprocessing
import pathlib
import socket
import time
import uuid

import pytest

from manila_drivers.glusterfs import claims
from manila_drivers.glusterfs import executor
from manila_drivers.glusterfs import glusterfs_native
from manila_drivers.testing.conformance.labs import gluster as lab
from manila_drivers.testing.conformance.labs.site import Memory
from manila_drivers.testing.simulators import gluster
from manila_drivers.testing.simulators import programs
from manila_drivers.transport import command

ROUNDS = 200
SERVICES = 2
VOLUMES = tuple(f'pool-2G-{number}' for number in range(SERVICES + 1))


class Link:
    """Runs commands through the socket of a simulator's programs."""

    def __init__(self, path):
        self._path = path

    def run(self, cmd):
        with socket.socket(socket.AF_UNIX) as link:
            link.connect(self._path)
            # As the programs do; see their text.
            link.sendall(b'%d\n' % len(cmd.words()) + '\0'.join(
                [*cmd.words(), cmd.input() or '']).encode())
            link.shutdown(socket.SHUT_WR)
            with link.makefile('rb') as stream:
                _, status, length = stream.readline().split(b' ')
                stdout = stream.read(int(length)).decode()
                return command.Result(stdout, stream.read().decode(),
                                      int(status))


def _serve(number, cluster, here, locks, careless, gate, found, rounds):
    """Do what one service does: make a share in each round."""
    if careless:
        claims.rival = lambda *args: None
        # A look at a volume that the other one restarts saves some.
        executor.VolumeExecutor.empty = lambda *args, **kwargs: ''
    site = lab.Site()
    lock_path = site.path if locks == 'own' else pathlib.Path(
        here).parents[1]
    (site.path / 'manila.conf').write_text(
        (site.path / 'manila.conf').read_text()
        + f'[oslo_concurrency]\nlock_path = {lock_path}\n')
    from manila_drivers.standalone import configuration
    driver = glusterfs_native.GlusterfsNativeShareDriver(
        configuration=configuration.Configuration.from_file(
            site.path / 'manila.conf', lab.SECTION),
        private_storage=Memory(),
        transport=lambda address: Link(cluster if address else here),
        sleep=lambda seconds: time.sleep(seconds / 50))
    driver.do_setup(None)
    for _ in range(rounds):
        gate.wait(60)
        try:
            answer = driver.create_share(None, {
                'id': str(uuid.uuid4()), 'size': 2,
                'share_proto': 'GLUSTERFS', 'host': f'host{number}@b#p'})
            found.put(answer[0]['path'])
        except Exception as exc:  # noqa: BLE001 - whatever it was
            found.put(f'{type(exc).__name__}: {exc}')
        gate.wait(60)
        gate.wait(60)


def play(path, locks, *, careless=False, rounds=ROUNDS):
    """How often services shared a volume; all that went wrong besides."""
    sim = gluster.GlusterSim(server=lab.SERVER)
    context = multiprocessing.get_context('spawn')
    gate, found = context.Barrier(SERVICES + 1), context.Queue()
    twice, wrong = 0, []
    with contextlib.ExitStack() as stack:
        cluster = stack.enter_context(programs.Programs(
            sim, path / 'cluster', gluster.SERVER))
        # Each mounts what it looks into at its own place.
        hosts = [stack.enter_context(programs.Programs(
            gluster.ManilaHost({lab.SERVER: sim}), path / f'host{number}',
            gluster.MANILA_HOST))
            for number in range(SERVICES)]
        services = [context.Process(
            target=_serve, args=(number, cluster.socket, host.socket, locks,
                                 careless, gate, found, rounds), daemon=True)
            for number, host in enumerate(hosts)]
        for each in services:
            each.start()
        for _ in range(rounds):
            with sim.lock:
                sim.state.volumes.clear()
            for name in VOLUMES:
                sim.make_volume(name)
            gate.wait(120)
            gate.wait(120)
            answers = [found.get(timeout=60) for _ in services]
            twice += len(set(answers)) < SERVICES
            wrong += [each for each in answers
                      if each.partition(':/')[2] not in VOLUMES]
            gate.wait(60)
        for each in services:
            each.join(60)
    return twice, wrong


@pytest.mark.timeout(600)
@pytest.mark.parametrize('locks', ['shared', 'own'])
def test_no_volume_is_given_twice(tmp_path, locks):
    twice, wrong = play(tmp_path / 'programs', locks)
    assert not twice, f'{twice} of {ROUNDS} rounds'
    assert not wrong, wrong[:3]


@pytest.mark.timeout(300)
def test_without_claims_volumes_are_given_twice(tmp_path):
    twice, _ = play(tmp_path / 'programs', 'own', careless=True, rounds=60)
    assert twice

# SPDX-License-Identifier: Apache-2.0

"""Made in one process, used in another; and threads that are not threads."""

import importlib.util
import subprocess
import sys

import pytest

from tests import patience
from tests.functional.ssh import daemon

PREPARE = """
import os, sys, threading
from manila_drivers.transport import command, meter, script, ssh
port, user, key, known = sys.argv[1:]
hosts = ssh.Hosts()
host = hosts.host(ssh.Target('127.0.0.1', ssh.Login(user, key_file=key),
                             ssh.KnownHosts((known,), learn=True),
                             port=int(port), connect_timeout=20.0))

def ask(said):
    return host.run(command.Command.of('echo', said)).stdout == said + '\\n'
"""

FORK = PREPARE + """
assert not used or ask('before')
children = []
for number in range(3):
    pid = os.fork()
    if not pid:
        with meter.measure() as measured:
            well = all(ask(f'{number} {one}') for one in range(20))
        os._exit(0 if well and measured.counts['SSH login'] == 1 else 1)
    children.append(pid)
with meter.measure() as measured:
    assert all(ask(f'parent {one}') for one in range(20))
assert [os.waitpid(pid, 0)[1] for pid in children] == [0, 0, 0]
assert ask('after')
assert measured.counts.get('SSH login', 0) == (0 if used else 1)
hosts.close()
print('well')
"""

THREADS = PREPARE + """
wrong = []

def work(thread):
    for number in range(10):
        if not ask(f'{thread} {number}'):
            wrong.append(number)
    if len(script.run(host, [command.Command.of('true')] * 3)) != 3:
        wrong.append('script')

with meter.measure() as measured:
    threads = [threading.Thread(target=meter.carried(work), args=(one,))
               for one in range(64)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
assert wrong == [] and measured.counts['SSH'] == 64 * 11, (wrong, measured)
assert measured.counts['SSH login'] <= 10
try:
    host.run(command.Command.of('sleep', 20, timeout=0.5))
except ssh.Cut:
    hosts.close()
    print('well')
"""

PATCH = 'import eventlet\neventlet.monkey_patch()\n'


def run(code, sshd, tmp_path):
    return subprocess.run(
        [sys.executable, '-W', 'ignore', '-c', code, str(sshd.port),
         daemon.USER, sshd.key_file,
         str(tmp_path / 'known_hosts')],
        capture_output=True, text=True,
        timeout=patience.seconds(100), check=False)


@pytest.mark.parametrize('used', [False, True])
def test_a_forked_process_has_connections_of_its_own(sshd, tmp_path, used):
    done = run(f'used = {used}\n' + FORK, sshd, tmp_path)

    assert done.stdout == 'well\n', done.stderr


KINDS = {'threads': THREADS}
# Where Manila still runs with green threads, these do, too.
if importlib.util.find_spec('eventlet'):
    KINDS['eventlet'] = PATCH + THREADS


@pytest.mark.parametrize('kind', KINDS)
def test_kinds_of_threads(sshd, tmp_path, kind):
    done = run(KINDS[kind], sshd, tmp_path)

    assert done.stdout == 'well\n', done.stderr

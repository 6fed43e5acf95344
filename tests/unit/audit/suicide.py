# SPDX-License-Identifier: Apache-2.0

"""A command that is killed with SIGKILL at one of its changes.

It runs in a copy of a process that has imported what commands need, and has
one thread: a copy of the process of the tests, in which threads serve
simulated clusters, may have a lock that nobody opens again.
"""

import dataclasses
import faulthandler
import functools
import multiprocessing
from multiprocessing import forkserver
import os
import pathlib
import signal

from manila_drivers import plan
from manila_drivers.cli import main
from manila_drivers.transport import local
from manila_drivers.transport import rest
from manila_drivers.transport import ssh
from tests import patience

#: Imported once for all.
IMPORTED = (
    'cliff.formatters.commaseparated', 'cliff.formatters.json_format',
    'cliff.formatters.table', 'cliff.formatters.value',
    'cliff.formatters.yaml_format', 'manila_drivers.cli.configured',
    'manila_drivers.cli.operate.app',
    'manila_drivers.glusterfs.glusterfs_native',
    'manila_drivers.ibm.gpfs.driver', 'manila_drivers.registry.registry',
    'manila_drivers.vastdata.driver', 'sqlalchemy.dialects.sqlite')


@dataclasses.dataclass(frozen=True)
class Moment:
    """The change that a command is killed at, counted from one.

    answered: as soon as it was answered, else before it is sent.
    """

    number: int
    answered: bool


def end():
    os.kill(os.getpid(), signal.SIGKILL)


def deadly(moment):
    """Have this process end at a change."""
    before_change = plan.before_change
    left = [moment.number]
    sent = []

    def asked(what):
        before_change(what)
        left[0] -= 1
        if left[0] == 0:
            if not moment.answered:
                end()
            sent.append(what)

    def answering(kind, name):
        method = getattr(kind, name)

        def run(*args, **more):
            try:
                return method(*args, **more)
            finally:
                if sent:
                    end()
        setattr(kind, name, run)
    plan.before_change = asked
    answering(ssh.Host, '_run')
    answering(local.Local, '_run')
    answering(rest.RestTransport, '_exchange')


def command(moment, words, path, output, limit):
    """Run a command in this process, and tell its output to a file."""
    os.environ['PATH'] = path
    with open(output, 'w') as told:
        os.dup2(told.fileno(), 1)
        os.dup2(told.fileno(), 2)
        faulthandler.dump_traceback_later(limit, exit=True, file=told)
        deadly(moment)
        code = main.main(words)
        os._exit(code)


@functools.cache
def copied():
    """Return from what such processes are made."""
    context = multiprocessing.get_context('forkserver')
    context.set_forkserver_preload([__name__, *IMPORTED])
    return context


def ended():
    """End the process of which there are copies; the next one has another."""
    forkserver._forkserver._stop()


def killed(moment, words, output):
    """Run a command and tell if it was killed, which it is not afterwards.

    :raises AssertionError: it failed, or it never ended; its output tells.
    """
    limit = patience.seconds(120)
    process = copied().Process(target=command, args=(
        moment, words, os.environ['PATH'], output, limit), daemon=True)
    process.start()
    process.join(limit + 30)
    if process.is_alive():
        process.kill()
        process.join(30)
        raise AssertionError(
            f'it did not even end itself: {pathlib.Path(output).read_text()}')
    assert process.exitcode in (0, -signal.SIGKILL), (
        process.exitcode, pathlib.Path(output).read_text())
    return process.exitcode != 0

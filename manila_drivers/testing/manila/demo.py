# SPDX-License-Identifier: Apache-2.0

"""The demonstration: a real Manila serves shares from a simulated cluster.

`python -m manila_drivers.testing.manila.demo` starts a simulated cluster, by
default one of VAST, and a Manila that uses it, leads shares through their life
and shows each step, what Manila said, what the cluster was asked and how long
that took.
"""

import argparse
import contextlib
import pathlib
import shutil
import sys
import tempfile
import time

from manila_drivers.testing.backends import storage
from manila_drivers.testing.manila import api
from manila_drivers.testing.manila import client
from manila_drivers.testing.manila import config
from manila_drivers.testing.manila import environment
from manila_drivers.testing.manila import journal
from manila_drivers.testing.manila import kinds
from manila_drivers.testing.manila import life
from manila_drivers.testing.manila import outage
from manila_drivers.testing.manila import process
from manila_drivers.testing.manila import releases
from manila_drivers.testing.manila import scene
from manila_drivers.testing.manila import show
from manila_drivers.testing.manila import stay

_FAILURES = (journal.ScenarioFailure, process.ManilaFailure,
             environment.EnvironmentFailure, api.ApiError,
             client.WaitFailure, OSError)


LEGEND = ('Seconds are those of Manila, from the request to its end; the '
          'milliseconds\nbeside a call are those of the driver in it.')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--release', choices=tuple(releases.RELEASES),
        help='Manila release; by default the one that is installed, else '
             f'{releases.NEWEST.name}')
    parser.add_argument(
        '--keep', action='store_true',
        help='leave everything running, to try it with the openstack client')
    parser.add_argument(
        '--work', type=pathlib.Path, metavar='DIR',
        help='directory for state and logs, kept afterwards; by default a '
             'temporary one')
    parser.add_argument(
        '--backend', default='vast', choices=tuple(kinds.KINDS),
        help='what is simulated, default %(default)s; ces, knfs and gnfs are '
             'the ways in which Storage Scale exports, and generic is a cloud '
             'with one server for NFS, generic-cifs for CIFS, and '
             'generic-servers with servers that the driver makes')
    parser.add_argument(
        '--driver', metavar='CLASS',
        help="dotted path of a driver class in the place of the backend's")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog='python -m manila_drivers.testing.manila.demo',
        description='A real Manila serves shares from a simulated cluster.')
    add_arguments(parser)
    return run(parser.parse_args(arguments))


def run(wishes: argparse.Namespace) -> int:
    """Exit code: 0 if everything went as it should."""
    stay.stop_on_signals()
    screen = show.Screen()
    work = (wishes.work.absolute() if wishes.work
            else pathlib.Path(tempfile.mkdtemp(prefix='manila-demo-')))
    try:
        perform(wishes, work, screen)
    except _FAILURES as why:
        screen.line()
        screen.line('FAILED: %s' % why)
        screen.line('Logs: %s' % (work / 'log'))
        return 1
    except KeyboardInterrupt:
        screen.line('Interrupted; everything is stopped.')
        return 130
    if not wishes.work:
        shutil.rmtree(work, ignore_errors=True)
    return 0


def perform(wishes: argparse.Namespace, work: pathlib.Path,
            screen: show.Screen) -> None:
    start = time.monotonic()
    release = releases.named(wishes.release) if wishes.release \
        else environment.native()
    name, kind = wishes.backend, kinds.KINDS[wishes.backend]
    driver = wishes.driver or kind.driver
    screen.line('Manila %s with %s' % (release.wheel, driver))
    place = environment.provide(tell=screen.line)
    with contextlib.ExitStack() as stack:
        cluster = stack.enter_context(kind.cluster())
        screen.line('  simulated %s at %s' % (kind.system, cluster.url))
        manila = stack.enter_context(started(
            place, release, work, {name: cluster.options(driver)},
            cluster))
        screen.line('  API, scheduler and share service at %s, up after '
                    '%.1f s' % (manila.endpoint, time.monotonic() - start))
        play = scene.play(manila, kind.profile(name), cluster,
                          chapter=screen.chapter, begin=screen.begin,
                          tell=screen.tell)
        screen.line(LEGEND)
        story(play)
        if kind.more is not None:
            kind.more(play)
        if wishes.keep:
            left(play)
        screen.line()
        screen.line(summary(play, time.monotonic() - start))
        if wishes.keep:
            remain(play, place, screen)


def started(place: environment.Environment, release: releases.Release,
            work: pathlib.Path, backends: config.Sections,
            cluster: storage.Cluster) -> process.Manila:
    process.clean(work)
    work.mkdir(parents=True, exist_ok=True)
    settings = config.Settings(work, backends, cluster.defaults(),
                               cluster.sections())
    return process.Manila(place, release, settings,
                          programs=cluster.programs)


def story(play: scene.Scene) -> None:
    """A whole life; and a second share that sees its service restart."""
    life.whole(play)
    play.journal.chapter('The service restarts with other options')
    share = life.create(play)
    life.allow(play, share, play.profile.cast.wide, 'rw')
    outage.ensure_after_change(outage.Part(play, share))


def left(play: scene.Scene) -> None:
    """A share that is there when somebody looks."""
    play.journal.chapter('A share that stays, for you')
    life.allow(play, life.create(play, name='demo'),
               play.profile.cast.wide, 'rw')


def summary(play: scene.Scene, seconds: float) -> str:
    steps = play.journal.steps
    return '%d steps, %d requests to the cluster, %.1f s in all' % (
        len(steps), sum(len(step.asked) for step in steps), seconds)


def remain(play: scene.Scene, place: environment.Environment,
           screen: show.Screen) -> None:
    """Say how to use it, and wait for a signal."""
    screen.line()
    screen.line('Everything is still running, with a share called demo. In '
                'another terminal:')
    assert play.storage is not None
    for line in stay.commands(place, play.manila, play.profile,
                              play.storage.share_network()):
        screen.line('  ' + line)
    screen.line('Logs: %s' % play.manila.settings.logs)
    screen.line('To stop it: Ctrl-C here. Until then this shows what your '
                'commands make the driver do:')
    news = stay.News(play.manila, play.profile.backend, play.storage,
                     lambda line: screen.line('  ' + line))
    stay.until_interrupted(news.look)


if __name__ == '__main__':
    sys.exit(main())

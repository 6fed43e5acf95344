# SPDX-License-Identifier: Apache-2.0

"""Stages of `.ci/run`: a table, and what moves with the commit.

Nothing here asks anybody or starts anything.
"""

import dataclasses
import re

# By the clock, until a run is ended as a whole.
WHOLE = 5100.0

# How many times as long a test may take as on one's own machine: a run was
# seen whose host did a third of the usual work.
PATIENCE = '4'

# Slices of the random suites; so many commits in a row play all of them.
SLICES = 5

# Manila's oldest and newest supported release take part in each run, one of
# the others by turn.
ALWAYS = ('20.0', '23.0')
BY_TURN = ('21.0', '22.0')
# What went before is no longer supported, and goes on to be tried.
BEFORE = ('19.1',)
WHEELS = {'20.0': '20.0.3', '21.0': '21.0.3', '22.0': '22.0.2',
          '23.0': '23.0.1'}

# pip compiles all that it installs, of which a run imports a part: half of the
# time that it takes.
UNCOMPILED = {'PIP_COMPILE': '0'}

# Where tox keeps what it logs of an environment, which it empties at each
# start: stages that use one at the same time have one each, with its end.
LOGS = 'MANILA_DRIVERS_TOX_LOG'

# How a stage is started that lets others go first.
YIELDING = ('python3', '-m', 'tools.ci.yielding', '5')
# And one that goes before others.
FIRST = (*YIELDING[:-1], '-5')


@dataclasses.dataclass(frozen=True)
class Turn:
    """Hold what this run plays of what is too much for one run.

    source: where the number comes from, for the report; number: that moves
    by one with each commit; chosen: a slice that the user wants instead.
    """

    source: str
    number: int
    chosen: str = ''

    @property
    def slice(self) -> str:
        return self.chosen or f'{self.number % SLICES + 1}/{SLICES}'

    @property
    def installed(self) -> tuple[str, ...]:
        """Manila releases beside which the wheel is installed."""
        return tuple(sorted((*ALWAYS, BY_TURN[self.number % len(BY_TURN)])))

    @property
    def lived_in(self) -> tuple[str, ...]:
        """Manila releases that are started."""
        others = BY_TURN + BEFORE
        return tuple(sorted((*ALWAYS, others[self.number % len(others)])))

    def __str__(self) -> str:
        return (f'slice {self.slice} of the random suites and of tables, '
                f'Manila {" ".join(self.lived_in)}, installed beside '
                f'{" ".join(self.installed)} ({self.source})')


@dataclasses.dataclass(frozen=True)
class Stage:
    """A command with a limit, in a lane of stages that follow each other.

    environments: those of tox that have to be there; shows: what its output
    has to match, so that a stage that does nothing is none that passes;
    yields: lets the lanes go first that mostly wait, since the last of them
    decides how long a run takes; first: goes before other lanes, because it
    waits for what is done in turn by many processes; cloud: needs the parts
    of the real cloud.
    """

    name: str
    lane: str
    limit: float
    command: tuple[str, ...]
    environments: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    shows: str = ''
    counts: bool = True
    yields: bool = False
    first: bool = False
    cloud: bool = False

    @property
    def words(self) -> tuple[str, ...]:
        """The command as it is started."""
        before = YIELDING if self.yields else FIRST if self.first else ()
        return (*before, *self.command)

    @property
    def told(self) -> dict[str, str]:
        """Variables that it is started with."""
        return {LOGS: f'-{self.name}', **dict(self.variables)}

    def missing(self, output: str) -> str:
        """Return what the output should have shown, '' if it has."""
        if self.shows and not re.search(self.shows, output):
            return self.shows
        return ''


# The two commands of the README.
DEMO = ('python3', 'tools/run.py', 'demo')
TEST = ('python3', 'tools/run.py', 'test')

CONFORMANCE = 'tests/conformance'
# A cloud and a virtual machine are simulated for each case, which takes long.
GENERIC = tuple(f'{CONFORMANCE}/test_generic{part}.py' for part in (
    '', '_broken', '_degraded', '_doors', '_elsewhere', '_interrupted',
    '_regions', '_scenarios', '_taking_away', '_turns', '_variants'))
# What waits for processes, and deadlines, of the command.
OPERATOR = tuple(f'tests/unit/{name}' for name in (
    'audit', 'cli', 'direct', 'preflight', 'registry'))
GLUSTER = 'tests/functional/gluster'
# Takes what no other test needs, and has an environment of its own.
OPENSTACK = 'tests/functional/openstack'
CLOUD = 'cloud'
BRICKS = f'{GLUSTER}/test_bricks.py'
# Several drivers in one Manila, which takes as long as all else there.
DRIVERS = 'test_ssh_drivers'
# Those that boot a guest with thin volumes.
GUEST = tuple(f'{GLUSTER}/test_{name}.py'
              for name in ('command', 'simulator', 'snapshots'))


def in_manilas(test: tuple[str, ...], name: str) -> tuple[str, ...]:
    """Return the commands of an environment, run in the one with Manila.

    tox makes an environment again when another one wants its directory, so
    that three names cannot share one.
    """
    return (*test, '-e', 'manila', '-x',
            'testenv:manila.commands={[testenv:%s]commands}' % name)


def table(turn: Turn, wheel: str = '', test: tuple[str, ...] = TEST,
          demo: tuple[str, ...] = DEMO) -> list[Stage]:
    """Return all stages but `prepare`; those of a lane in their order."""
    # Everything has been installed by `prepare`.
    test = (*test, '--skip-pkg-install')
    slices = ('MANILA_DRIVERS_SLICE', turn.slice)
    manilas = ('MANILA_DRIVERS_RELEASES', ','.join(turn.lived_in))
    walked = r'\d+ steps, \d+ requests to the cluster'
    return [
        # The README's command in four parts, side by side.
        Stage('test', 'tests', 4800, (
            *test, '--', f'--ignore={CONFORMANCE}',
            *(f'--ignore={each}' for each in OPERATOR)),
              ('py3', 'pep8', 'docs'), (slices,),
              shows='house rules: nothing to complain about'),
        Stage('conformance', 'conformance', 4800, (
            *test, '-e', 'py3', '--', CONFORMANCE,
            *(f'--ignore={each}' for each in GENERIC)), ('py3',), (slices,),
              yields=True),
        Stage('generic', 'generic', 4800, (
            *test, '-e', 'py3', '--', *GENERIC), ('py3',), (slices,),
              yields=True),
        # From nothing, as a newcomer has it, which pip takes a minute for.
        Stage('demo', 'guest', 1200, demo, (), tuple(UNCOMPILED.items()),
              shows=walked, counts=False),
        Stage('tox-demo', 'guest', 1200, in_manilas(test, 'demo'), ('manila',),
              shows=walked, counts=False),
        Stage('manila', 'manila', 4800, (
            *test, '-e', 'manila', '--',
            f'--ignore=tests/manila/{DRIVERS}.py'),
            ('manila',), (manilas, slices)),
        Stage('drivers', 'guest', 2400, (
            *test, '-e', 'manila', '--', '-k', DRIVERS), ('manila',),
            (manilas, slices)),
        # Real daemons make tests wait: what waits longest has a lane.
        Stage('functional', 'functional', 4800, (
            *test, '-e', 'functional', '--', 'tests/functional',
            f'--ignore={GLUSTER}', f'--ignore={OPENSTACK}'),
              ('functional',), (slices,)),
        Stage('gluster', 'gluster', 4800, (
            *test, '-e', 'functional', '--', GLUSTER,
            *(f'--ignore={each}' for each in (BRICKS, *GUEST))),
            ('functional',), (slices,)),
        Stage('guest', 'guest', 4800, (
            *test, '-e', 'functional', '--', *GUEST), ('functional',),
              (slices,)),
        Stage('bricks', 'bricks', 4800, (
            *test, '-e', 'functional', '--', BRICKS), ('functional',),
              (slices,)),
        Stage('lowest', 'bricks', 3600, (*test, '-e', 'lowest'),
              ('lowest',), (slices,), yields=True),
        Stage('compat', 'gluster', 2400, in_manilas(test, 'compat'),
              ('manila',), (slices,), yields=True),
        Stage('install', 'gluster', 2400, (
            *test, '-e', 'install', '--',
            *(('--wheel', wheel) if wheel else ()),
            *(WHEELS[name] for name in turn.installed), 'alone'), (
                'install',), tuple(UNCOMPILED.items()),
              yields=True),
        # What the cloud is made of takes minutes: beside other lanes, unless
        # only the tests are named.
        Stage(CLOUD, 'openstack', 3600, (
            '.tox/openstack/bin/python', '-m', 'tests.functional.openstack',
            'prepare'), ('openstack',), shows=r'\] ready', counts=False),
        Stage('openstack', 'openstack', 2700, (*test, '-e', 'openstack'),
              ('openstack',), first=True, cloud=True),
        # In the lane that ends first.
        Stage('operator', 'openstack', 3600, (
            *test, '-e', 'py3', '--', *OPERATOR), ('py3',), (slices,))]


def prepare(chosen: list[Stage], turn: Turn) -> Stage:
    """Return the stage that installs all that others need.

    apt and pip speak to the network in it, in `install` and in `demo` alone.
    """
    environments = sorted({
        name for stage in chosen for name in stage.environments})
    words = ['python3', '-m', 'tools.ci.prepare']
    for name in environments:
        words += ['--tox', name]
    if 'manila' in environments:
        compared = any(stage.name == 'compat' for stage in chosen)
        for release in sorted({*turn.lived_in, *(
                ALWAYS + BY_TURN + BEFORE if compared else ())}):
            words += ['--manila', release]
    cloud = any(stage.cloud for stage in chosen) and not any(
        stage.name == CLOUD for stage in chosen)
    if cloud:
        words += ['--cloud']
    return Stage('prepare', 'prepare', 4200 if cloud else 2400, tuple(words),
                 counts=False, shows='prepared: ')


def selected(stages: list[Stage], names: list[str]) -> list[Stage]:
    """Return the stages of those names, all without names.

    :raises ValueError: there is none of that name.
    """
    unknown = set(names) - {stage.name for stage in stages} - {'prepare'}
    if unknown:
        raise ValueError('no stage %s; there are prepare, %s' % (
            ', '.join(sorted(unknown)),
            ', '.join(stage.name for stage in stages)))
    return [stage for stage in stages if not names or stage.name in names]


def lanes(stages: list[Stage]) -> list[list[Stage]]:
    """Return the stages lane by lane."""
    found: dict[str, list[Stage]] = {}
    for stage in stages:
        found.setdefault(stage.lane, []).append(stage)
    return list(found.values())


def chosen_slice(text: str) -> str:
    """Return a slice that the user wants instead.

    :raises ValueError: it is no slice.
    """
    found = re.fullmatch(r'(\d+)/(\d+)', text)
    if text and not (found and 1 <= int(found[1]) <= int(found[2])):
        raise ValueError(f'MANILA_DRIVERS_SLICE={text} is not like 2/5')
    return text

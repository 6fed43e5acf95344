# SPDX-License-Identifier: Apache-2.0

"""One cloud for all tests of this directory."""

import functools
import os
import subprocess
import time
import typing as ty

import pytest

from tests.functional.openstack import api as apis
from tests.functional.openstack import cloud as clouds
from tests.functional.openstack import machines
from tests.functional.openstack import manila
from tests.functional.openstack import outcomes
from tests.functional.openstack import places
from tests.functional.openstack import provide
from tests.functional.openstack import tenancy

# What they assert is told as what tests assert.
pytest.register_assert_rewrite('tests.functional.openstack.life',
                               'tests.functional.openstack.letting_go',
                               'tests.functional.openstack.trouble',
                               'tests.functional.openstack.interrupted')

DRIVERS = {'ours': manila.OURS, 'control': manila.UPSTREAM}
BY_USER = 'CIFS=manila.share.drivers.helpers.CIFSHelperUserAccess'
#: More than a machine takes, so that Nova has to say so.
TOO_MANY = 40
#: How the chapters of this run ended.
ENDED = pytest.StashKey[list[outcomes.Outcome]]()


@pytest.fixture(scope='session')
def tell(request):
    """Say something to whoever watches the run."""
    capture = request.config.pluginmanager.getplugin('capturemanager')
    begin = time.monotonic()

    def say(text: str) -> None:
        with capture.global_and_fixture_disabled():
            print(f'\n[{time.monotonic() - begin:4.0f} s] {text}', end='',
                  flush=True)

    return say


@pytest.fixture(scope='session')
def provided(tell):
    """Skip the tests where parts of a cloud are missing."""
    if os.environ.get('CI') == 'true':
        provide.packages(tell)
    lacking = provide.missing()
    if lacking:
        reason = f'the cloud needs {", ".join(lacking)}'
        (pytest.fail if os.environ.get('CI') else pytest.skip)(reason)


@pytest.fixture(scope='package')
def cloud(provided, tell):
    """The cloud; tests are in its network while it is up."""
    with clouds.running(tell) as made, made.room.network():
        yield made


@pytest.fixture(scope='package')
def api(cloud):
    """Its administrator."""
    return apis.Api()


@pytest.fixture(scope='package')
def network(cloud, api):
    """A tenant's network with a router."""
    made = tenancy.Network(api)
    yield made
    made.close()


@pytest.fixture(scope='package')
def client(cloud, api, network):
    """A host of that tenant."""
    made = tenancy.Host(cloud.room, api, network)
    yield made
    made.close()


@pytest.fixture(scope='package')
def manager(cloud, api, network):
    """The Manila host, which is on that network as well."""
    made = tenancy.Host(cloud.room, api, network, namespaced=False)
    yield made
    made.close()


@pytest.fixture(scope='package')
def other(cloud, api, network):
    """A host of the tenant whom nobody allows anything."""
    made = tenancy.Host(cloud.room, api, network)
    yield made
    made.close()


@pytest.fixture(scope='package')
def booting(cloud, api, network, manager):
    """A machine that may not let anybody in yet."""
    made = machines.Machine(cloud.room, api, network, manager, 'common')
    yield made
    made.close()


@pytest.fixture(scope='package', autouse=True)
def early(request):
    """Let the common machine boot while other tests do not need it."""
    if SINGLE.keys() & asked_for(request.session.items):
        request.getfixturevalue('booting')


@pytest.fixture(scope='package')
def common(booting, tell):
    """A machine that is there already, for when servers are not handled."""
    booting.wait()
    tell('the common machine lets in')
    return booting


# Of a wide scope, so that all of one driver comes before the other.
@pytest.fixture(scope='package', params=[
    'ours', pytest.param('control', marks=pytest.mark.slow)])
def driver(request):
    """Our driver; and Manila's own, to be compared with."""
    return request.param


class Served(ty.NamedTuple):
    """Manila, and what was in the cloud before it was."""

    manila: manila.Manila
    before: dict[str, set[str]]


#: The other address of the machine that is there, see ``test_six``.
SIX = 'fd07::7'

#: Backends of a machine that is there, and what they have of their own.
SINGLE = {'single': {'generic_max_volumes_per_server': TOO_MANY},
          'refusing': {'cinder_volume_type': places.BACKENDS[1]},
          'users': {'share_helpers': BY_USER},
          'six': {'tenant_net_name_or_ip': SIX}}
#: Backends with share servers.
HANDLED = {'handled': {},
           'handled-refusing': {'cinder_volume_type': places.BACKENDS[1]}}


def single(path, machine, more):
    """Return the section of a backend of a machine that is there."""
    return manila.section(path, handles=False, **{
        'service_instance_name_or_id': machine.id,
        'service_net_name_or_ip': machine.address,
        'tenant_net_name_or_ip': machine.address, **more})


def asked_for(items):
    """Return the backends that the chosen tests play on."""
    return {item.callspec.params.get('backend') for item in items
            if hasattr(item, 'callspec')}


@pytest.fixture(scope='package')
def served(request, cloud, api, driver, manager, tell):
    """Manila with the driver in both modes; no share is there before."""
    path, asked = DRIVERS[driver], asked_for(request.session.items)
    wanted = {name: manila.section(path, handles=True, **more)
              for name, more in HANDLED.items()
              if name in asked or name == 'handled'}
    for name in SINGLE.keys() & asked:
        wanted[name] = single(path, request.getfixturevalue('common'),
                              SINGLE[name])
    before = manila.inventory(api)
    made = manila.Manila(cloud.room, wanted)
    try:
        apis.eventually(made.up, 'all backends are up', manila.UP)
        tell(f'{driver}: all backends are up')
        yield Served(made, before)
    finally:
        made.close()


@pytest.fixture(scope='package')
def living(cloud, api, driver, served, network, client, other, tell):
    """Shares of a backend, and who uses them; one for each backend."""
    @functools.cache
    def shares(backend):
        share_network = ''
        if backend in HANDLED:
            share_network = api.post('sharev2', '/share-networks', {
                'share_network': {'neutron_net_id': network.id,
                                  'neutron_subnet_id': network.subnet,
                                  'name': driver}})['id']
        kind = manila.share_type(api, backend, bool(share_network))
        return manila.Shares(api, kind, share_network)

    def make(backend, story):
        made = story(cloud.room, api, shares(backend), client, other)
        made.served, made.backend = served.manila, backend
        made.before = served.before
        told.append((backend, made.times))
        return made

    told = []
    yield make
    for backend, times in told:
        if times:
            tell(f'{driver}, {backend}: ' + ', '.join(
                f'{what} {seconds:.1f} s' for what, seconds in times))


@pytest.fixture
def story(request, driver, tell):
    """Play a chapter; say at once what is wrong, before all else goes on.

    What one that failed has left goes, so that the next one is not about it.
    """
    ended = request.config.stash.setdefault(ENDED, [])

    def play(life, chapter, *arguments, faults=()):
        begin = time.monotonic()

        def ends(wrong=''):
            found = outcomes.Outcome(
                driver, life.backend, ' '.join(map(str, (chapter, *(
                    each for each in arguments if isinstance(each, str))))),
                time.monotonic() - begin, wrong)
            ended.append(found)
            tell(f'{driver}, {life.backend}, {found.chapter}: {found.told()}')

        try:
            getattr(life, chapter)(*arguments)
        except (AssertionError, subprocess.TimeoutExpired) as wrong:
            ends(str(wrong))
            stay, left = life.cleared(), life.left()
            if stay or left:
                tell(f'{driver}, {chapter}: not to be deleted: {stay}; left '
                     f'in other services: {left}')
            # Later chapters look for what they have left themselves.
            life.before.update(manila.inventory(life.api))
            if driver == 'control' and chapter in faults:
                pytest.xfail(f'{faults[chapter]}: {wrong}')
            raise
        ends()

    return play


def pytest_terminal_summary(terminalreporter):
    """Show what both drivers did, side by side."""
    ended = terminalreporter.config.stash.get(ENDED, [])
    if ended:
        terminalreporter.write_sep('=', 'chapters')
        terminalreporter.write_line(outcomes.side_by_side(ended))

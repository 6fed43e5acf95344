# SPDX-License-Identifier: Apache-2.0

"""One cloud for all tests of this directory."""

import os
import time

import pytest

from tests.functional.openstack import api as apis
from tests.functional.openstack import cloud as clouds
from tests.functional.openstack import provide
from tests.functional.openstack import tenancy

# What they assert is told as what tests assert.
pytest.register_assert_rewrite('tests.functional.openstack.life',
                               'tests.functional.openstack.trouble')


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

#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#         http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.

"""Leave a Manila running, for people to use."""

from collections.abc import Iterator
import contextlib
import signal
import threading

from manila_drivers.rig import environment
from manila_drivers.rig import process
from manila_drivers.rig import scene

_USES = (
    'list', 'pool list --detail',
    'create %(protocol)s 1 --name mine --share-type %(type)s --wait',
    'access create mine %(kind)s %(to)s --wait',
    'export location list mine', 'delete mine --wait')


def commands(place: environment.Environment, manila: process.Manila,
             profile: scene.Profile) -> Iterator[str]:
    """What to type to try it; each line works as it stands."""
    client = '%s --os-auth-type none --os-endpoint %s share ' % (
        place.tool('openstack'), manila.endpoint)
    for use in _USES:
        yield client + use % {
            'type': profile.share_type, 'protocol': profile.protocol,
            'kind': profile.cast.kind, 'to': profile.cast.single}


def stop_on_signals() -> None:
    """SIGTERM unwinds like Ctrl-C, so that Manila never outlives us."""
    # SIGINT as well: a shell starts what runs in the background deaf to it.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)


def until_interrupted() -> None:
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()

# SPDX-License-Identifier: Apache-2.0

"""Leave a Manila running, for people to use."""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
import contextlib
import signal
import threading
import types

from manila_drivers.testing.backends import storage
from manila_drivers.testing.manila import environment
from manila_drivers.testing.manila import journal
from manila_drivers.testing.manila import process
from manila_drivers.testing.manila import scene
from manila_drivers.testing.manila import show
from manila_drivers.testing.manila.calls import calls_in

_NOTHING: Mapping[str, str] = types.MappingProxyType({})
_USES = (
    'list', 'pool list --detail',
    'create %(protocol)s 1 --name mine --share-type %(type)s%(where)s --wait',
    'access create mine %(kind)s %(to)s --wait',
    'export location list mine', 'delete mine --wait')


def commands(place: environment.Environment, manila: process.Manila,
             profile: scene.Profile,
             network: Mapping[str, str] = _NOTHING) -> Iterator[str]:
    """Return what to type to try it; each line works as it stands.

    :param network: what share networks say of that of their users.
    """
    client = '%s --os-auth-type none --os-endpoint %s share ' % (
        place.tool('openstack'), manila.endpoint)
    where = ''
    if profile.servers:
        yield ' '.join((client + 'network create --name mine', *(
            '--%s %s' % (key.replace('_', '-'), value)
            for key, value in network.items())))
        where = ' --share-network mine'
    for use in _USES:
        yield client + use % {
            'type': profile.share_type, 'protocol': profile.protocol,
            'where': where,
            'kind': profile.cast.kind, 'to': profile.cast.single}


def stop_on_signals() -> None:
    """SIGTERM unwinds like Ctrl-C, so that Manila never outlives us."""
    # SIGINT as well: a shell starts what runs in the background deaf to it.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)


def until_interrupted(look: Callable[[], None] = lambda: None,
                      seconds: float = 0.5) -> None:
    """Wait for Ctrl-C, and look in between whether there is news."""
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            threading.Event().wait(seconds)
            look()


class News:
    """Tells what commands cause: the driver's calls and their requests.

    :param log: where the driver writes
    :param tell: called with a line for each piece of news
    """

    def __init__(self, log: journal.Log, backend: str,
                 watched: storage.Storage,
                 tell: Callable[[str], None]) -> None:
        self._log = log
        self._backend = backend
        self._watched = watched
        self._tell = tell
        self._skip()

    def _skip(self) -> None:
        self._log_mark = self._log.log_mark()
        self._mark = self._watched.mark()

    def look(self) -> None:
        """Tell what has ended since the last look."""
        asked = self._watched.asked(self._mark)
        if not asked:
            return
        calls = [call for call in calls_in(
            self._log.log(self._log_mark), self._backend)
            if call.method not in journal.PERIODIC]
        if not calls:
            # It is still at it.
            return
        self._skip()
        self._tell(show.requests(calls, asked))

# SPDX-License-Identifier: Apache-2.0

"""The only module that knows whether Manila is installed.

With Manila it hands out Manila's own base classes, exceptions and constants;
without, the equivalents in ``manila_drivers.standalone``.  The driver classes
are the same code on either.

Only "there is no module called manila" means stand-alone.  A Manila that is
there but cannot be imported, or lacks a part, fails loudly: otherwise the
service would run on the wrong base class without a word.  The environment
variable ``MANILA_DRIVERS_STANDALONE=1`` forces stand-alone on a host that has
Manila, which also spares a command line the second that importing it takes.
"""

import collections
from collections.abc import Iterator
from collections.abc import Mapping
import contextlib
import inspect
import logging
import os
import threading
from typing import Any
from typing import TYPE_CHECKING

from manila_drivers import locks

LOG = logging.getLogger(__name__)


def _has_manila() -> bool:
    forced = os.environ.get('MANILA_DRIVERS_STANDALONE', '')
    if forced.strip().lower() in ('1', 'true', 'yes', 'on'):
        return False
    try:
        import manila  # noqa: F401
    except ModuleNotFoundError as exc:
        if exc.name != 'manila':
            raise
        return False
    return True


MANILA = _has_manila()

if TYPE_CHECKING or not MANILA:
    # The type checker always sees these: a test holds them equal to
    # Manila's, which have no annotations.
    from manila_drivers.standalone import base as _base
    from manila_drivers.standalone import constants
    from manila_drivers.standalone import errors
else:
    from manila import exception as errors
    from manila.common import constants
    from manila.share import driver as _base

__all__ = ['MANILA', 'BaseExecuteMixin', 'BaseGaneshaMixin',
           'BaseShareDriver', 'FEATURES', 'constants', 'errors', 'extra_specs',
           'lock', 'lock_reach', 'root_helper', 'service_host', 'share_states',
           'supports', 'user_message']

BaseShareDriver = _base.ShareDriver
BaseExecuteMixin = _base.ExecuteMixin
BaseGaneshaMixin = _base.GaneshaMixin

# What tells that a feature is there: a name in constants, a name in the
# extra specs, a method of the base class, or an argument of one.
_SIGNS: Mapping[str, tuple[str, str]] = {
    'async_revert': ('constant', 'STATUS_REVERTING_TO_SNAPSHOT'),
    'snapshot_inherit_share_access': (
        'extra_spec', 'SNAPSHOT_INHERIT_SHARE_ACCESS_SUPPORT'),
    'mount_point_name': ('extra_spec', 'MOUNT_POINT_NAME_SUPPORT'),
    'encryption': ('extra_spec', 'ENCRYPTION_SUPPORT'),
    'qos_types': ('extra_spec', 'DEFAULT_QOS_TYPE'),
    'ensuring': ('constant', 'STATUS_ENSURING'),
    'update_from_metadata': ('method', 'update_share_from_metadata'),
    'subnet_metadata': (
        'method', 'update_share_network_subnet_from_metadata'),
    'update_rules': ('argument', 'update_access.update_rules'),
    'encryption_key_ref': (
        'argument',
        'choose_share_server_compatible_with_share.encryption_key_ref')}

FEATURES = frozenset(_SIGNS)


def supports(feature: str) -> bool:
    """Tell if this Manila has a feature; stand-alone has them all.

    Looks at what is there, not at version numbers.

    :raises KeyError: a feature nobody has described here.
    """
    kind, name = _SIGNS[feature]
    if kind == 'constant':
        return hasattr(constants, name)
    if kind == 'extra_spec':
        return hasattr(constants.ExtraSpecs, name)
    method, _, argument = name.partition('.')
    found = getattr(BaseShareDriver, method, None)
    if found is None or not argument:
        return found is not None
    return argument in inspect.signature(found).parameters


@contextlib.contextmanager
def lock(name: str, timeout: float = 60.0, lock_path: str | None = None,
         coordinator: locks.Coordinator | None = None) -> Iterator[None]:
    """Hold a lock between all processes that may serve a backend.

    Reach: :func:`lock_reach`.  See :func:`manila_drivers.locks.lock` for what
    is raised.

    :param lock_path: for stand-alone drivers, which have a configuration of
        their own: ``ShareDriver.lock(name)`` passes it on.
    :param coordinator: a started one in place of Manila's.
    """
    make: locks.MakeCoordinator | None = None
    if coordinator is not None:
        def make() -> locks.Coordinator:
            return coordinator
    elif lock_reach() is locks.Reach.HOSTS:
        make = _coordinators.started
    with locks.lock(name, timeout=timeout, lock_path=lock_path,
                    coordinator=make):
        yield


def lock_reach() -> locks.Reach:
    """Return how far locks reach, unless a caller hands in a coordinator.

    To other hosts inside Manila, if ``[coordination] backend_url`` names more
    than the files in its state path that are its default.
    """
    if not MANILA:
        return locks.Reach.HOST
    from manila import coordination
    from manila.common import config  # noqa: F401 - it registers state_path
    return locks.Reach.of(coordination.CONF.coordination.backend_url,
                          coordination.CONF.state_path)


class _Coordinators:
    """The coordinator of this process.

    Manila has one as well, which it starts before it forks: its heartbeat
    stays with the parent, so that what a service holds would expire, and its
    connection would be shared.  So each process starts another of Manila's
    class, with the first lock.
    """

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin anew, as a child has to that knows those of its parent."""
        self._lock = threading.Lock()
        self._started: dict[str, locks.Coordinator] = {}

    def started(self) -> locks.Coordinator:
        """Return it, started.

        :raises Exception: whatever tooz makes of a coordinator that is not
            there, of an URL that is wrong, or of a client that is missing.
        """
        from manila import coordination
        url = coordination.CONF.coordination.backend_url
        with self._lock:
            if url not in self._started:
                made = coordination.Coordinator(prefix='manila-drivers-')
                made.start()
                self._started[url] = made.coordinator
            return self._started[url]


_coordinators = _Coordinators()
os.register_at_fork(after_in_child=_coordinators.forget)


def extra_specs(share_row: Any,
                defaults: Mapping[str, str] | None = None) -> dict[str, str]:
    """The extra specs of a share's type.

    :param share_row: row or dictionary of a share (instance).  Its key
        ``share_type_extra_specs`` goes before anything else.
    :param defaults: what counts stand-alone where that key is missing.
    :returns: all values as text; empty for a share without a type.
    """
    given = share_row.get('share_type_extra_specs')
    if given is not None:
        return _texts(given)
    if not MANILA:
        return _texts(defaults or {})
    if not share_row.get('share_type_id'):
        return {}
    from manila.share import share_types
    return _texts(share_types.get_extra_specs_from_share(share_row))


def _texts(specs: Mapping[str, Any]) -> dict[str, str]:
    return {str(key): str(value) for key, value in specs.items()}


def user_message(context: Any, share_row: Any, detail_name: str) -> None:
    """Leave a message for the user about a share's access rules.

    :param detail_name: a name in Manila's list of message details, such as
        ``UNSUPPORTED_CLIENT_ACCESS``.

    Never raises: the message is a courtesy, the rule's state is what counts.
    Stand-alone there is nobody to leave it for but the log.
    """
    if not MANILA or context is None:
        LOG.warning('Share %s: %s', share_row.get('share_id'), detail_name)
        return
    try:
        _send_message(context, share_row, detail_name)
    except Exception:
        LOG.warning('Message %s about share %s could not be left',
                    detail_name, share_row.get('share_id'), exc_info=True)


def _send_message(context: Any, share_row: Any, detail_name: str) -> None:
    from manila.message import api
    from manila.message import message_field
    api.API().create(
        context, message_field.Action.UPDATE_ACCESS_RULES,
        share_row.get('project_id'),
        resource_type=message_field.Resource.SHARE,
        resource_id=share_row.get('share_id'),
        detail=getattr(message_field.Detail, detail_name))


def share_states(host: str) -> dict[str, int] | None:
    """Count the shares of a host by status, as Manila has them.

    :param host: a service's, with its backend: ``HOST@SECTION``.
    :returns: None stand-alone.
    :raises Exception: whatever Manila makes of a database that does not
        answer.
    """
    if not MANILA:
        return None
    from manila import context
    from manila import db
    rows = db.share_instance_get_all_by_host(
        context.get_admin_context(), host)
    return dict(collections.Counter(str(row['status']) for row in rows))


def root_helper() -> str:
    """Return what goes before commands that need root.

    Inside Manila its rootwrap with ``[DEFAULT] rootwrap_config``.
    """
    if not MANILA:
        from manila_drivers.standalone import executing
        return executing.ROOT_HELPER
    from oslo_config import cfg
    return f'sudo manila-rootwrap {cfg.CONF.rootwrap_config}'


def service_host() -> str:
    """Name of the share service's host, as configured; '' stand-alone."""
    if not MANILA:
        return ''
    from oslo_config import cfg
    return str(getattr(cfg.CONF, 'host', ''))

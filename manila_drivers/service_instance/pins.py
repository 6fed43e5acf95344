# SPDX-License-Identifier: Apache-2.0

"""Host keys of service instances.

The key of an instance is learned at its first login and then is part of its
details.  Of instances whose details have none, since Manila's own driver made
them or the operator did, it is kept in Manila's private storage.
"""

import base64
import dataclasses
import logging
import threading
from typing import Any

from manila_drivers import exception
from manila_drivers.service_instance import names
from manila_drivers.transport import ssh

LOG = logging.getLogger(__name__)

OPTION = 'service_instance_known_hosts'


class Pins:
    """Host keys by the id of the instance, as ``TYPE BASE64``.

    :param storage: Manila's private storage; without it they are known as
        long as the process lives.
    """

    def __init__(self, storage: Any = None) -> None:
        self._storage = storage
        self._lock = threading.Lock()
        self._known: dict[str, str] = {}

    def get(self, instance_id: str) -> str:
        """Return the key of an instance, '' if none was seen yet."""
        with self._lock:
            found = self._known.get(instance_id, '')
        if not found and self._storage is not None:
            found = str(self._storage.get(instance_id, names.HOST_KEY) or '')
            self._remember(instance_id, found)
        return found

    def put(self, instance_id: str, key: str) -> None:
        """Keep the key of an instance."""
        if self._storage is not None:
            self._storage.update(instance_id, {names.HOST_KEY: key})
        self._remember(instance_id, key)

    def drop(self, instance_id: str) -> None:
        """Forget an instance that is gone."""
        with self._lock:
            self._known.pop(instance_id, None)
        if self._storage is not None:
            self._storage.delete(instance_id, names.HOST_KEY)

    def _remember(self, instance_id: str, key: str) -> None:
        with self._lock:
            if key:
                self._known[instance_id] = key


@dataclasses.dataclass(frozen=True)
class FirstSeen:
    """Trust the key that an instance had when it was first seen.

    :param pin: the key, if the details tell it.
    """

    instance_id: str
    pins: Pins = dataclasses.field(repr=False, compare=False)
    pin: str = dataclasses.field(default='', compare=False)

    def types(self, host: str, port: int) -> list[str]:
        """Return the type of the key, for the login to ask for it."""
        known = self._key()
        return [known.split()[0]] if known else []

    def verify(self, host: str, port: int, kind: str, blob: bytes) -> None:
        """Return if this is the key, or the first one.

        :raises NotTrusted: it is another one.
        """
        known = self._key()
        if not known:
            LOG.info('Host key of service instance %s (%s, %s) is the first '
                     'one seen, and trusted from now on', self.instance_id,
                     host, kind)
            self.pins.put(self.instance_id, '%s %s' % (
                kind, base64.b64encode(blob).decode()))
            return
        try:
            ssh.Pinned((known,)).verify(host, port, kind, blob)
        except exception.NotTrusted as exc:
            raise exception.NotTrusted(
                f'{host} is not service instance {self.instance_id}: its '
                f'host key is not the one that was seen first',
                answer=exc.what,
                check=f'whether another host has this address, or the '
                f'instance was rebuilt; then name a file with its new key in '
                f'{OPTION}') from exc

    def _key(self) -> str:
        return self.pin or self.pins.get(self.instance_id)

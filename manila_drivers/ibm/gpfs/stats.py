# SPDX-License-Identifier: Apache-2.0

"""How much room there is."""

from collections.abc import Callable
import logging
import threading
from typing import Any

from manila_drivers import exception
from manila_drivers import model
from manila_drivers.ibm.gpfs import client
from manila_drivers.ibm.gpfs import records

LOG = logging.getLogger(__name__)

# Seconds for which the sum of all quotas is believed: adding it up is work.
_PROMISED_FOR = 600.0


class StatsService:
    """Statistics of one backend."""

    def __init__(self, gpfs: client.GpfsClient,
                 clock: Callable[[], float]) -> None:
        self._client = gpfs
        self._clock = clock
        self._lock = threading.Lock()
        self._promised: float | None = None
        self._since = 0.0

    def read(self) -> dict[str, Any]:
        gpfs = self._client.cluster
        cmd = self._client.make.look('df', '-P', '-B', '1',
                                     gpfs.settings.base)
        result, = self._client.ask(cmd)
        fields = result.stdout.splitlines()[-1].split() \
            if result.status == 0 and result.stdout else []
        if fields and fields[0].removeprefix('/dev/') != gpfs.device \
                and gpfs.filesystem.mount not in ('', fields[-1]):
            raise exception.BackendError(
                f'{gpfs.settings.base} is not in {gpfs.device} on a '
                f'management host but in {fields[0]}, which tells nothing '
                f'about its room', answer=cmd.excerpt(result.stdout),
                check='that the file system is mounted there')
        if len(fields) < 4 or not all(
                field.isdecimal() for field in (fields[1], fields[3])):
            raise exception.BackendError(
                'df does not tell the room of the file system',
                answer=cmd.excerpt(result.stderr or result.stdout))
        copies = gpfs.filesystem.replicas
        found: dict[str, Any] = {
            'total_capacity_gb': _gib(int(fields[1]), copies),
            'free_capacity_gb': _gib(int(fields[3]), copies)}
        promised = self._provisioned()
        if promised is not None:
            found['provisioned_capacity_gb'] = promised
        return found

    def _provisioned(self) -> float | None:
        """GiB promised to all filesets; None if GPFS does not say."""
        with self._lock:
            now = self._clock()
            if self._promised is None or now - self._since > _PROMISED_FOR:
                promised, error = exception.caught(self._sum)
                if error is None:
                    self._promised, self._since = promised, now
                else:
                    LOG.warning('Quotas could not be added up: %s', error)
            return self._promised

    def _sum(self) -> float:
        total = sum(quota.limit for quota in self._client.quotas().values())
        copies = self._client.cluster.filesystem.replicas
        return round(total / records.GIB_IN_KIB / copies, 2)


def _gib(size: int, copies: int) -> float:
    return float(size // (copies * model.GiB))

# SPDX-License-Identifier: Apache-2.0

"""``gluster volume quota ...``"""

from collections.abc import Sequence
import re

from manila_drivers.testing.simulators.gluster import wire
from manila_drivers.testing.simulators.gluster.state import admitted
from manila_drivers.testing.simulators.gluster.state import is_on
from manila_drivers.testing.simulators.gluster.state import STARTED
from manila_drivers.testing.simulators.gluster.state import State
from manila_drivers.testing.simulators.gluster.state import Volume
from manila_drivers.testing.simulators.gluster.wire import Element
from manila_drivers.testing.simulators.gluster.wire import element
from manila_drivers.testing.simulators.gluster.wire import fields
from manila_drivers.testing.simulators.gluster.wire import GlusterError

Words = Sequence[str]

_UNITS = {'': 1, 'KB': 1024, 'MB': 1024 ** 2, 'GB': 1024 ** 3,
          'TB': 1024 ** 4}
_ENABLED = {'features.quota': 'on', 'features.inode-quota': 'on',
            'features.quota-deem-statfs': 'on'}
_OP = element('cliOp', 'volQuota')


class Quota:
    """The commands about the quota of a volume."""

    def __init__(self, state: State) -> None:
        self._state = state

    def run(self, words: Words) -> list[Element]:
        if len(words) < 2:
            raise wire.UsageError()
        name, verb, *rest = words
        volume = self._state.volumes.get(name)
        if volume is None:
            raise _refused(f'Volume {name} does not exist')
        if volume.status != STARTED:
            raise _refused('Volume is stopped, start volume before '
                           'executing quota command.')
        on = is_on(volume.options.get('features.quota'))
        if verb == 'enable':
            return self._enable(volume, on)
        if not on:
            raise _refused('Quota is disabled, please enable quota')
        if verb == 'disable':
            volume.options.update(dict.fromkeys(
                ('features.quota', 'features.inode-quota'), 'off'))
            volume.options.pop('features.quota-deem-statfs', None)
            volume.limit = None
            return [_OP]
        if verb == 'list' and self._state.options.quota_blind:
            return [element('volQuota')]
        if verb == 'list':
            return [_listed(volume)]
        if verb in ('limit-usage', 'remove'):
            return self._limit(volume, verb, rest)
        raise wire.UsageError()

    @staticmethod
    def _enable(volume: Volume, on: bool) -> list[Element]:
        if on:
            raise _refused('Quota is already enabled')
        volume.options.update(_ENABLED)
        return [_OP]

    def _limit(self, volume: Volume, verb: str,
               rest: Words) -> list[Element]:
        if not any(admitted(
                name, volume.allow, self._state.options)
                for name in self._state.server_names) and volume.tls:
            raise _refused('Failed to start aux mount')
        if verb == 'remove':
            if volume.limit is None:
                raise _refused(
                    f'removexattr failed on /var/run/gluster/{volume.name}'
                    f'_quota_limit/. Reason : No data available')
            volume.limit = None
            return [_OP]
        volume.limit = _size(rest[1])
        return [_OP]


def _size(text: str) -> int:
    found = re.fullmatch(r'(\d+)([KMGT]B)?', text)
    if found is None:
        raise wire.UsageError()
    return int(found[1]) * _UNITS[found[2] or '']


def _refused(text: str) -> GlusterError:
    return GlusterError(30800, text, [_OP])


def _listed(volume: Volume) -> Element:
    limit, used = volume.limit, volume.used
    if limit is None:
        return element('volQuota', fields(
            'limit', path='/', hard_limit='N/A', soft_limit_percent='N/A',
            soft_limit_value='N/A', used_space=used, avail_space='N/A',
            sl_exceeded='N/A', hl_exceeded='N/A'))
    soft = limit * 4 // 5
    return element('volQuota', fields(
        'limit', path='/', hard_limit=limit, soft_limit_percent='80%',
        soft_limit_value=soft, used_space=used,
        avail_space=max(0, limit - used),
        sl_exceeded='Yes' if used > soft else 'No',
        hl_exceeded='Yes' if used >= limit else 'No'))

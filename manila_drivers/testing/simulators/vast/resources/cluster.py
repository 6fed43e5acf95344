# SPDX-License-Identifier: Apache-2.0

"""``clusters``, ``versions`` and ``monitors/ad_hoc_query``."""

import re
from typing import Any

from manila_drivers.testing.simulators.vast.resources import base
from manila_drivers.testing.simulators.vast.state import State
from manila_drivers.testing.simulators.vast.wire import Call
from manila_drivers.testing.simulators.vast.wire import detail
from manila_drivers.testing.simulators.vast.wire import field_error
from manila_drivers.testing.simulators.vast.wire import Record
from manila_drivers.testing.simulators.web.messages import answer
from manila_drivers.testing.simulators.web.messages import Response

OBJECT_TYPES = ('cluster', 'cnode', 'dnode', 'nvram', 'replicationstream',
                'ssd')


def capacity_of(state: State) -> Record:
    """The figures that follow from what the trees hold, bytes."""
    used, total = state.used(), state.capacity
    ratio = state.reduction
    quotas = list(state.tables['quotas'])
    return {
        'drr': ratio,
        'logical_space': total, 'logical_space_in_use': used,
        'free_logical_space': total - used,
        'physical_space': int(total / ratio),
        'physical_space_in_use': int(used / ratio),
        'usable_capacity_bytes': int(total / ratio),
        'free_usable_capacity': int((total - used) / ratio),
        'quotas_allocated_capacity': sum(quota['hard_limit'] or 0
                                         for quota in quotas),
        'quotas_used_capacity': sum(quota['used_effective_capacity'] or 0
                                    for quota in quotas)}


class Clusters(base.Resource):
    """One record; its figures are those of the moment."""

    name = 'clusters'

    def select(self, call: Call) -> list[Record]:
        self.refresh()
        return super().select(call)

    def one(self, call: Call) -> Record:
        self.refresh()
        return super().one(call)

    def refresh(self) -> None:
        for record in self.table:
            record.update(capacity_of(self.state),
                          sw_version=self.options.sw_version,
                          build=self.options.sw_version,
                          enable_trash=self.options.trash_enabled)
            if self.options.omit_enable_trash:
                del record['enable_trash']


class Versions(base.Resource):
    """The installed software and the one before it."""

    name = 'versions'
    filters = {**base.COMMON, 'status': 'status',
               'sys_version': 'sys_version'}

    def select(self, call: Call) -> list[Record]:
        for record in self.table:
            if record['current']:
                record['sys_version'] = self.options.sw_version
                record['build'] = self.options.sw_version
        self._tell_upgrade()
        found = super().select(call)
        return found if self.options.versions_oldest_first else found[::-1]

    def _tell_upgrade(self) -> None:
        wanted = self.options.failed_upgrade
        for record in list(self.table.by('name', 'upgrade')):
            self.table.remove(record)
        if wanted:
            self.table.add({
                'name': 'upgrade', 'status': 'failed', 'sys_version': wanted,
                'build': wanted, 'created': self.state.now(),
                'current': False})


class Monitors(base.Resource):
    """Samples of metrics: newest first, columns in an order of their own."""

    name = 'clusters'
    columns = ('drr', 'physical_space_in_use', 'physical_space',
               'logical_space', 'logical_space_in_use')
    samples = 3
    step = 10.0    # seconds between samples

    def routes(self) -> base.Routes:
        return {('GET', False, 'ad_hoc_query'): self.query}

    def query(self, call: Call) -> Response:
        kind = call.param('object_type')
        if kind is None:
            raise field_error('object_type', 'This field is required.')
        if kind not in OBJECT_TYPES:
            raise field_error('object_type',
                              f'"{kind}" is not a valid choice.')
        frame = call.param('time_frame')
        if frame is not None and not re.fullmatch(r'\d+[mhDWMY]', frame):
            raise field_error('time_frame', 'Invalid time frame.')
        columns = self.chosen(call)
        return answer(200, {
            'object_ids': [1], 'granularity': call.param('granularity'),
            'prop_list': ['timestamp', 'object_id',
                          *(f'Capacity,{name}' for name in columns)],
            'data': self.rows(columns)})

    def chosen(self, call: Call) -> list[str]:
        """The metrics asked for.

        :raises ApiError: 400, none or one that does not exist; several in
            one parameter, joined by commas, are one that does not exist.
        """
        asked = [value for key, value in call.params if key == 'prop_list']
        if not asked:
            raise field_error('prop_list', 'This field is required.')
        known = {f'Capacity,{name}': name for name in self.columns}
        for value in asked:
            if value not in known:
                raise detail(400, f'Unknown property: {value}')
        return [name for name in self.columns if f'Capacity,{name}' in asked]

    def rows(self, columns: list[str]) -> list[list[Any]]:
        if self.options.empty_samples:
            return []
        now = self.state.timeline.clock()
        present = capacity_of(self.state)
        return [[self.state.at(now - age * self.step), 1,
                 *(self.aged(name, float(present[name]), age)
                   for name in columns)]
                for age in range(self.samples)]

    def aged(self, name: str, value: float, age: int) -> float:
        """Older samples differ, so that taking one of them shows."""
        if name.endswith('in_use'):
            return value + age * 2.0 ** 30
        return value

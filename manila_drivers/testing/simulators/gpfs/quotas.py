# SPDX-License-Identifier: Apache-2.0

"""mm commands for the quotas of filesets."""

import re
from typing import Any

from manila_drivers.testing.simulators.gpfs import dialect
from manila_drivers.testing.simulators.gpfs import state
from manila_drivers.testing.simulators.gpfs.state import Refused

_QUOTA = ('filesystemName:quotaType:id:name:blockUsage:blockQuota:'
          'blockLimit:blockInDoubt:blockGrace:filesUsage:filesQuota:'
          'filesLimit:filesInDoubt:filesGrace:remarks:quota:defQuota:fid:'
          'filesetname')


def mmsetquota(sim: Any, words: list[str]) -> str:
    plain, given = dialect.options(words)
    device, _, name = plain[0].partition(':')
    dialect.device(sim.state, 'mmsetquota', [device])
    _quotas_on(sim)
    found = sim.state.fileset(name)
    _, _, hard = given['--block'].partition(':')
    found.limit_kib = _kib(hard)
    return ''


def _kib(text: str) -> int:
    match = re.fullmatch(r'(\d+)([kKmMgGtTpP]?)', text)
    if match is None:
        raise Refused(f'Incorrect quota limit: {text}')
    power = ' kmgtp'.index(match[2].lower() or ' ')
    return int(match[1]) * int(1024 ** power) // 1024


def _quotas_on(sim: Any) -> None:
    if 'fileset' not in sim.state.options.quotas:
        raise Refused('No quota enabled file system found.', status=22)


def mmlsquota(sim: Any, words: list[str]) -> str:
    plain, given = dialect.options(words, '-v -Y')
    dialect.device(sim.state, 'mmlsquota', plain)
    _quotas_on(sim)
    name = given['-j']
    if name not in sim.state.filesets:
        raise Refused(f'{name}: no such fileset in quota enabled file '
                      f'systems', status=1)
    found = sim.state.filesets[name]
    shown = [found] if '-v' in given or found.limit_kib and sim.used(
        found) else []
    section = 'fileset' if sim.state.options.newer_headers else ''
    return dialect.listing('mmlsquota', _QUOTA,
                           [_quota_row(sim, one) for one in shown],
                           section=section)


def mmrepquota(sim: Any, words: list[str]) -> str:
    plain, _ = dialect.options(words, '-j -Y')
    dialect.device(sim.state, 'mmrepquota', plain)
    _quotas_on(sim)
    return f'*** Report for FILESET quotas on {sim.state.device}\n' \
        + dialect.listing('mmrepquota', _QUOTA, [
            _quota_row(sim, one) for one in sim.state.filesets.values()
            if not one.deleted])


def _quota_row(sim: Any, one: state.Fileset) -> list[object]:
    given = sim.state.options
    usage = -(-sim.used(one) * given.replicas // 1024)
    return [sim.state.device, 'FILESET', one.ident, one.name, usage, 0,
            one.limit_kib, given.doubt_kib if one.name != 'root' else 0,
            'none', 1, 0, 0, 0, 'none', 'i', 'on', 'off', '', '']


COMMANDS: dialect.Commands = {
    function.__name__: function for function in (
        mmsetquota, mmlsquota, mmrepquota)}

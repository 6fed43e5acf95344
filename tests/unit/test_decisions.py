# SPDX-License-Identifier: Apache-2.0

"""Test what is decided from facts, with cases that are files.

Each file below ``tests/data/decisions`` names a decision (``decides``), says
what its cases mean (``about``), and has cases: ``facts``, what is ``wanted``,
and the ``steps`` that follow or the class of the refusal (``refused``).  To
have an odd case decided rightly, put it into a file.
"""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import ipaddress
import pathlib
from typing import Any

import pytest
import yaml

from manila_drivers import access
from manila_drivers import exception
from manila_drivers.generic import size_planning
from manila_drivers.glusterfs import paths
from manila_drivers.glusterfs import planning as gluster
from manila_drivers.glusterfs import records
from manila_drivers.ibm.gpfs.helpers import ces_list
from manila_drivers.model import GiB
from manila_drivers.nas import exports
from manila_drivers.nas import samba
from manila_drivers.nas import samba_plan
from manila_drivers.vastdata import planning as vast
from tests.unit.generic import test_planning as generic_facts
from tests.unit.nas import test_kernel_plan as kernel_facts
from tests.unit.nas import test_samba_plan as samba_facts
from tests.unit.vastdata import test_decisions as vast_facts

PLACE = pathlib.Path(__file__).parents[1] / 'data/decisions'
FILES = {str(path.relative_to(PLACE).with_suffix('')):
         yaml.safe_load(path.read_text()) for path in PLACE.rglob('*.yaml')}
CASES = [pytest.param(file['decides'], case, id='%s-%d' % (name, number))
         for name, file in sorted(FILES.items())
         for number, case in enumerate(file['cases'])]


def kernel(facts: Any, wanted: Any) -> Any:
    return kernel_facts.calls(facts, wanted)


def samba_share(given: Sequence[str]) -> samba.SambaShare:
    """Return a share for clients, or users, that get levels."""
    levels = [each.split() for each in given]
    if any(to.isalpha() for _, to in levels):
        return samba.SambaShare('share-1', samba_facts.PATH, users={
            to: level for level, to in levels if level != 'no'})
    return samba.SambaShare('share-1', samba_facts.PATH, networks={
        ipaddress.ip_network(to): level for level, to in levels})


def sections(facts: Any, wanted: Any) -> Any:
    before = facts if isinstance(facts, Mapping) else samba_share(facts)
    return samba_facts.words(samba_plan.plan(
        samba_facts.facts(before), samba_share(wanted)))


def numbered(given: Sequence[str]) -> dict[Any, str]:
    return {ipaddress.ip_network(f'10.0.0.{host}'): level
            for host, _, level in (each.partition(':') for each in given)}


def servers(facts: Any, wanted: Any) -> Any:
    path = '/gpfs0/share'
    away = exception.Unreachable('away')
    decision = exports.decide(
        exports.Export(path, 'share', '1', numbered(wanted)),
        {name: away if facts[name] == 'away' else exports.Seen(
            {path: numbered(facts[name])} if facts[name] else {})
         for name in ('one', 'two')},
        lambda server: server == facts.get('open'))
    assert decision.wanted.levels == numbered(wanted)
    return {'sent': ['%s:%s' % (str(network[0]).rpartition('.')[2], level)
                     for network, level in decision.sent.levels.items()],
            'takes': decision.narrowing}


def certificates(facts: Any, wanted: Any) -> Any:
    infra = ['glusterfs-server-1', 'manila-host-1']
    options = {'client.ssl': 'on', 'server.ssl': 'on'}
    if facts['allowed'] != 'none':
        options[records.ALLOW] = ','.join(
            [*facts['allowed'], *infra] if facts.get('first')
            else [*infra, *facts['allowed']])
    if facts.get('read-only'):
        options[records.READ_ONLY] = 'on'
    found = gluster.exact_access(
        records.Volume('v', status='Started', options=options),
        [access.Rule('id-' + to, 'cert', to, level)
         for level, to in (each.split() for each in wanted)],
        frozenset(infra), paths.ReservedNames(
            ['glusterfs-server'], ['manila-host']), dynamic=True)
    changed: dict[str, Any] = {}
    for step in found.steps:
        assert step.action == 'set'
        changed |= step.args['options']
    if records.ALLOW in changed:
        names = changed.pop(records.ALLOW).split(',')
        assert names[:2] == infra
        changed['allowed'] = names[2:]
    refused = [ident.removeprefix('id-') for ident in found.errors]
    return changed | ({'refused': refused} if refused else {})


def ces(facts: Any, wanted: Any) -> Any:
    change = ces_list.difference(
        exports.Export('/p', 'p', '1', {
            ipaddress.ip_network(each): 'rw' for each in wanted}),
        [ces_list.CesClient(each, ipaddress.ip_network(each), 'rw', {})
         for each in facts])
    return {'add': ['%s at %s' % (
        ' '.join(map(str, each.networks)),
        'end' if each.position is None else each.position)
        for each in change.add], 'apart': change.apart}


def vast_sizes(facts: Any, wanted: Any) -> Any:
    limit = facts['limit']
    (verb, size), = wanted.items()
    steps = vast.resize(vast_facts.ID, dataclasses.replace(
        vast_facts.QUOTA, used=int(facts['used'] * GiB),
        hard_limit=None if limit == 'none' else limit * GiB),
        int(size * GiB), shrink=verb == 'shrink')
    return ['%s (%s)' % (step.action, step.detail) for step in steps]


def generic_sizes(facts: Any, wanted: Any) -> Any:
    (verb, gib), = wanted.items()
    used = facts.get('used', 0)
    served = generic_facts.served(
        dataclasses.replace(generic_facts.ATTACHED, size=facts['volume']),
        generic_facts.found(mounted=False) if used == 'unknown'
        else generic_facts.found(used=GiB + used))
    decide = size_planning.shrink if verb == 'shrink' else (
        size_planning.extend)
    words = {'offline': True} if verb == 'offline' else {}
    return generic_facts.actions(decide(served, gib, **words))


DECISIONS: Mapping[str, Callable[[Any, Any], Any]] = {
    'nas.kernel': kernel, 'nas.samba': sections, 'nas.servers': servers,
    'glusterfs.access': certificates, 'gpfs.ces': ces,
    'vast.sizes': vast_sizes, 'generic.sizes': generic_sizes}


def differs(decision: str, case: Any) -> str:
    """Return how a decision is another than the case says, '' if not."""
    try:
        found = DECISIONS[decision](case['facts'], case['wanted'])
    except exception.DriverError as error:
        found = type(error).__name__
        return '' if found == case.get('refused') else 'refused: ' + found
    expected = case.get('steps')
    if isinstance(case.get('refused'), list):
        expected = expected | {'refused': case['refused']}
    return '' if found == expected else '%r' % (found,)


@pytest.mark.parametrize(('decision', 'case'), CASES)
def test_a_case_is_decided(decision: str, case: Any) -> None:
    assert set(case) <= {'why', 'facts', 'wanted', 'steps', 'refused'}
    assert differs(decision, case) == ''


def test_every_decision_has_cases() -> None:
    assert {file['decides'] for file in FILES.values()} == set(DECISIONS)
    assert all(set(file) == {'decides', 'about', 'cases'} and file['cases']
               for file in FILES.values())


@pytest.mark.parametrize(('decision', 'case'), CASES)
def test_a_case_with_another_outcome_is_noticed(
        decision: str, case: Any) -> None:
    assert differs(decision, {**case, 'steps': 'other', 'refused': 'Other'})

# SPDX-License-Identifier: Apache-2.0

"""Test what backends have said, and what is understood of it.

Each file below ``tests/data/answers`` is one answer: where it comes from, who
reads it, the text as it came, and what is to be understood (``expect``), or
why it is refused (``refused``, a regular expression).  To have an odd line
understood, put it into a file.
"""

from collections.abc import Mapping
import functools
import json
import pathlib
import re
from typing import Any

import pytest
import yaml

from manila_drivers import exception
from manila_drivers.ibm.gpfs import records as gpfs
from manila_drivers.nas import exports_text
from manila_drivers.openstack import errors as openstack_errors
from manila_drivers.openstack import records as openstack
from manila_drivers.openstack import versions
from manila_drivers.transport import command
from manila_drivers.transport import rest
from manila_drivers.vastdata import cluster_records
from manila_drivers.vastdata import records as vast

PLACE = pathlib.Path(__file__).parents[1] / 'data/answers'
# Transcripts are played, not read: see tests/transcripts.
FILES = sorted(path for path in PLACE.rglob('*.yaml')
               if path.parent.name != 'openstack_transcripts')


def mm(name: str, read: Any, *more: Any) -> Any:
    """Read what a GPFS command answered."""
    cmd = command.Command.of(f'/usr/lpp/mmfs/bin/{name}')
    return lambda case: read(cmd, command.Result(
        case['stdout'], case.get('stderr', ''), case.get('status', 0)), *more)


def record(kind: Any) -> Any:
    """Read a record of VMS."""
    return lambda case: kind.of(json.loads(case['stdout']))


def refusal(service: str) -> Any:
    """Read an answer of an OpenStack service that is no success."""
    def read(case: Any) -> Any:
        error = openstack_errors.refused(service, 'It', rest.Response(
            case['status'], case['stdout']))
        return {'class': type(error).__name__, 'kind': error.kind,
                'message': error.message}
    return read


def spoken(major: str) -> Any:
    """Read a document of an OpenStack service's versions."""
    return lambda case: versions.document(case['stdout'], major)


READERS = {
    'gpfs.filesets': mm('mmlsfileset', gpfs.filesets),
    'gpfs.snapshots': mm('mmlssnapshot', gpfs.snapshots, 'a-fileset'),
    'gpfs.quotas': mm('mmrepquota', gpfs.quotas),
    'gpfs.attributes': mm('mmlsfs', gpfs.attributes),
    'gpfs.addresses': mm('mmces', gpfs.addresses),
    'vast.view': record(vast.View), 'vast.policy': record(vast.ViewPolicy),
    'vast.quota': record(vast.Quota),
    'vast.pool': record(cluster_records.VipPool),
    'vast.stream': record(vast.Stream),
    **{'openstack.' + name: record(kind) for name, kind in {
        'server': openstack.Server, 'action': openstack.InstanceAction,
        'attachment': openstack.Attachment,
        'limits': openstack.ComputeLimits, 'volume': openstack.Volume,
        'snapshot': openstack.VolumeSnapshot, 'message': openstack.Message,
        'network': openstack.Net, 'subnet': openstack.Subnet,
        'port': openstack.Port,
        'security_group': openstack.SecurityGroup}.items()},
    **{'openstack.error.' + name: refusal(name) for name in (
        'compute', 'volume', 'network', 'image')},
    **{'openstack.versions.' + name: spoken(name) for name in (
        'v2.0', 'v2.1', 'v3')},
    'nfs.etab': lambda case: exports_text.read(case['stdout'])}


def plain(value: Any) -> Any:
    """Return a value as YAML would have it."""
    if isinstance(value, tuple | list):
        return [plain(each) for each in value]
    if isinstance(value, str | int | float | bool | None):
        return value
    return str(value)


def understood(value: Any, expected: Any) -> Any:
    """Return as much of a value as is expected to be known of it.

    Lists, and dictionaries of values, are expected to be whole.
    """
    if isinstance(value, tuple | list) and isinstance(expected, list):
        wanted = [*expected, *[{}] * (len(value) - len(expected))]
        return [understood(*pair)
                for pair in zip(value, wanted, strict=False)]
    if not isinstance(expected, Mapping):
        return plain(value)
    if not isinstance(value, Mapping):
        return {name: understood(getattr(value, name), each)
                for name, each in expected.items()}
    if all(isinstance(each, Mapping) for each in expected.values()):
        return {name: understood(each, expected.get(name, {}))
                for name, each in value.items()}
    return {name: plain(value.get(name)) for name in expected}


@functools.cache
def case(file: pathlib.Path) -> Any:
    return yaml.safe_load(file.read_text())


@pytest.mark.parametrize(
    'file', FILES, ids=[str(file.relative_to(PLACE).with_suffix(''))
                        for file in FILES])
def test_an_answer_is_understood(file: pathlib.Path) -> None:
    found = case(file)
    assert set(found) <= {'source', 'reads', 'stdout', 'stderr', 'status',
                          'expect', 'refused'}
    assert found['source'] and ('expect' in found) != ('refused' in found)
    read = READERS[found['reads']]
    if 'refused' in found:
        with pytest.raises((exception.DriverError, ValueError),
                           match=re.compile(found['refused'])):
            read(found)
        return
    assert understood(read(found), found['expect']) == found['expect']


def test_every_reader_has_answers() -> None:
    assert {case(file)['reads'] for file in FILES} == set(READERS)


@pytest.mark.parametrize('expected', [
    [{'name': 'b'}], [], [{'name': 'a'}, {'name': 'c'}]])
def test_what_differs_is_noticed(expected: Any) -> None:
    assert understood([gpfs.Fileset('a')], expected) != expected
    assert understood({'a': gpfs.Fileset('a')}, {}) != {}

# SPDX-License-Identifier: Apache-2.0

"""Many shares on a simulated backend, as copies of one that a driver made.

A driver takes seconds of processor time for a hundred of them.  A copy that
is not as the driver would have made it is damage, which an audit tells.
"""

from collections.abc import Mapping
from collections.abc import MutableMapping
import copy
import dataclasses
import itertools
import re
import time
import typing as ty
import uuid

from manila_drivers.testing.backends import gluster
from manila_drivers.testing.backends import gpfs
from manila_drivers.testing.backends import openstack
from tests import patience

#: Ids of new shares, and their export locations.
Made = list[tuple[str, list[str]]]
#: Seconds until what was attached has been seen, and that it may take.
MOMENT, PATIENCE = 0.3, 60.0
_NUMBERS = itertools.count(1000)


def _new(count: int, old: str, locations: list[str]) -> Made:
    made = [str(uuid.uuid4()) for _ in range(count)]
    return [(ident, [one.replace(old, ident) for one in locations])
            for ident in made]


def of_files(text: MutableMapping[str, str], old: str,
             others: Mapping[str, Mapping[str, str]]) -> None:
    """Have files say of other shares what they say of one.

    Those that are named for it have copies, and others its lines again.

    :param others: what is in the place of what, by the id of the new share.
    """
    for path, content in list(text.items()):
        if old not in path + content:
            continue
        lines = [line for line in content.splitlines(True) if old in line]
        for words in others.values():
            number = next(_NUMBERS)
            if old in path:
                text[_said(path, words)] = re.sub(
                    r'(Export_Id\s*=\s*)\d+', rf'\g<1>{number}',
                    _said(content, words))
            else:
                text[path] += ''.join(_said(line, words) for line in lines)


def _said(text: str, words: Mapping[str, str]) -> str:
    for old, new in words.items():
        text = text.replace(old, new)
    return text


def volumes(cluster: gluster.Cluster, ident: str, locations: list[str],
            count: int) -> Made:
    """Make free volumes of GlusterFS what one of them is."""
    sim = cluster.sim
    with sim.lock:
        like = sim.state.volumes[locations[0].partition(':/')[2]]
        free = [one for one in sim.state.volumes.values()
                if one.options.get('user.manila-share', 'NONE') == 'NONE'
                and one is not like][:count]
        made: Made = []
        for one in free:
            new = str(uuid.uuid4())
            sim.state.volumes[one.name] = dataclasses.replace(
                copy.deepcopy(like), name=one.name, id=one.id,
                bricks=one.bricks,
                options={**like.options, 'user.manila-share': new})
            made.append((new, [f'{gluster.SERVER}:/{one.name}']))
    assert len(made) == count
    return made


def filesets(cluster: gpfs.Cluster, ident: str, locations: list[str],
             count: int) -> Made:
    """Copy a fileset of Storage Scale with its exports."""
    sim, made = cluster.sim, _new(count, ident, locations)
    words = {new: {ident: new} for new, _ in made}
    with sim.lock:
        state = sim.state
        [like] = [one for one in state.filesets.values() if ident in one.name]
        numbers = itertools.count(
            max(one.ident for one in state.filesets.values()) + 1)
        for each in words.values():
            state.filesets[_said(like.name, each)] = dataclasses.replace(
                copy.deepcopy(like), name=_said(like.name, each),
                ident=next(numbers), path=_said(like.path, each),
                comment=_said(like.comment, each))
        for path, clients in list(state.exports.items()):
            if ident in path:
                state.exports.update({
                    _said(path, each): copy.deepcopy(clients)
                    for each in words.values()})
    for server in sim.servers.values():
        of_files(server.files.text, ident, words)
        if cluster.kind == 'GNFS':
            server.reboot()
    return made


def cinder_volumes(cluster: openstack.CloudCluster, ident: str,
                   locations: list[str], count: int) -> Made:
    """Copy a volume of Cinder, mounted and exported as it is."""
    sim, made = cluster.sim, _new(count, ident, locations)
    store = sim.cinder.store
    like = next(one for one in store.volumes.values()
                if one.name == f'manila-share-{ident}')
    server = like.attached[0].server_id
    words = {}
    for new, _ in made:
        status, told = sim.ask('POST', '/volume/v3/volumes', {'volume': {
            'name': f'manila-share-{new}', 'size': like.size,
            'description': like.description.replace(ident, new),
            'metadata': {key: value.replace(ident, new) for key, value
                         in like.metadata.items()}}}, user='manila')
        assert status == 202, told
        words[new] = {ident: new, like.id[:20]: told['volume']['id'][:20],
                      'volume': told['volume']['id']}
    _until(cluster, lambda: all(
        store.volumes[each['volume']].status == 'available'
        for each in words.values()))
    for new, each in words.items():
        volume = each.pop('volume')
        content = copy.deepcopy(like.disk.content)
        content.uuid = content.uuid.replace(ident, new)
        store.volumes[volume].disk.content = content
        status, told = sim.ask(
            'POST', f'/compute/v2.1/servers/{server}/os-volume_attachments',
            {'volumeAttachment': {'volumeId': volume}}, user='manila')
        assert status in (200, 202), told
    machine = sim.machine(server)
    devices: dict[str, str] = {}

    def seen() -> bool:
        listed = machine.execute(
            ['lsblk', '-dbnrpo', 'NAME,MAJ:MIN,SIZE,TYPE,SERIAL']).stdout
        devices.update((line.split()[-1][:20], line.split()[0])
                       for line in listed.splitlines())
        return all(each[like.id[:20]] in devices for each in words.values())
    _until(cluster, seen)
    for new, each in words.items():
        path = f'/shares/share-{new}'
        for command in (['mkdir', '-p', path], [
                'mount', '-t', 'ext4', devices[each[like.id[:20]]], path]):
            result = machine.execute(command)
            assert result.status == 0, result
    with machine.lock:
        of_files(machine.system.tree.text, ident, words)
    return made


def _until(cluster: openstack.CloudCluster,
           done: ty.Callable[[], bool]) -> None:
    """Wait until what was asked for has happened in a cloud."""
    end = time.monotonic() + patience.seconds(PATIENCE)
    while not done():
        assert time.monotonic() < end
        time.sleep(MOMENT)
        cluster.sim.settle()


def of(cluster: ty.Any, ident: str, locations: list[str],
       count: int) -> Made:
    """Make shares as copies of one, whatever its backend."""
    make = volumes if isinstance(cluster, gluster.Cluster) else filesets \
        if isinstance(cluster, gpfs.Cluster) else cinder_volumes
    return make(cluster, ident, locations, count)

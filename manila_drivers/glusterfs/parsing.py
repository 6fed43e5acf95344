# SPDX-License-Identifier: Apache-2.0

"""Parsers of what ``gluster`` prints.  Pure.

The texts are those of version 10.3; elements that other versions lack or add
do no harm.
"""

from collections.abc import Iterator
import dataclasses
import re
from xml.etree import ElementTree

from manila_drivers import exception
from manila_drivers.glusterfs import records

Element = ElementTree.Element

_START = '<?xml '
_VERSION = re.compile(r'^glusterfs\s+(\d+(?:\.\d+)*)', re.M)
_NO_COPIES = re.compile('not of type (replicate|disperse)')


@dataclasses.dataclass(frozen=True)
class GlusterAnswer:
    """One XML answer.

    ``number`` is gluster's own error number, which tells more than ``ret``;
    0 does not mean success.
    """

    ret: int
    number: int
    text: str
    tree: Element = dataclasses.field(repr=False, compare=False)

    @property
    def ok(self) -> bool:
        return self.ret == 0


class NotXmlError(ValueError):
    """The output is something else: a message, half an answer, nothing."""


def answers(output: str) -> list[GlusterAnswer]:
    """The XML answers in an output; text before each is passed over.

    :raises NotXmlError: there is none, or one that is not complete.
    """
    parts = output.split(_START)[1:]
    if not parts:
        raise NotXmlError('no XML')
    return [_answer(_START + part) for part in parts]


def _answer(text: str) -> GlusterAnswer:
    end = text.rfind('</cliOutput>')
    if end < 0:
        raise NotXmlError('XML without its end')
    try:
        # It comes from root on a server that is trusted with the data.
        tree = ElementTree.fromstring(  # noqa: S314
            text[:end + len('</cliOutput>')])
    except ElementTree.ParseError as exc:
        raise NotXmlError(str(exc)) from exc
    worst = next((each for each in tree.iterfind('snapDelete/snapshots/'
                                                 'snapshot')
                  if _text(each, 'status') == 'Failure'), tree)
    source = worst if _text(tree, 'opRet') == '0' else tree
    ret = _integer(source, 'opRet', -1)
    return GlusterAnswer(-1 if worst is not tree else ret,
                  _integer(source, 'opErrno', 0) if ret or worst is not tree
                  else 0,
                  ' '.join(_text(source, 'opErrstr').split()), tree)


def _text(element: Element, path: str) -> str:
    return (element.findtext(path) or '').strip()


def _integer(element: Element, path: str, otherwise: int) -> int:
    text = _text(element, path)
    return int(text) if re.fullmatch(r'-?\d+', text) else otherwise


def _bytes(element: Element, path: str) -> int | None:
    text = _text(element, path)
    return int(text) if text.isdecimal() else None


def version(output: str) -> tuple[int, ...] | None:
    """The numbers of ``gluster --version``; None if there are none.

    What follows them, as in 3.6.2beta3 or 10.0rc0, does not count.
    """
    found = _VERSION.search(output)
    if found is None:
        return None
    return tuple(int(part) for part in found[1].split('.'))


def volumes(answer: GlusterAnswer) -> list[records.Volume]:
    """The volumes of ``volume info``.

    :raises BackendError: it tells of fewer than it says it does; a volume
        that is not told of is not one that is not there.
    """
    found = [_read(each) for each
             in _told(answer, 'volInfo/volumes').iterfind('volume')]
    _check_told('volumes', len(found), _count(answer.tree,
                                              'volInfo/volumes/count'))
    return found


def _read(element: Element) -> records.Volume:
    """Read a volume; one that cannot be read does not hide the others."""
    volume, error = exception.caught(lambda: _volume(element))
    if volume is not None:
        return volume
    name = _text(element, 'name')
    if not name:
        raise error or NotXmlError('a volume without a name')
    return records.Volume(name, status='', snapshots=None,
                          unread=str(error))


def _told(answer: GlusterAnswer, path: str) -> Element:
    """:raises BackendError: an answer of success lacks what was asked for.
    """
    found = answer.tree.find(path)
    if found is None:
        raise exception.BackendError(
            'gluster answered success and nothing else: there is no <%s>'
            % path)
    return found


def _count(element: Element, path: str) -> int | None:
    text = _text(element, path)
    return int(text) if text.isdecimal() else None


def _check_told(what: str, found: int, told: int | None) -> None:
    """Where there is nothing, and nothing is counted, nothing is told."""
    _check_count(what, found, told if found or told is not None else -1)


def _check_count(what: str, found: int, told: int | None) -> None:
    if told is not None and told != found:
        raise exception.BackendError(
            'gluster told of %d %s, and said that there are %s'
            % (found, what, told if told >= 0 else '(nothing)'))


def _volume(element: Element) -> records.Volume:
    name = _text(element, 'name')
    disperse = _count(element, 'disperseCount')
    replica = _count(element, 'replicaCount')
    width = disperse or replica or 0
    found = element.findall('bricks/brick')
    bricks = tuple(_text(each, 'name') or (each.text or '').strip()
                   for each in found)
    _check_count('bricks of volume %s' % name, len(bricks),
                 _count(element, 'brickCount'))
    return records.Volume(
        name=name, id=_text(element, 'id'), status=_status(element, name),
        options=_options(element, name),
        snapshots=_count(element, 'snapshotCount'), bricks=bricks,
        width=width, redundancy=_count(element, 'redundancyCount'),
        dispersed=bool(disperse),
        peers=tuple(_text(each, 'hostUuid') or each.get('uuid', '')
                    for each in found),
        arbiters=_arbiters(element, bricks, width),
        copies=replica != 1 or bool(disperse))


def _status(element: Element, volume: str) -> str:
    found = _text(element, 'statusStr') or {
        '0': 'Created', '1': 'Started', '2': 'Stopped'}.get(
            _text(element, 'status'), '')
    if not found:
        raise exception.BackendError(
            'gluster did not tell whether volume %s is started' % volume)
    return found


def _options(element: Element, volume: str) -> dict[str, str]:
    """Return what is set on a volume; nothing only if that is what is said."""
    options = {_text(each, 'name'): _text(each, 'value')
               for each in element.iterfind('options/option')}
    count = _count(element, 'optCount')
    if count is None and element.find('options') is None:
        raise exception.BackendError(
            'gluster did not tell the options of volume %s' % volume)
    _check_count('options of volume %s' % volume, len(options), count)
    return options


def _arbiters(element: Element, bricks: tuple[str, ...],
              width: int) -> frozenset[str]:
    flags = [_text(each, 'isArbiter')
             for each in element.iterfind('bricks/brick')]
    if '1' not in flags and '' in flags \
            and _integer(element, 'arbiterCount', 0):
        # It is always the last one of a set.
        return frozenset(bricks[max(width, 1) - 1::max(width, 1)])
    return frozenset(brick for brick, flag in zip(bricks, flags, strict=True)
                     if flag == '1')


def bricks(answer: GlusterAnswer) -> dict[str, list[records.Brick]]:
    """The bricks of ``volume status ...`` by volume.

    Those on servers that are down are not among them.
    """
    return {_text(each, 'volName'): list(_nodes(each)) for each
            in answer.tree.iterfind('volStatus/volumes/volume')}


def _nodes(volume: Element) -> Iterator[records.Brick]:
    for node in volume.iterfind('node'):
        yield records.Brick(
            f'{_text(node, "hostname")}:{_text(node, "path")}',
            _bytes(node, 'sizeTotal'), _bytes(node, 'sizeFree'),
            online=_text(node, 'status') == '1', pid=_pid(node),
            peer=_text(node, 'peerid'))


def _pid(node: Element) -> str:
    """Return the number of a process, '' if that is none."""
    text = _text(node, 'pid')
    return text if text.isdecimal() and int(text) else ''


def peers(answer: GlusterAnswer) -> list[records.Peer]:
    """The servers of ``pool list``, the one that answers among them.

    That one, localhost, has no state; the others take part in state 3 alone.
    """
    return [records.Peer(
        _text(each, 'uuid'), _text(each, 'hostname'),
        _text(each, 'connected') == '1' and (
            _text(each, 'state') or ('3' if _text(each, 'hostname')
                                     == 'localhost' else '')) == '3')
        for each in _told(answer, 'peerStatus').iterfind('peer')]


def quota(answer: GlusterAnswer) -> records.VolumeQuota | None:
    """The root directory in ``volume quota ... list /``; None: not told."""
    for each in answer.tree.iterfind('volQuota/limit'):
        if _text(each, 'path') == '/':
            return records.VolumeQuota(_bytes(each, 'hard_limit'),
                                 _bytes(each, 'used_space'))
    return None


def heals(output: str) -> list[records.BrickHeal] | None:
    """The bricks of ``volume heal ... info``; None: nothing is ever healed.

    Old versions answer in text whatever they are asked for.

    :raises NotXmlError: it is neither.
    """
    if _START not in output:
        return _heals_in_text(output)
    answer = answers(output)[0]
    if not answer.ok:
        if _NO_COPIES.search(answer.text):
            return None
        raise NotXmlError(answer.text)
    return [records.BrickHeal(_text(each, 'name'),
                         _text(each, 'status') == 'Connected',
                         _count(each, 'numberOfEntries'))
            for each in answer.tree.iterfind('healInfo/bricks/brick')]


def _heals_in_text(output: str) -> list[records.BrickHeal] | None:
    if _NO_COPIES.search(output):
        return None
    found = []
    for part in re.split(r'^Brick ', output, flags=re.M)[1:]:
        lines = part.splitlines()
        said = {key: value.strip() for key, separator, value in (
            line.partition(':') for line in lines[1:]) if separator}
        entries = said.get('Number of entries', '')
        found.append(records.BrickHeal(
            lines[0].strip(), said.get('Status', 'Connected') == 'Connected',
            int(entries) if entries.isdecimal() else None))
    if not found:
        raise NotXmlError('no bricks')
    return found


def snapshot_names(answer: GlusterAnswer) -> list[str]:
    """The names of ``snapshot list``."""
    found = [(each.text or '').strip() for each
             in _told(answer, 'snapList').iterfind('snapshot')]
    _check_told('snapshots', len(found), _count(answer.tree,
                                                'snapList/count'))
    return found


def made_snapshot(answer: GlusterAnswer) -> str:
    """The name that ``snapshot create`` says it has used; '' if it does not.
    """
    return _text(answer.tree, 'snapCreate/snapshot/name')


def removed_snapshots(answer: GlusterAnswer) -> list[str]:
    """The names of those that ``snapshot delete`` says it has deleted."""
    return [_text(each, 'name') for each in answer.tree.iterfind(
        'snapDelete/snapshots/snapshot')]


def snapshots(answer: GlusterAnswer) -> list[records.VolumeSnapshot]:
    """The snapshots of ``snapshot info``.

    :raises BackendError: it tells of fewer than it says it does, or of
        nothing.
    """
    told = _told(answer, 'snapInfo/snapshots')
    _check_count('snapshots', len(told.findall('snapshot')),
                 _count(answer.tree, 'snapInfo/count'))
    return [records.VolumeSnapshot(
        name=_text(each, 'name'),
        volumes=tuple((origin.text or '').strip() for origin in
                      each.iterfind('snapVolume/originVolume/name')),
        active=_text(each, 'snapVolume/status') == 'Started')
        for each in told.iterfind('snapshot')]

#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#         http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.

"""What ``gluster`` prints, read.  Pure.

The texts are those of version 10.3; elements that other versions lack or add
do no harm.
"""

from collections.abc import Iterator
import dataclasses
import re
from xml.etree import ElementTree

from manila_drivers.glusterfs import records

Element = ElementTree.Element

_START = '<?xml '
_VERSION = re.compile(r'^glusterfs\s+(\d+(?:\.\d+)*)', re.M)


@dataclasses.dataclass(frozen=True)
class Answer:
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


class NotXml(ValueError):
    """The output is something else: a message, half an answer, nothing."""


def answers(output: str) -> list[Answer]:
    """The XML answers in an output; text before each is passed over.

    :raises NotXml: there is none, or one that is not complete.
    """
    parts = output.split(_START)[1:]
    if not parts:
        raise NotXml('no XML')
    return [_answer(_START + part) for part in parts]


def _answer(text: str) -> Answer:
    end = text.rfind('</cliOutput>')
    if end < 0:
        raise NotXml('XML without its end')
    try:
        # It comes from root on a server that is trusted with the data.
        tree = ElementTree.fromstring(  # noqa: S314
            text[:end + len('</cliOutput>')])
    except ElementTree.ParseError as exc:
        raise NotXml(str(exc)) from exc
    worst = next((each for each in tree.iterfind('snapDelete/snapshots/'
                                                 'snapshot')
                  if _text(each, 'status') == 'Failure'), tree)
    source = worst if _text(tree, 'opRet') == '0' else tree
    ret = _integer(source, 'opRet', -1)
    return Answer(-1 if worst is not tree else ret,
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
    return int(text) if text.isdigit() else None


def version(output: str) -> tuple[int, ...] | None:
    """The numbers of ``gluster --version``; None if there are none.

    What follows them, as in 3.6.2beta3 or 10.0rc0, does not count.
    """
    found = _VERSION.search(output)
    if found is None:
        return None
    return tuple(int(part) for part in found[1].split('.'))


def volumes(answer: Answer) -> list[records.Volume]:
    """The volumes of ``volume info``."""
    return [_volume(each) for each
            in answer.tree.iterfind('volInfo/volumes/volume')]


def _volume(element: Element) -> records.Volume:
    options = {_text(each, 'name'): _text(each, 'value')
               for each in element.iterfind('options/option')}
    disperse = _integer(element, 'disperseCount', 0)
    width = disperse or _integer(element, 'replicaCount', 1)
    return records.Volume(
        name=_text(element, 'name'), id=_text(element, 'id'),
        status=_text(element, 'statusStr'), options=options,
        snapshots=_integer(element, 'snapshotCount', 0),
        bricks=tuple(_text(each, 'name') or (each.text or '').strip()
                     for each in element.iterfind('bricks/brick')),
        width=max(1, width), redundancy=_integer(
            element, 'redundancyCount', 0), dispersed=disperse > 0)


def bricks(answer: Answer) -> dict[str, list[records.Brick]]:
    """The bricks of ``volume status ... detail`` by volume."""
    return {_text(each, 'volName'): list(_nodes(each)) for each
            in answer.tree.iterfind('volStatus/volumes/volume')}


def _nodes(volume: Element) -> Iterator[records.Brick]:
    for node in volume.iterfind('node'):
        yield records.Brick(
            f'{_text(node, "hostname")}:{_text(node, "path")}',
            _bytes(node, 'sizeTotal'), _bytes(node, 'sizeFree'))


def quota(answer: Answer) -> records.Quota | None:
    """The limit of the root directory in ``volume quota ... list /``."""
    for each in answer.tree.iterfind('volQuota/limit'):
        if _text(each, 'path') == '/':
            return records.Quota(_bytes(each, 'hard_limit'),
                                 _bytes(each, 'used_space') or 0)
    return None


def snapshot_names(answer: Answer) -> list[str]:
    """The names of ``snapshot list``."""
    return [(each.text or '').strip() for each
            in answer.tree.iterfind('snapList/snapshot')]


def snapshots(answer: Answer) -> list[records.Snapshot]:
    """The snapshots of ``snapshot info``."""
    return [records.Snapshot(
        name=_text(each, 'name'),
        volumes=tuple((origin.text or '').strip() for origin in
                      each.iterfind('snapVolume/originVolume/name')),
        active=_text(each, 'snapVolume/status') == 'Started')
        for each in answer.tree.iterfind('snapInfo/snapshots/snapshot')]

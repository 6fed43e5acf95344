# SPDX-License-Identifier: Apache-2.0

"""A real glusterd in a box, and its command line."""

from collections.abc import Sequence
import pathlib
import time
import typing as ty
from xml.etree import ElementTree

from tests import patience
from tests.functional.lab import box

GIB = 1024 ** 3

#: What every list of names holds from the start, as operators put it there.
INFRASTRUCTURE = ('glusterfs-server-1', 'manila-host-1')

TLS = ('client.ssl', 'on', 'server.ssl', 'on',
       'auth.ssl-allow', ','.join(INFRASTRUCTURE))


class Answer(ty.NamedTuple):
    """Hold what a ``gluster --xml`` said; ``number`` is its opErrno."""

    number: int
    text: str
    tree: ElementTree.Element

    @property
    def ok(self) -> bool:
        return self.tree.findtext('opRet') == '0'


class Host(ty.Protocol):
    """Where commands run: a box, or a guest."""

    name: str

    def run(self, *words: str, stdin: str = ..., check: bool = ...,
            seconds: float = ...) -> ty.Any: ...

    def shell(self, script: str, *arguments: str,
              **options: ty.Any) -> ty.Any: ...


class Gluster:
    """One node's daemon and what can be asked of it.

    :param host: where it runs
    :param address: what bricks are named after
    """

    def __init__(self, host: Host, address: str) -> None:
        self.host = host
        self.address = address

    def start(self, *words: str, seconds: float = 120) -> None:
        """Start the daemon with a command and wait until it answers."""
        self.host.run(*words)
        end = time.monotonic() + patience.seconds(seconds)
        while self.raw('volume', 'list').returncode:
            assert time.monotonic() < end, self.log()
            time.sleep(0.1)

    def stop(self) -> None:
        """End the daemon only; bricks go on, as they do in its upgrade."""
        self.host.shell('pid=$(cat /run/glusterd.pid); kill "$pid";'
                        ' while kill -0 "$pid" 2>/dev/null;'
                        ' do sleep 0.05; done')

    def raw(self, *words: str) -> ty.Any:
        return self.host.run('gluster', '--mode=script', '--xml', *words,
                             check=False, seconds=150)

    def ask(self, *words: str) -> Answer:
        """One command; a failure is an answer, too."""
        result = self.raw(*words)
        try:
            tree = ElementTree.fromstring(result.stdout)  # noqa: S314
        except ElementTree.ParseError:
            raise AssertionError(f'{words}: {result}') from None
        return Answer(int(tree.findtext('opErrno') or 0),
                      (tree.findtext('opErrstr') or '').strip(), tree)

    def do(self, *words: str) -> Answer:
        """One command that has to succeed."""
        answer = self.ask(*words)
        assert answer.ok, f'{" ".join(words)}: {answer.number} {answer.text}'
        return answer

    def create(self, name: str, bricks: Sequence[str],
               *layout: str, allow: bool = True) -> None:
        """A volume; with the names of servers and Manila host allowed."""
        self.do('volume', 'create', name, *layout,
                *(f'{self.address}:{each}' for each in bricks), 'force')
        if allow:
            self.do('volume', 'set', name, *TLS)

    def options(self, volume: str) -> dict[str, str]:
        """The options that are explicitly set."""
        return {each.findtext('name', ''): each.findtext('value') or ''
                for each in self.do('volume', 'info', volume).tree
                .iterfind('.//option')}

    def allowed(self, volume: str) -> set[str]:
        return set(self.options(volume)['auth.ssl-allow'].split(','))

    def volumes(self) -> set[str]:
        return {each.text or '' for each in
                self.do('volume', 'list').tree.iterfind('.//volume')}

    def snapshots(self) -> set[str]:
        return {each.text or '' for each in
                self.do('snapshot', 'list').tree.iterfind('.//snapshot')}

    def status(self, volume: str) -> str:
        return self.do('volume', 'info', volume).tree.findtext(
            './/statusStr', '')

    def log(self, lines: int = 40) -> str:
        return str(self.host.shell(
            'tail -n "$1" /var/log/glusterfs/glusterd.log', str(lines),
            check=False).stdout)


def prepare(inside: box.Box) -> None:
    """Give a box the directories that a node must not share with others."""
    inside.private('/var/lib/glusterd', '/var/log/glusterfs', '/run')
    inside.run('mkdir', '-p', '/run/gluster', '/run/lock',)


def brick(inside: box.Box, image: pathlib.Path, path: str,
          size: int = GIB) -> str:
    """A file system of its own for one brick, on a sparse file."""
    inside.shell(
        'truncate -s "$1" "$2"; mkfs.ext4 -q -E nodiscard "$2";'
        ' mkdir -p "$3"; mount -o loop "$2" "$3"; mkdir -p "$3/brick"',
        str(size), str(image), path)
    return f'{path}/brick'


def thin_pool(host: Host, disk: str) -> None:
    """Make a disk the place for bricks that snapshots can be taken of."""
    host.shell('pvcreate -q "$1"; vgcreate -q thin "$1";'
               ' lvcreate -q -l 95%FREE -T thin/pool', disk)


def thin_brick(host: Host, name: str, size: int) -> str:
    """A file system of its own for one brick, on a thin volume."""
    path = f'/srv/{name}'
    host.shell('lvcreate -q -V "$1b" -T thin/pool -n "$2";'
               ' mkfs.xfs -q "/dev/thin/$2"; mkdir -p "$3";'
               ' mount "/dev/thin/$2" "$3"; mkdir "$3/brick"',
               str(size), name, path)
    return f'{path}/brick'

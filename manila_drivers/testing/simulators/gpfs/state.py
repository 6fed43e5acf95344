# SPDX-License-Identifier: Apache-2.0

"""Tell what a simulated Storage Scale cluster remembers."""

import dataclasses

GiB = 1024 ** 3


@dataclasses.dataclass
class Options:
    """How the cluster behaves; may be changed at any time.

    :param active: whether GPFS runs.
    :param state: of the node, as mmgetstate says it.
    :param quotas: kinds of quota that the file system has switched on.
    :param filesetdf: whether df of a fileset shows its quota.
    :param quota_on_root: whether quotas of filesets bind root as well.
    :param replicas: copies of the data that the file system keeps.
    :param ces_nfs: whether CES serves NFS.
    :param ces_addresses: the addresses of CES.
    :param ces_state: of NFS, as mmces says it.
    :param rsync: whether the node has rsync.
    :param total: bytes of the file system.
    :param doubt_kib: KiB that mmlsquota is in doubt about.
    :param combines: whether "mmnfs export change" adds, changes and removes
        in one call, as the manual of 5.0.1 says.
    :param removes_last: in such a call, removes after it has added.
    :param percent_clients: whether mmnfs escapes the colons of clients.
    :param plain_list: whether "mmnfs export list" alone has no more than
        paths and clients.
    :param left_out: columns that no list has, whatever is asked.
    :param down_nodes: hosts on which GPFS does not run.
    :param left_nodes: hosts that are nodes of the cluster no more.
    :param forbidden: host, or '' for all, and program that sudo refuses;
        ALL for every program.
    :param absent: host, or '' for all, and program that sudo does not find.
    :param newer_headers: whether mmlsquota names the section of its rows.
    :param silent_failures: failing commands exit with 0 and only say so.
    :param restore_seconds: how long a restore goes on behind the time that
        it is waited for.
    :param copy_seconds: how long copying from a snapshot takes.
    :param copy_dies: how many copies end without a word.
    :param copy_status: what copies end with.
    """

    active: bool = True
    state: str = 'active'
    quotas: str = 'user;group;fileset'
    filesetdf: bool = True
    quota_on_root: bool = True
    replicas: int = 1
    combines: bool = True
    removes_last: bool = False
    percent_clients: bool = False
    plain_list: bool = False
    left_out: tuple[str, ...] = ()
    down_nodes: tuple[str, ...] = ()
    left_nodes: tuple[str, ...] = ()
    forbidden: frozenset[tuple[str, str]] = frozenset()
    absent: frozenset[tuple[str, str]] = frozenset()
    newer_headers: bool = False
    silent_failures: bool = False
    ces_nfs: bool = True
    ces_addresses: tuple[str, ...] = ('192.0.2.11', '192.0.2.10')
    ces_state: str = 'HEALTHY'
    rsync: bool = True
    restore_seconds: float = 0.0
    copy_seconds: float = 0.0
    copy_dies: int = 0
    copy_status: int = 0
    total: int = 100 * 1024 * GiB
    doubt_kib: int = 0


@dataclasses.dataclass
class Snapshot:
    """A snapshot of a fileset, with what it holds."""

    name: str
    ident: int
    used: int = 0
    mode: str = '777'
    owner: str = '0:0'
    status: str = 'Valid'


@dataclasses.dataclass
class Fileset:
    """A fileset; ``path`` is '' while it is not linked."""

    name: str
    ident: int
    comment: str = ''
    independent: bool = True
    path: str = ''
    limit_kib: int = 0
    used: int = 0
    mode: str = '700'
    owner: str = '0:0'
    inodes: int = 100352
    afm: str = ''
    deleted: bool = False
    protected: bool = False
    snapshots: dict[str, Snapshot] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Job:
    """An attempt to copy from a snapshot, in the background of one host.

    :param target: number of the fileset, which another one at the same path
        does not have.
    :param frozen: since when its host stands still, or is off.
    """

    source: str
    target: int
    host: str
    begun: float
    ends: float
    status: int | None = None
    died: bool = False
    running: bool = True
    frozen: float | None = None

    def beat(self, now: float) -> int:
        """Return what it writes every five seconds, for other hosts to see."""
        last = now if self.frozen is None else self.frozen
        return int((min(last, self.ends) - self.begun) // 5)


@dataclasses.dataclass
class Jobs:
    """All attempts to fill one share; only the last one counts.

    :param renewing: what the fileset is filled from that is made anew.
    """

    attempts: list[Job] = dataclasses.field(default_factory=list)
    renewing: str = ''


@dataclasses.dataclass
class Client:
    """One client of a CES export, with lower-case option names."""

    client: str
    options: dict[str, str]


class Refused(Exception):
    """A command failed.

    :param lines: what it says before the line that all commands end with.
    """

    def __init__(self, *lines: str, status: int = 1) -> None:
        super().__init__(*lines)
        self.lines = lines
        self.status = status


@dataclasses.dataclass
class State:
    """Everything there is.  Not thread-safe: the simulator locks."""

    device: str = 'gpfs0'
    mount: str = '/gpfs0'
    #: Other names of the mount point: links to it, and, if it is not mounted
    #: where GPFS has it by default, the place where it is.
    links: tuple[str, ...] = ()
    mounted: str = ''
    options: Options = dataclasses.field(default_factory=Options)
    filesets: dict[str, Fileset] = dataclasses.field(default_factory=dict)
    directories: set[str] = dataclasses.field(default_factory=set)
    exports: dict[str, list[Client]] = dataclasses.field(
        default_factory=dict)
    jobs: dict[str, Jobs] = dataclasses.field(default_factory=dict)
    #: Jobs whose files are gone, and that have not noticed.
    orphans: list[Job] = dataclasses.field(default_factory=list)
    #: Until when locks are held, by host and file.
    locks: dict[tuple[str, str], float] = dataclasses.field(
        default_factory=dict)
    #: Commands whose effect is still to come, and when.
    pending: list[tuple[float, list[str]]] = dataclasses.field(
        default_factory=list)
    numbers: int = 0

    def number(self) -> int:
        self.numbers += 1
        return self.numbers

    def fileset(self, name: str) -> Fileset:
        """:raises Refused: there is none of that name."""
        found = self.filesets.get(name)
        if found is None or found.deleted:
            raise Refused(f'Fileset name {name} not found.', status=2)
        return found

    def real(self, path: str) -> str:
        """Return what GPFS calls a path."""
        for name in (*self.links, self.mounted):
            if name and (path + '/').startswith(name + '/'):
                return self.mount + path[len(name):]
        return path

    def at(self, path: str) -> Fileset | None:
        """The fileset whose junction a path is."""
        path = self.real(path)
        return next((one for one in self.filesets.values()
                     if one.path == path), None)

    def around(self, path: str) -> Fileset:
        """The fileset that a path lies in."""
        path = self.real(path)
        found = [one for one in self.filesets.values() if one.path and (
            path == one.path or path.startswith(one.path + '/'))]
        return max(found, key=lambda one: len(one.path))

    def kind(self, path: str) -> str:
        """Return what is at a path, '' if nothing is."""
        if path in self.links:
            return 'symbolic link'
        path = self.real(path)
        if self.at(path) is not None or path in self.directories:
            return 'directory'
        if any(one.path.startswith(path + '/')
               for one in self.filesets.values()):
            return 'directory'
        return ''


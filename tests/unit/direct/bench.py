# SPDX-License-Identifier: Apache-2.0

"""Backends without Manila on simulated clusters, and how they are cut off."""

import contextlib
import functools
import os
import pathlib
import shutil

import manila_drivers
from manila_drivers.registry import engine
from manila_drivers.registry import holders
from manila_drivers.testing.backends import gluster
from manila_drivers.testing.backends import gpfs
from manila_drivers.testing.backends import openstack
from manila_drivers.testing.backends import vast
from manila_drivers.transport import rest

CLUSTERS = {'vast': vast.Cluster, 'gluster': gluster.Cluster,
            'generic': openstack.CloudCluster,
            **{kind.lower(): functools.partial(gpfs.Cluster, kind)
               for kind in gpfs.KINDS}}
PROTOCOLS = {kind: 'GLUSTERFS' if kind == 'gluster' else 'NFS'
             for kind in CLUSTERS}
#: Two that rules may name, and a client of the first.
TARGETS = {kind: ('alice', 'bob', 'alice') if kind == 'gluster' else
           ('192.0.2.0/24', '198.51.100.7', '192.0.2.9')
           for kind in CLUSTERS}


def write(path, sections, **defaults):
    """Write a configuration file; None leaves an option out."""
    lines = []
    for name, values in {'DEFAULT': {'root_helper': 'env', **defaults},
                         **sections}.items():
        lines.append(f'[{name}]')
        # oslo.config takes a plain dollar for the name of another option.
        lines += ['%s = %s' % (key, str(value).replace('$', '$$'))
                  for key, value in values.items() if value is not None]
    path.write_text('\n'.join(lines) + '\n')
    return path


class Bench:
    """One simulated cluster, the file that names it, and one registry."""

    def __init__(self, kind, cluster, directory, **defaults):
        self.kind = kind
        self.cluster = cluster
        self.proto = PROTOCOLS.get(kind, 'NFS')
        self.conf = write(
            directory / 'manila.conf',
            {kind: {'driver_handles_share_servers': False,
                    **cluster.options()}, **cluster.sections()},
            state_path=directory, **defaults)
        self.empty = cluster.inventory()

    def backend(self, **more):
        return manila_drivers.Backend.load(self.conf, self.kind, **more)

    def level(self, share, client=None):
        return self.cluster.level(client or TARGETS[self.kind][2],
                                  share.locations[0])

    def limit(self, share):
        return self.cluster.limit(share.locations[0])


@contextlib.contextmanager
def bench(kind, directory, make=None, **defaults):
    """Open a bench; ``make`` makes another cluster than the usual one."""
    path = os.environ['PATH']
    with (make or CLUSTERS[kind])() as cluster:
        os.environ['PATH'] = os.pathsep.join(
            [*map(str, cluster.programs), path])
        try:
            yield Bench(kind, cluster, pathlib.Path(directory), **defaults)
        finally:
            os.environ['PATH'] = path


@contextlib.contextmanager
def as_before(place):
    """Bring the registry back afterwards as it is now."""
    file = place.conf.parent / 'registry.sqlite3'
    copy = file.with_suffix('.backup')
    shutil.copy(file, copy)
    yield
    shutil.copy(copy, file)


class Killed(BaseException):
    """The process has ended, as by kill -9."""


class Death:
    """Ends a process, as far as others can see, at one of its steps.

    Steps are transactions of the registry and requests to VMS, each of which
    has a place before it and one after it.  Nothing reaches either any more
    once it has died, and whoever holds its leases is no process.

    :param at: the number of the place; it lives if there are fewer.
    """

    def __init__(self, monkeypatch, at):
        self.at, self.places = at, 0
        self.died = False
        self._patch(monkeypatch)

    def _patch(self, monkeypatch):
        begin, send = engine.Database.begin, rest.RestTransport._exchange
        new = holders.new
        death = self

        @contextlib.contextmanager
        def transaction(database):
            death.step()
            with begin(database) as connection:
                yield connection
            death.step()

        def request(transport, *args, **kwargs):
            death.step()
            answer = send(transport, *args, **kwargs)
            death.step()
            return answer

        def holder():
            words = new().split('/')
            # Of a process that has this number no more.
            return '/'.join([*words[:3], '1', words[4]])
        monkeypatch.setattr(engine.Database, 'begin', transaction)
        monkeypatch.setattr(rest.RestTransport, '_exchange', request)
        monkeypatch.setattr(holders, 'new', holder)

    def step(self):
        if self.places == self.at or self.died:
            self.died = True
            raise Killed
        self.places += 1

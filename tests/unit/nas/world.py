# SPDX-License-Identifier: Apache-2.0

"""Worlds of few addresses, in which networks overlap all the time."""

import ipaddress
import types

from hypothesis import strategies as st

from manila_drivers import networks
from manila_drivers.nas import exports
from manila_drivers.transport import retry

PATH = '/gpfs0/share-1'
FSID = '11111111-2222-3333-4444-555555555555'
RANK = {None: 0, 'ro': 1, 'rw': 2}

#: Addresses that are looked at; networks end between any two of them.
CLIENTS = tuple([f'10.0.0.{number}' for number in range(8)]
                + [f'2001:db8::{number}' for number in range(4)]
                + ['192.0.2.1', '2001:db9::1'])

NETWORKS = st.sampled_from([ipaddress.ip_network(text) for text in (
    *(f'10.0.0.{number}' for number in range(8)),
    '10.0.0.0/31', '10.0.0.2/31', '10.0.0.0/30', '10.0.0.4/30',
    '10.0.0.0/29', '10.0.0.0/8', '0.0.0.0/0', '0.0.0.0/1',
    *(f'2001:db8::{number}' for number in range(4)),
    '2001:db8::/127', '2001:db8::2/127', '2001:db8::/126', '2001:db8::/64',
    '::/0')])

LEVELS = st.dictionaries(NETWORKS, st.sampled_from(('rw', 'ro')),
                         max_size=7)


def export(levels, *, path=PATH, name='share-1', fsid=FSID, options=()):
    return exports.Export(path, name, fsid, {
        ipaddress.ip_network(network) if isinstance(network, str)
        else network: level for network, level in levels.items()}, options)


def given(server, path=PATH):
    """Return what every address gets."""
    return {client: server.access(client, path) for client in CLIENTS}


def meant(levels):
    return {client: networks.level_for(levels, client) for client in CLIENTS}


def execute(server):
    """Return what GPFS's helpers run commands with; it waits for nothing.

    :param server: what stands for the server of a name.
    """
    return types.SimpleNamespace(server=server, attempts=lambda policy:
                                 retry.Attempts(policy, lambda: 0.0,
                                                lambda seconds: None))


class Watch:
    """Notes the most that anybody had at any moment."""

    def __init__(self, server, path=PATH):
        self._server, self._path = server, path
        self.most = given(server, path)
        server.observer = self.look

    def look(self):
        for client, level in given(self._server, self._path).items():
            if RANK[level] > RANK[self.most[client]]:
                self.most[client] = level

    def too_much(self, before, after):
        """Who had more than before and after."""
        return {client: level for client, level in self.most.items()
                if RANK[level] > max(RANK[before[client]],
                                     RANK[after[client]])}

# SPDX-License-Identifier: Apache-2.0

"""Runs one driver for ``compare_upstream.py``, in a process of its own.

Reads one JSON object a line from standard input, calls the driver as Manila's
share manager does, and writes one JSON object a line: how long the call took
(``wall``), how much processor time this process used for it (``cpu``, both in
seconds), and what went wrong (``error``, empty if nothing did).

    python compare_worker.py CLASS manila.conf SECTION PROTOCOL

The same program runs Manila's own driver and the one of this package.  What
both would ask Manila's database is answered here, so that neither figure has
a database in it.
"""

import collections
from concurrent import futures
import contextlib
import json
import os
import socket
import sys
import time
from typing import Any
import uuid

import compare_counts
from oslo_config import cfg
from oslo_utils import importutils

from manila_drivers.testing.conformance import rows

# Seconds from one question for a share that is being made to the next.
POLL = 0.5


class Storage:
    """Values that drivers keep in Manila's private storage, in memory."""

    def __init__(self) -> None:
        self._kept: dict[str, dict[str, Any]] = {}

    def get(self, entity_id: str, key: str | None = None,
            default: Any = None) -> Any:
        details = self._kept.get(entity_id, {})
        return dict(details) if key is None else details.get(key, default)

    def update(self, entity_id: str, details: dict[str, Any],
               delete_existing: bool = False) -> None:
        kept = {} if delete_existing else self._kept.get(entity_id, {})
        self._kept[entity_id] = {**kept, **details}

    def delete(self, entity_id: str, key: str | list[str] | None = None,
               ) -> None:
        if key is None:
            self._kept.pop(entity_id, None)
        else:
            for each in key if isinstance(key, list) else [key]:
                self._kept.get(entity_id, {}).pop(each, None)


class Worker:
    """One driver, and the shares that it was asked to make."""

    def __init__(self, driver: Any, protocol: str) -> None:
        from manila import context
        self.driver = driver
        self.protocol = protocol
        self.context = context.get_admin_context()
        self.shares: dict[str, Any] = {}
        self.snapshots: dict[str, Any] = {}
        self.rules: dict[str, list[Any]] = {}
        #: What calls are told of the share server, where there is one.
        self.served: dict[str, Any] = {}

    def start(self) -> None:
        self.driver.do_setup(self.context)
        self.driver.check_for_setup_error()

    def set_up(self, network: dict[str, Any]) -> None:
        """Make a share server; all later calls are about its shares."""
        ident = str(uuid.uuid4())
        details = self.driver.setup_server([{
            'server_id': ident, 'security_services': [],
            'network_allocations': [], 'admin_network_allocations': [],
            'backend_name': 'compared', 'network_type': 'local',
            'segmentation_id': None, 'subnet_metadata': {}, **network}])
        self.served = {'share_server': {
            'id': ident, 'backend_details': details, 'status': 'active',
            'share_network_id': 'network', 'host': 'h@compared'}}

    def tear_down(self) -> None:
        server = self.served.pop('share_server')
        self.driver.teardown_server(
            server_details=server['backend_details'], security_services=[])

    def create(self, name: str, size: int = 2, protocol: str = '') -> None:
        ident = str(uuid.uuid5(uuid.NAMESPACE_DNS, name))
        share = self._share(ident, size, protocol=protocol)
        found = self.driver.create_share(self.context, share, **self.served)
        # Manila's own drivers may answer with one path.
        locations = [{'path': found}] if isinstance(found, str) else [
            {'path': one} if isinstance(one, str) else one for one in found]
        self.shares[name] = self._share(ident, size, locations, protocol)
        self.rules[name] = []

    def create_all(self, names: list[str]) -> None:
        """Several at a time, which Manila does as well."""
        with futures.ThreadPoolExecutor(4) as threads:
            list(threads.map(self.create, names))

    def clone(self, name: str, of: str) -> None:
        """A share from a snapshot, until it is there."""
        source = self.snapshots[of]
        ident = str(uuid.uuid4())
        share = self._share(ident, source['size'])
        share['snapshot_id'] = source['id']
        found = self.driver.create_share_from_snapshot(
            self.context, share, source, parent_share=source.share_instance,
            **self.served)
        while isinstance(found, dict) and found.get('status') != 'available':
            time.sleep(POLL)
            found = self.driver.get_share_status(
                share, self.served.get('share_server'))
        locations = found['export_locations'] if isinstance(
            found, dict) else found
        self.shares[name] = self._share(ident, source['size'], locations)
        self.rules[name] = []

    def _share(self, ident: str, size: int,
               locations: list[dict[str, Any]] | None = None,
               protocol: str = '') -> Any:
        return rows.share(rows.ROW, ident=ident, size=size,
                          proto=protocol or self.protocol,
                          exports=locations or (),
                          status='available' if locations else 'creating')

    def access(self, name: str, add: list[str],
               delete: list[str]) -> None:
        """Add or take away rules as Manila does: the list, and the change."""
        share = self.shares[name]
        new = [rows.rule(
            rows.DICT, access_id=str(uuid.uuid4()), share_id=share['id'],
            access_type='cert' if self.protocol == 'GLUSTERFS' else 'ip',
            access_to=who, access_level='rw') for who in add]
        gone = [rule for rule in self.rules[name]
                if rule['access_to'] in delete]
        kept = [rule for rule in self.rules[name] if rule not in gone] + new
        self.rules[name] = kept
        self.driver.update_access(
            self.context, share, kept, new, gone, [], **self.served)

    def level(self, name: str, who: str, level: str) -> None:
        """Take a rule away and give it again with another level."""
        self.access(name, [], [who])
        share = self.shares[name]
        rule = rows.rule(
            rows.DICT, access_id=str(uuid.uuid4()), share_id=share['id'],
            access_type='ip', access_to=who, access_level=level)
        self.rules[name].append(rule)
        self.driver.update_access(
            self.context, share, self.rules[name], [rule], [], [],
            **self.served)

    def resize(self, name: str, size: int) -> None:
        share = self.shares[name]
        if size > share['size']:
            self.driver.extend_share(share, size, **self.served)
        else:
            self.driver.shrink_share(share, size, **self.served)
        share['size'] = size

    def snapshot(self, name: str, of: str) -> None:
        row = rows.snapshot(
            rows.ROW, ident=str(uuid.uuid4()), share_row=self.shares[of],
            status='creating')
        row['share_name'] = self.shares[of]['name']
        found = self.driver.create_snapshot(self.context, row, **self.served)
        if isinstance(found, dict):
            row['provider_location'] = found.get('provider_location')
        row['status'] = 'available'
        self.snapshots[name] = row

    def delete_snapshot(self, name: str) -> None:
        self.driver.delete_snapshot(
            self.context, self.snapshots.pop(name), **self.served)

    def ensure(self, names: list[str]) -> None:
        """A start of the service, with what Manila reapplies after it."""
        shares = [self.shares[name] for name in names]
        try:
            found = self.driver.ensure_shares(self.context, [
                {**dict(share), **self.served} for share in shares]
                if self.served else shares)
        except NotImplementedError:
            found = {}
            for share in shares:
                self.driver.ensure_share(self.context, share, **self.served)
        for name in names:
            answer = (found or {}).get(self.shares[name]['id']) or {}
            if answer.get('reapply_access_rules'):
                self.driver.update_access(
                    self.context, self.shares[name], self.rules[name],
                    [], [], [], **self.served)

    def stats(self) -> None:
        self.driver.get_share_stats(True)

    def delete(self, name: str) -> None:
        """Deny what is allowed, then delete, as Manila does."""
        if self.rules[name]:
            gone, self.rules[name] = self.rules[name], []
            self.driver.update_access(
                self.context, self.shares[name], [], [], gone, [],
                **self.served)
        self.driver.delete_share(
            self.context, self.shares.pop(name), **self.served)


def without_a_database() -> None:
    """Answer in memory what drivers look up in Manila's tables."""
    from manila.share import share_types
    share_types.get_extra_specs_from_share = lambda share: {}


def without_a_name() -> None:
    """Let no simulated server, all on loopback, be taken for this host."""
    socket.gethostbyname_ex = lambda name: (name, [], [])


def with_ssh_port(port: int) -> None:
    """Let Manila's drivers log in at a port other than 22."""
    from manila.share.drivers.ganesha import utils
    made = utils.SSHExecutor.__init__

    def begin(self: Any, host: str, _: int, *args: Any, **kwargs: Any
              ) -> None:
        made(self, host, port, *args, **kwargs)

    utils.SSHExecutor.__init__ = begin
    from manila import ssh_utils
    pool = ssh_utils.SSHPool.__init__

    def fill(self: Any, ip: str, _: int, *args: Any, **kwargs: Any) -> None:
        pool(self, ip, port, *args, **kwargs)

    ssh_utils.SSHPool.__init__ = fill


def load(name: str, file: str, section: str) -> Any:
    """The driver, as Manila's share manager makes it."""
    from manila.common import config  # noqa: F401 (registers Manila's options)
    from manila.share import configuration
    from manila.share import driver as base
    cfg.CONF([], project='manila', default_config_files=[file])
    without_a_database()
    without_a_name()
    if directory := os.environ.get('COMPARE_LOCKS'):
        # Drivers that make share servers lock with other hosts.
        from manila import coordination
        cfg.CONF.set_override('backend_url', f'file://{directory}',
                              'coordination')
        coordination.LOCK_COORDINATOR.start()
    if port := os.environ.get('COMPARE_SSH_PORT'):
        with_ssh_port(int(port))
    settings = configuration.Configuration(
        base.share_opts, config_group=section)
    return importutils.import_object(
        name, private_storage=Storage(), configuration=settings)


def timed(worker: Worker, order: dict[str, Any],
          counts: 'collections.Counter[str]') -> dict[str, Any]:
    call = getattr(worker, order.pop('call'))
    error, before = '', counts.copy()
    cpu, wall = time.process_time(), time.monotonic()
    try:
        call(**order)
    except Exception as exc:  # noqa: BLE001 (the answer is what it says)
        error = f'{type(exc).__name__}: {exc}'
    return {'wall': time.monotonic() - wall,
            'cpu': time.process_time() - cpu, 'error': error[:300],
            'counts': counts - before}


def main(name: str, file: str, section: str, protocol: str) -> int:
    answers = os.fdopen(os.dup(1), 'w')
    # Whatever a library prints goes beside the answers.
    os.dup2(2, 1)
    driver = load(name, file, section)
    worker = Worker(driver, protocol)
    ports = os.environ.get('COMPARE_PORTS')
    counts = collections.Counter[str]() if ports is None \
        else compare_counts.counted(json.loads(ports))
    with contextlib.suppress(BrokenPipeError):
        for line in sys.stdin:
            answers.write(json.dumps(
                timed(worker, json.loads(line), counts)) + '\n')
            answers.flush()
    return 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))

# SPDX-License-Identifier: Apache-2.0

"""``manila-drivers backend ...``"""

import argparse
import functools
from typing import Any

from manila_drivers import exception
from manila_drivers.cli import configured
from manila_drivers.cli.operate import base
from manila_drivers.cli.operate import exits

CAPACITY = ('total_capacity_gb', 'free_capacity_gb',
            'provisioned_capacity_gb', 'reserved_percentage',
            'max_over_subscription_ratio')
#: Of statistics, what tells what a backend can do.
CAPABILITIES = (
    'share_backend_name', 'vendor_name', 'driver_version',
    'storage_protocol', 'driver_handles_share_servers', 'snapshot_support',
    'create_share_from_snapshot_support', 'revert_to_snapshot_support',
    'mount_snapshot_support', 'thin_provisioning', 'ipv4_support',
    'ipv6_support')


class BackendList(base.Listing):
    """List the backends of the configuration file; none is asked."""

    def take_action(self, parsed_args: argparse.Namespace) -> base.Output:
        found = configured.sections(self.app.options.config_file)
        return (('Name', 'Driver', 'Enabled'),
                [(name, driver, enabled)
                 for name, (driver, enabled) in found.items()])


class BackendShow(base.Showing):
    """Show what a backend can do, and where its shares are recorded."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('name', nargs='?', help='default: --backend')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> base.Output:
        with self.backend(parsed_args.name) as backend:
            stats = backend.stats()
            driver: Any = backend.driver
            kind = type(driver)
            return self.fields({
                'name': backend.name,
                'driver': f'{kind.__module__}.{kind.__qualname__}',
                'registry': backend.registry.url,
                'shares': len(backend.shares.list()),
                'snapshots': len(backend.snapshots.list()),
                'locks_keep_out': driver.lock_reach.value,
                'shows_plans': kind.SHOWS_PLANS,
                **{name: stats.get(name) for name in CAPABILITIES}})


class BackendCapacity(base.Listing):
    """Show the capacity of backends in GiB, by pool.

    One that cannot be asked stops no other; the exit code is that of the
    first one.
    """

    _code = exits.DONE

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('name', nargs='*', help='default: --backend')
        return parser

    def run(self, parsed_args: argparse.Namespace) -> int:
        return super().run(parsed_args) or self._code

    def take_action(self, parsed_args: argparse.Namespace) -> base.Output:
        rows: list[tuple[Any, ...]] = []
        for name in parsed_args.name or [None]:
            found, error = exception.caught(
                functools.partial(self._pools, name))
            if error is not None:
                self._code = self._code or self.tell(error)
            rows += found or []
        return ('Backend', 'Pool', 'Total', 'Free', 'Provisioned',
                'Reserved %', 'Promised up to'), rows

    def _pools(self, name: str | None) -> list[tuple[Any, ...]]:
        with self.backend(name) as backend:
            stats = backend.stats()
            pools = stats.get('pools') or [
                {**stats, 'pool_name': backend.name}]
            return [(backend.name, pool['pool_name'], *(
                pool.get(field, stats.get(field))
                for field in CAPACITY)) for pool in pools]

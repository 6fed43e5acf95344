# SPDX-License-Identifier: Apache-2.0

"""Small drivers, made in whichever mode the process is in.

tests/compat runs the tests of this directory inside each release, too.
"""

import threading

from oslo_config import cfg

from manila_drivers import compat
from manila_drivers import driver
from manila_drivers import standalone

OPTIONS = """
share_backend_name = ALPHA
driver_handles_share_servers = False
reserved_share_percentage = 5
reserved_share_extend_percentage = 2
max_over_subscription_ratio = 3.5
goodness_function = 50
filter_function = share.size < 9
"""


class Pooled(driver.ShareDriver):
    """Has two pools, one of which says more than the other."""

    ask = {'pools': [
        {'pool_name': 'a', 'total_capacity_gb': 10, 'free_capacity_gb': 4,
         'thin_provisioning': True, 'reserved_percentage': 40,
         'filter_function': None},
        {'pool_name': 'b'}], 'vendor_speed': 9}

    def __init__(self, *args, **kwargs):
        self.failure = None
        super().__init__(False, *args, **kwargs)

    def _static_stats(self):
        return {'vendor_name': 'V', 'storage_protocol': 'NFS',
                'driver_version': '2', 'snapshot_support': True}

    def _update_share_stats(self, data=None):
        if self.failure:
            raise self.failure
        super()._update_share_stats(dict(self.ask))

    @driver.driver_call
    def create_snapshot(self, context, snapshot, share_server=None):
        """Snapshots are a feature of this one."""

    @driver.driver_call
    def delete_snapshot(self, context, snapshot, share_server=None):
        """See above."""


class Optioned(driver.ExecuteMixin, driver.GaneshaMixin, driver.ShareDriver):
    """Has options, one of which is Manila's as well."""

    OPTS = [cfg.StrOpt('own', default='x', help='Own.'),
            cfg.IntOpt('ssh_conn_timeout', default=5, help='Ours.')]

    def __init__(self, *args, **kwargs):
        super().__init__(False, *args, config_opts=[self.OPTS], **kwargs)


def make(tmp_path, cls, text=OPTIONS):
    """A driver of a class, with the given lines in its section."""
    path = tmp_path / 'manila.conf'
    path.write_text(f'[DEFAULT]\nstate_path = {tmp_path}/state\n'
                    f'[oslo_concurrency]\nlock_path = {tmp_path}/locks\n'
                    f'[alpha]\n{text}')
    if compat.MANILA:
        return inside_manila(path, cls)
    return standalone.load(f'{cls.__module__}.{cls.__qualname__}', path,
                           'alpha')


# Manila reads its files once, before there are threads.
READING = threading.Lock()


def inside_manila(path, cls):
    from manila.share import configuration
    with READING:
        cfg.CONF(['--config-file', str(path)], project='manila')
        section = configuration.Configuration(
            [cfg.StrOpt('share_driver')], config_group='alpha')
        return cls(private_storage=None, configuration=section)

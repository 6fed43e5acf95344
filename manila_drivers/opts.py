# SPDX-License-Identifier: Apache-2.0

"""Every option of the library, for oslo-config-generator.

Upstream lists drivers' options under [DEFAULT], where they have no effect;
here each driver has a section named after it, as an example of a backend.
Nothing here imports Manila or the drivers themselves.
"""

from collections.abc import Sequence

from oslo_config import cfg

from manila_drivers.generic import opts as generic
from manila_drivers.glusterfs import opts as gluster
from manila_drivers.ibm.gpfs import opts as gpfs
from manila_drivers.metrics import opts as metrics
from manila_drivers.service_instance import opts as instances
from manila_drivers.standalone import options
from manila_drivers.vastdata import opts as vast

Listed = list[tuple[str | None, Sequence[cfg.Opt]]]


def list_opts() -> Listed:
    """The options of each driver, by an example of a section's name."""
    own: list[tuple[str, Sequence[cfg.Opt]]] = [
        ('vast', vast.VAST_OPTS), ('gluster', gluster.GLUSTER_OPTS),
        ('gpfs', gpfs.GPFS_OPTS),
        ('generic', [*generic.GENERIC_OPTS,
                     *instances.SERVICE_INSTANCE_OPTS])]
    return [(section, [*found, *metrics.METRICS_OPTS])
            for section, found in own]


def list_standalone_opts() -> Listed:
    """Return options that a file without Manila has besides.

    Inside Manila its own options of these names count.
    """
    return [(None, list(options.GLOBAL_OPTS)),
            ('backend', [*options.SHARE_OPTS, *options.OWN_OPTS])]

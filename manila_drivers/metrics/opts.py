# SPDX-License-Identifier: Apache-2.0

"""Options of the metrics, in the section of each backend.

Importing this module needs neither Manila nor prometheus_client.
"""

from oslo_config import cfg

METRICS_OPTS: list[cfg.Opt] = [
    cfg.PortOpt(
        'metrics_port', min=1,
        help='TCP port at which this backend serves its metrics to '
             'Prometheus. Each backend of a host needs one of its own, '
             'because each has a process of its own. Unset means that '
             'nothing is opened.'),
    cfg.IPOpt(
        'metrics_address', default='127.0.0.1',
        help='IP address of this host at which metrics_port is opened. '
             'Whoever reaches it can read the metrics, without a password '
             'and without TLS.'),
]

# SPDX-License-Identifier: Apache-2.0

"""The drivers without Manila.

::

    from manila_drivers import standalone

    driver = standalone.load(
        'manila_drivers.vastdata.driver.VASTShareDriver',
        '/etc/manila/manila.conf', 'vast')
    driver.do_setup(None)
    driver.check_for_setup_error()
    locations = driver.create_share(None, {'id': ..., 'size': 1, ...})

Shares are dictionaries with the keys that Manila uses.
"""

import os
from typing import Any

from oslo_utils import importutils

from manila_drivers.standalone import configuration
from manila_drivers.standalone import private_data


def load(dotted_path: str, config_file: str | os.PathLike[str],
         section: str) -> Any:
    """Make a driver with the very call that Manila makes.

    :param dotted_path: the value of ``share_driver``.
    :param config_file: an ini file with the backend's section.
    :param section: name of that section.
    :returns: the driver; nothing was asked of the backend yet.
    :raises ConfigurationError: the file or the section is missing.
    """
    conf = configuration.Configuration.from_file(config_file, section)
    store = private_data.PrivateData(
        os.path.join(conf.state_path, 'private-data.sqlite3'))
    return importutils.import_object(dotted_path, private_storage=store,
                                     configuration=conf)

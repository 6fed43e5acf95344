#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#         http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.

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

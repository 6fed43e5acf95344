# SPDX-License-Identifier: Apache-2.0

"""Manila's own VAST driver works on what ``simulate vast`` serves."""

import pytest

from tests.unit.cli import process
from tests.unit.cli import test_simulate_vast

RULE = {'id': 'r', 'access_id': 'r', 'access_type': 'ip',
        'access_to': '10.0.0.7', 'access_level': 'rw'}


def test_a_migration_can_be_rehearsed(tmp_path):
    driver = pytest.importorskip('manila.share.drivers.vastdata.driver')
    from manila.common import config  # noqa: F401 - registers options
    from manila.share import configuration
    from oslo_config import cfg
    with test_simulate_vast.simulating() as (served, text):
        section = test_simulate_vast.backend(text)
        file = tmp_path / 'manila.conf'
        file.write_text(text)
        cfg.CONF(['--config-file', str(file)], project='manila')
        theirs = driver.VASTShareDriver(
            configuration=configuration.Configuration(
                driver.OPTS, config_group='vast'))
        theirs.do_setup(None)
        share = {'id': 'a1', 'share_proto': 'NFS', 'size': 1, 'metadata': {}}
        export = theirs.create_share(None, share)[0]['path']
        assert export.endswith(section['vast_root_export'] + '/manila-a1')
        theirs.update_access(None, share, [RULE], [RULE], [], [])
        theirs.extend_share(share, 2)
        theirs.delete_share(None, share)
        assert process.ended(served)[0] == 0

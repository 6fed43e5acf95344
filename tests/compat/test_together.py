# SPDX-License-Identifier: Apache-2.0

"""Our options beside upstream's drivers, in either order."""

import json

import pytest

from tests.compat import conftest


@pytest.mark.turns
@pytest.mark.parametrize('first', ['upstream', 'ours', 'driver'])
def test_options_never_clash(release, first):
    told = json.loads(conftest.run('tests.compat.together', release,
                                   FIRST=first))

    assert len(told['read']) == 4
    for read in told['read']:
        assert read == {'vast_mgmt_host': "'vms.example'",
                        'vast_mgmt_port': '444',
                        'vast_root_export': "'manila'"}
    shared = told['upstream']
    assert len(shared) >= 6
    assert {name: told['ours'][name] for name in shared} == shared


# What both define and not alike, with the reason.
DIFFERENT = {
    # Ours has a helper more, and the helpers of this library; it reads the
    # form of 2026.2, which is a dictionary, as well.
    'gpfs_share_helpers'}


@pytest.mark.turns
@pytest.mark.parametrize('order', ['ours', 'upstream'])
def test_all_drivers_live_in_one_process(release, order):
    """And in one section, the options of which the first of them defines."""
    told = json.loads(conftest.run('tests.compat.all_together', release,
                                   ORDER=order))

    assert len(told['made']) == 6
    for kind, number in {'vast': 6, 'gluster': 5, 'gpfs': 10}.items():
        alike = {name for name, (theirs, ours) in told['shared'][kind].items()
                 if theirs == ours}
        assert len(told['shared'][kind]) >= number
        assert set(told['shared'][kind]) - alike <= DIFFERENT
    assert told['values']['vast']['vast_mgmt_host'] == "'vms.example'"
    assert told['values']['gluster']['glusterfs_servers'] == (
        "['root@gluster.example']")
    assert told['values']['gpfs']['gpfs_share_export_ip'] == "'192.0.2.7'"

# SPDX-License-Identifier: Apache-2.0


"""The support matrix says of each driver what the driver reports."""

import pathlib
import re

import pytest

from manila_drivers import standalone

ROOT = pathlib.Path(__file__).resolve().parents[3]
PAGE = (ROOT / 'doc/source/admin/support.rst').read_text()

# In the order of the page's columns.
DRIVERS = (
    'manila_drivers.vastdata.driver.VASTShareDriver',
    'manila_drivers.glusterfs.glusterfs_native.GlusterfsNativeShareDriver',
    'manila_drivers.ibm.gpfs.GPFSShareDriver',
    'manila_drivers.generic.GenericShareDriver')

ROWS = {
    'Create and delete a snapshot': 'snapshot_support',
    'Create a share from a snapshot': 'create_share_from_snapshot_support',
    'Revert a share to a snapshot': 'revert_to_snapshot_support'}


def matrix(text: str) -> dict[str, list[str]]:
    """Operation to what the drivers' columns say."""
    rows = re.findall(r'^   \* - (.*?)(?=^   \* - |^\S|\Z)', text,
                      re.S | re.M)
    cells = ([' '.join(cell.split()) for cell in re.split(
        r'^     - ', row, flags=re.M)] for row in rows)
    return {name: rest for name, *rest in cells}


def promised(text: str, row: str) -> list[bool]:
    return [not cell.startswith('no') for cell in matrix(text)[row]]


@pytest.fixture(scope='module')
def reported(tmp_path_factory):
    """Return what the drivers report before they have asked anybody."""
    file = tmp_path_factory.mktemp('support') / 'drivers.conf'
    file.write_text('[one]\ndriver_handles_share_servers = False\n')
    return [standalone.load(path, file, 'one').get_share_stats(refresh=True)
            for path in DRIVERS]


@pytest.mark.parametrize('row', ROWS)
def test_a_capability_is_promised_if_it_is_reported(reported, row):
    assert promised(PAGE, row) == [stats[ROWS[row]] for stats in reported]


def test_protocols_are_those_that_are_reported(reported):
    assert [cell.lower() for cell in matrix(PAGE)['Protocol']] == [
        stats['storage_protocol'].lower() for stats in reported]


def test_every_row_has_a_column_for_each_driver():
    assert len(matrix(PAGE)) > 15
    assert {len(cells) for cells in matrix(PAGE).values()} == {len(DRIVERS)}


def test_a_promise_that_is_not_kept_is_noticed(reported):
    row = 'Revert a share to a snapshot'
    text = PAGE.replace(f'{row}\n     - no', f'{row}\n     - yes')
    assert promised(text, row) != [stats[ROWS[row]] for stats in reported]

# SPDX-License-Identifier: Apache-2.0

"""Helpers as others use and replace them."""

import pytest

from manila_drivers import compat
from manila_drivers import exception
from manila_drivers.ibm.gpfs.helpers import knfs
from manila_drivers.testing.conformance import rows

errors = compat.errors
ALICE, BOB, NET = '10.0.0.1', '10.0.0.2', '10.0.0.0/24'


class OtherHelper(knfs.KNFSHelper):
    """Stand for a helper of somebody else's in the place of ours."""

    def options(self, specs):
        return (*super().options(specs), 'all_squash')


@pytest.fixture(params=['CES', 'KNFS', 'GNFS'])
def place(request, make_place):
    made = make_place(request.param)
    made.share = made.manager.create()
    made.row = made.manager.row(made.share, rows.DICT)
    made.path = '/' + made.share.export.partition(':/')[2]
    made.helper = made.driver._backend.helper
    return made


def given(place, *clients):
    return [place.lab.effective(place.share.export, client)
            for client in clients]


def as_rule(to, level='rw'):
    return {'access_type': 'ip', 'access_to': to, 'access_level': level}


def test_rules_one_by_one_in_both_forms(place):
    helper, path, row = place.helper, place.path, place.row
    assert helper.create_export(path) == place.share.export
    helper.allow_access(path, row, 'ip', ALICE)
    helper.allow_access(path, row, as_rule(NET, 'ro'))
    assert given(place, ALICE, BOB, '10.0.1.1') == ['rw', 'ro', None]
    helper.allow_access(path, row, as_rule(ALICE, 'ro'))
    helper.allow_access(path, row, 'ip', ALICE)
    assert given(place, ALICE, BOB) == ['rw', 'ro']
    helper.deny_access(path, row, 'ip', ALICE, force=True)
    assert given(place, ALICE, BOB) == ['ro', 'ro']
    helper.deny_access(path, row, as_rule(NET))
    helper.deny_access(path, row, as_rule(NET))
    helper.deny_access(path, row, 'user', 'nobody')
    assert given(place, ALICE, BOB) == [None, None]
    helper.resync_access(path, row, [as_rule(BOB)])
    assert given(place, ALICE, BOB) == [None, 'rw']
    helper.remove_export(path, row)
    helper.remove_export(path, row)
    assert given(place, ALICE, BOB) == [None, None]


@pytest.mark.parametrize('rule', [
    ('user', 'alice'), ('ip', 'not an address'), (as_rule(ALICE, 'none'),)])
def test_single_rules_that_cannot_be(place, rule):
    before = place.lab.records()
    with pytest.raises(exception.InvalidRequest):
        place.helper.allow_access(place.path, place.row, *rule)
    assert place.lab.records() == before


def test_the_driver_takes_single_rules_as_well(place):
    place.driver.allow_access(None, place.row, as_rule(ALICE))
    place.driver.allow_access(None, place.row, as_rule(BOB, 'ro'))
    assert given(place, ALICE, BOB) == ['rw', 'ro']
    place.driver.deny_access(None, place.row, as_rule(ALICE))
    assert given(place, ALICE, BOB) == [None, 'ro']
    with pytest.raises(errors.ManilaException):
        place.driver.allow_access(None, place.row, as_rule('x'))


def test_a_single_rule_is_an_error_where_a_server_is_down(make_place):
    place = make_place('KNFS')
    place.share = place.manager.create()
    row = place.manager.row(place.share, rows.DICT)
    place.driver.allow_access(None, row, as_rule(ALICE))
    place.lab.dead.add('nfs2')
    for call in place.driver.deny_access, place.driver.allow_access:
        with pytest.raises(errors.ManilaException, match='nfs2'):
            call(None, row, as_rule(ALICE))


@pytest.mark.parametrize('text', [
    'KNFS=tests.unit.gpfs.test_helpers.OtherHelper',
    'KNFS:tests.unit.gpfs.test_helpers.OtherHelper'])
def test_a_helper_of_somebody_else(make_place, text):
    place = make_place('KNFS', gpfs_share_helpers=text)
    share = place.manager.create()
    place.manager.update(share, add=[place.manager.rule(ALICE)])
    for server in place.sim.servers.values():
        assert {'all_squash' in entry.options
                for entry in server.entries} == {True}
        assert server.access(ALICE, '/' + share.export.partition(':/')[2]) \
            == 'rw'


def test_a_type_of_somebody_else(make_place):
    place = make_place(
        'KNFS', gpfs_share_helpers='MINE=tests.unit.gpfs.test_helpers.'
        'OtherHelper', gpfs_nfs_server_type='mine')
    place.driver.check_for_setup_error()
    assert isinstance(place.driver._backend.helper, OtherHelper)


def test_upstreams_classes_are_ours(make_place):
    place = make_place('KNFS', gpfs_share_helpers=(
        'KNFS=manila.share.drivers.ibm.gpfs.KNFSHelper'))
    assert type(place.driver._backend.helper) is knfs.KNFSHelper

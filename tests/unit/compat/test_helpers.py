# SPDX-License-Identifier: Apache-2.0

"""The small helpers of compat, without Manila."""

import logging

import pytest

from manila_drivers import compat
from manila_drivers import exception

pytestmark = pytest.mark.skipif(
    compat.MANILA, reason='tests/compat has these with Manila')


def test_standalone_supports_everything():
    assert {compat.supports(name) for name in compat.FEATURES} == {True}


def test_features_nobody_described_are_no_features():
    with pytest.raises(KeyError):
        compat.supports('time_travel')


def test_what_a_sign_stands_for_decides(monkeypatch):
    class Older:
        def update_access(self, context, share, access_rules, add_rules,
                          delete_rules, share_server=None):
            """As in release 19."""

    monkeypatch.setattr(compat, 'BaseShareDriver', Older)
    monkeypatch.delattr(compat.constants, 'STATUS_REVERTING_TO_SNAPSHOT')
    monkeypatch.delattr(compat.constants.ExtraSpecs, 'DEFAULT_QOS_TYPE')

    for name in ('update_rules', 'async_revert', 'qos_types',
                 'update_from_metadata', 'encryption_key_ref'):
        assert not compat.supports(name)
    assert compat.supports('ensuring')


@pytest.mark.parametrize(('row', 'defaults', 'expected'), [
    ({}, None, {}),
    ({'share_type_id': 'x'}, None, {}),
    ({}, {'a': 'b'}, {'a': 'b'}),
    ({'share_type_extra_specs': {'n': 1}}, {'a': 'b'}, {'n': '1'}),
    ({'share_type_extra_specs': {}}, {'a': 'b'}, {})])
def test_extra_specs(row, defaults, expected):
    assert compat.extra_specs(row, defaults) == expected


def test_messages_go_to_the_log(caplog):
    compat.user_message(None, {'share_id': 's'}, 'UNSUPPORTED_CLIENT_ACCESS')

    assert caplog.record_tuples == [
        ('manila_drivers.compat', logging.WARNING,
         'Share s: UNSUPPORTED_CLIENT_ACCESS')]


def test_locks_take_the_directory(tmp_path):
    with (compat.lock('one', 1.0, str(tmp_path)),
          pytest.raises(exception.Busy),
          compat.lock('one', timeout=0.01, lock_path=str(tmp_path))):
        pass
    assert (tmp_path / 'manila-one').exists()


def test_root_goes_through_sudo():
    assert compat.root_helper() == 'sudo -n'

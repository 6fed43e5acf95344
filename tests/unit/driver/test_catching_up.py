# SPDX-License-Identifier: Apache-2.0

"""Drivers check what they owe, and owe it until it is really gone."""

import uuid

import pytest

from manila_drivers import driver as skin
from manila_drivers import exception
from manila_drivers import owed
from tests.unit.driver import made


class Storage:
    """Manila's private storage in memory."""

    def __init__(self):
        self.kept = {}

    def get(self, entity, key=None, default=None):
        return dict(self.kept.get(entity, {}))

    def update(self, entity, details, delete_existing=False):
        self.kept.setdefault(entity, {}).update(details)

    def delete(self, entity, key=None):
        for each in key or list(self.kept.get(entity, {})):
            self.kept.get(entity, {}).pop(each, None)


class Away:
    """A backend that answers nothing, until it does."""

    failure = exception.Unreachable('gone')
    statistics_failure = None

    def __init__(self):
        self.shares = self.health = self.stats = self
        self.checked = []

    def delete(self, call):
        if self.failure:
            raise self.failure

    def ensure(self, calls):
        self.checked += [call.share.id for call in calls]
        return {call.share.id: owed.unfinished('503') for call in calls}

    def read(self):
        if self.statistics_failure:
            raise self.statistics_failure
        return {}

    def check(self):
        pass

    def close(self):
        pass

    def info(self):
        return {}


class Driver(skin.ShareDriver):

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **{**kwargs, 'private_storage': Storage()})

    def build_backend(self):
        return Away()


@pytest.fixture
def driver(tmp_path):
    driver = made.make(tmp_path, Driver)
    driver.do_setup(None)
    return driver


def row():
    return {'id': str(uuid.uuid4()), 'size': 1, 'share_proto': 'NFS'}


def test_a_delete_that_fails_leaves_the_share_owed(driver):
    share = row()
    driver.ensure_shares(None, [share])
    with pytest.raises(Exception, match='gone'):
        driver.delete_share(None, share)
    driver._backend.checked.clear()
    driver.get_share_stats(refresh=True)
    assert driver._backend.checked == [share['id']]
    driver._backend.failure = None
    driver.delete_share(None, share)
    driver._backend.checked.clear()
    driver.get_share_stats(refresh=True)
    assert driver._backend.checked == []


@pytest.mark.parametrize(('failure', 'checks'), [
    (exception.AccessDenied('no right to capacity'), True),
    (ValueError('capacity'), True),
    (exception.Unreachable('silence'), False)])
def test_statistics_that_fail_do_not_stop_what_is_owed(driver, failure,
                                                       checks):
    """But where nobody answers nothing else is asked in vain."""
    share = row()
    driver.ensure_shares(None, [share])
    driver._backend.checked.clear()
    driver._backend.statistics_failure = failure
    driver.get_share_stats(refresh=True)
    assert driver._backend.checked == [share['id']] * checks

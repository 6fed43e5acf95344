# SPDX-License-Identifier: Apache-2.0

"""A driver tells its metrics what it does, and what its backend is like."""

import threading

import pytest

from manila_drivers import compat
from manila_drivers import driver
from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.driver import observing
from manila_drivers.nas import exports
from manila_drivers.nas import pending
from manila_drivers.transport import meter
from tests.unit.driver import made

SHARE = {'id': 'i1', 'share_id': 's1'}


class Told:
    """Remembers what it is told, and may fail."""

    def __init__(self):
        self.lines = []
        self.broken = False

    def _note(self, *words):
        self.lines.append(words)
        if self.broken:
            raise RuntimeError('no room')

    def begun(self, operation):
        self._note('begun', operation)

    def ended(self, operation, seconds, error):
        assert seconds >= 0
        self._note('ended', operation, type(error).__name__)

    def round_trip(self, operation, kind, seconds, error):
        self._note('trip', operation, kind, seconds, error)


class Watching(made.Pooled):
    """Does whatever a test says."""

    @driver.driver_call
    def create_share(self, context, share, share_server=None):
        return self.act()

    @driver.driver_call
    def ensure_share(self, context, share, share_server=None):
        return self.create_share(context, share)


@pytest.fixture
def watching(tmp_path):
    one = made.make(tmp_path, Watching)
    one.told = one.observer = Told()
    return one


def test_round_trips_are_told_at_once(watching):
    def act():
        meter.count('REST', 0.5)
        assert watching.told.lines[-1] == (
            'trip', 'create_share', 'REST', 0.5, None)
    watching.act = act

    watching.create_share(None, SHARE)

    assert watching.told.lines[0] == ('begun', 'create_share')
    assert watching.told.lines[-1] == ('ended', 'create_share', 'NoneType')


def test_threads_that_outlive_an_operation_are_counted(watching):
    go_on = threading.Event()

    def act():
        watching.thread = threading.Thread(target=meter.carried(
            lambda: (go_on.wait(20), meter.count('SSH login', 1.0))))
        watching.thread.start()
    watching.act = act
    watching.create_share(None, SHARE)

    go_on.set()
    watching.thread.join(20)

    assert watching.told.lines[-1][:3] == ('trip', 'create_share',
                                           'SSH login')


def test_errors_are_told_as_they_are_before_manila_sees_them(watching):
    def act():
        raise exception.NoRoom('It is full')
    watching.act = act

    with pytest.raises(compat.errors.ShareBackendException):
        watching.create_share(None, SHARE)

    assert watching.told.lines[-1] == ('ended', 'create_share', 'NoRoom')


def test_a_part_of_an_operation_is_none_of_its_own(watching):
    watching.act = lambda: meter.count('REST', 0.5)

    watching.ensure_share(None, SHARE)

    assert [line[:2] for line in watching.told.lines] == [
        ('begun', 'ensure_share'), ('trip', 'ensure_share'),
        ('ended', 'ensure_share')]


def test_a_dry_run_is_told_as_one(watching):
    watching.act = lambda: meter.count('REST', 0.5)

    with plan.dry_run():
        watching.create_share(None, SHARE)

    assert {line[1] for line in watching.told.lines} == {'dry_run'}


def test_what_statistics_keep_back_is_told(watching):
    watching.failure = exception.Unreachable('It is away')

    assert watching.get_share_stats(refresh=True)

    assert watching.told.lines[-1] == ('ended', 'get_share_stats',
                                       'Unreachable')


def test_nothing_is_kept_back_from_nobody():
    observing.kept_back(KeyError())


def test_an_observer_that_fails_lets_operations_go_on(watching):
    watching.told.broken = True
    watching.act = lambda: [meter.count('REST', 0.5), 'done'][1]

    assert watching.create_share(None, SHARE) == 'done'
    assert len(watching.told.lines) == 3


def test_an_error_of_a_round_trip_is_told():
    found = []
    with meter.measure(lambda *words: found.append(words)) as trips:
        with pytest.raises(exception.OutcomeUnknown), meter.trip('SSH'):
            raise exception.OutcomeUnknown('a')
        with pytest.raises(exception.BackendError), meter.trip('SSH'):
            raise exception.BackendError('the host said no')
        with meter.trip('SSH'):
            pass

    assert trips.counts == {'SSH': 3}
    assert [type(error).__name__ for _, _, error in found] == [
        'OutcomeUnknown', 'NoneType', 'NoneType']


def test_a_meter_within_tells_the_one_around():
    found = []
    with meter.measure(lambda *words: found.append(words)):
        with meter.measure():
            meter.count('REST', 1.0)

    assert found == [('REST', 1.0, None)]


def test_the_constructor_of_a_driver_opens_nothing(tmp_path):
    one = made.make(tmp_path, made.Pooled)

    assert not one.metrics.running
    assert one.option('metrics_port') is None
    assert one.option('metrics_address') == '127.0.0.1'


def test_what_is_owed_is_counted_without_asking(tmp_path):
    one = made.make(tmp_path, made.Pooled)
    assert one._owed.kinds() is None
    one._owed.ensured([SHARE, {'id': 'i2'}, {'id': 'i3'}], {
        'i2': {'reapply_access_rules': True},
        'i3': {'status': 'available'}})

    assert one._owed.kinds() == {'check': 1, 'tell': 0, 'rules': 1}


def test_exports_that_servers_have_missed_are_counted():
    changes = pending.PendingChanges(None, 'gpfs', 'alpha')
    assert changes.counts() == {}

    changes.missed(['nfs1'], [exports.Export(path, path[1:], path, {})
                              for path in ('/a', '/b')])

    assert changes.counts() == {'nfs1': 2}
    changes.seen({'nfs1': ['/a', '/b']})
    assert changes.counts() == {}

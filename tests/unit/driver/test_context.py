# SPDX-License-Identifier: Apache-2.0

"""Test what every public call has in common."""

import inspect
import io
import logging
import threading

from oslo_log import formatters
from oslo_log import log
import pytest

from manila_drivers import compat
from manila_drivers import driver
from manila_drivers import exception
from manila_drivers import model
from manila_drivers.transport import meter
from tests.unit.driver import made

errors = compat.errors

LOGGER = 'manila_drivers.driver.context'


class Busy(driver.ShareDriver):
    """Does what it is told."""

    def __init__(self, *args, **kwargs):
        self.act = lambda: None
        super().__init__(False, *args, **kwargs)

    @driver.driver_call
    def create_share(self, context, share, share_server=None):
        """Make a share."""
        return self.act()

    @driver.driver_call
    def update_access(self, context, share, access_rules, add_rules=None,
                      delete_rules=None, update_rules=None,
                      share_server=None, **kwargs):
        return kwargs or self.act()

    @driver.driver_call
    def shrink_share(self, share, new_size, share_server=None, **kwargs):
        return self.act()

    @driver.driver_call(periodic=True)
    def update_share_usage_size(self, context, shares):
        return self.act()

    @driver.driver_call
    def get_backend_info(self, context):
        return self.act()


@pytest.fixture
def busy(tmp_path, caplog):
    caplog.set_level(logging.DEBUG, LOGGER)
    return made.make(tmp_path, Busy)


@pytest.fixture
def lines(caplog):
    def found():
        return [(record.levelname, record.getMessage())
                for record in caplog.records if record.name == LOGGER]
    return found


SHARE = {'id': 'i1', 'share_id': 's1'}


def two_trips():
    meter.count('rest', 0.01)
    meter.count('rest', 0.02)
    return ['a:/b']


def test_one_line_says_it_all(busy, lines):
    busy.act = two_trips

    assert busy.create_share(None, SHARE) == ['a:/b']

    [(level, line)] = lines()
    assert level == 'INFO'
    assert line.startswith('Busy.create_share done: backend ALPHA, id i1, '
                           '2 rest in 0.030 s of ')


def test_periodic_calls_are_quiet(busy, lines):
    busy.update_share_usage_size(None, [SHARE, SHARE])

    [(level, line)] = lines()
    assert level == 'DEBUG'
    assert 'id 2 shares' in line


@pytest.mark.parametrize('share', [SHARE, model.Share(id='i1')])
def test_the_object_is_found_however_it_is_passed(busy, lines, share):
    busy.create_share(None, share)
    busy.create_share(None, share=share)
    busy.create_share(context=None, share=share, share_server=None)

    assert ['id i1,' in line for _, line in lines()] == [True] * 3


def test_calls_about_nothing(busy, lines):
    busy.get_backend_info(None)

    [(_, line)] = lines()
    assert 'backend ALPHA, id -, no round trip' in line


@pytest.mark.parametrize('failure', [
    exception.BackendError('Said no.'), ValueError('a\nbug')])
def test_failures_are_one_line_too(busy, lines, failure):
    def fail():
        meter.count('rest', 0.5)
        raise failure

    busy.act = fail
    with pytest.raises((errors.ManilaException, ValueError)):
        busy.create_share(None, SHARE)

    [(level, line)] = lines()
    assert level == 'WARNING'
    assert line.startswith('Busy.create_share failed: backend ALPHA, id i1, '
                           '1 rest in 0.500 s of ')
    assert line.endswith((': BackendError: Backend ALPHA: Said no.',
                          ': ValueError: a bug'))


def test_unknown_arguments_are_ignored(busy, lines):
    assert busy.create_share(None, SHARE, share_server=None,
                             future='x') is None

    assert lines()[0] == ('DEBUG',
                          "create_share: ignoring arguments ['future']")


def test_methods_may_ask_for_unknown_arguments(busy):
    assert busy.update_access(None, SHARE, [], future='x') == {'future': 'x'}


def test_missing_arguments_are_still_an_error(busy):
    with pytest.raises(TypeError, match='share'):
        busy.create_share(None)


def test_signatures_stay_and_are_open(busy):
    assert str(inspect.signature(busy.create_share)) == (
        '(context, share, share_server=None, **kwargs)')
    assert str(inspect.signature(busy.update_access)) == (
        '(context, share, access_rules, add_rules=None, delete_rules=None, '
        'update_rules=None, share_server=None, **kwargs)')
    assert busy.create_share.__name__ == 'create_share'
    assert busy.create_share.__doc__ == 'Make a share.'


def test_our_errors_become_manilas(busy):
    cause = exception.BackendError('Said no.', answer='507 full',
                                   check='the quota')

    def fail():
        raise cause

    busy.act = fail
    with pytest.raises(errors.ShareBackendException) as caught:
        busy.create_share(None, SHARE)

    assert caught.value.__cause__ is cause
    assert ('Backend ALPHA: Said no. Answer: 507 full Check: the quota'
            in caught.value.msg)


def test_the_deepest_layer_knows_the_backend_best(busy):
    def fail():
        raise exception.BackendError('Said no.', backend='BETA')

    busy.act = fail
    with pytest.raises(errors.ShareBackendException, match='Backend BETA:'):
        busy.create_share(None, SHARE)


def test_bugs_pass_unchanged(busy):
    bug = KeyError('x')

    def fail():
        raise bug

    busy.act = fail
    with pytest.raises(KeyError) as caught:
        busy.create_share(None, SHARE)
    assert caught.value is bug


def test_manilas_own_pass_unchanged(busy):
    own = errors.ManageExistingShareTypeMismatch(reason='r')

    def fail():
        raise own

    busy.act = fail
    with pytest.raises(errors.ManageExistingShareTypeMismatch) as caught:
        busy.create_share(None, SHARE)
    assert caught.value is own


def not_implemented():
    raise NotImplementedError('no such thing')


def test_not_implemented_never_escapes_from_update_access(busy):
    busy.act = not_implemented

    with pytest.raises(errors.ShareBackendException, match='no such thing'):
        busy.update_access(None, SHARE, [])


def test_not_implemented_is_an_answer_elsewhere(busy, lines):
    busy.act = not_implemented

    with pytest.raises(NotImplementedError):
        busy.get_backend_info(None)
    [(level, line)] = lines()
    assert level == 'DEBUG'
    assert 'get_backend_info not implemented' in line


def test_shrinking_that_is_not_supported_leaves_the_share_available(busy):
    def fail():
        raise exception.Unsupported('No shrinking.')

    busy.act = fail
    with pytest.raises(NotImplementedError, match='No shrinking'):
        busy.shrink_share(SHARE, 1)


def test_details_for_the_operator_are_passed_on(busy):
    cause = exception.BackendError('Half made.')
    cause.detail_data = {'export_locations': ['a:/b']}

    def fail():
        raise cause

    busy.act = fail
    with pytest.raises(errors.ShareBackendException) as caught:
        busy.create_share(None, SHARE)
    assert caught.value.detail_data == {'export_locations': ['a:/b']}


def test_64_threads_count_for_themselves(tmp_path, caplog):
    caplog.set_level(logging.INFO, LOGGER)
    busy = made.make(tmp_path, Busy)
    gate = threading.Barrier(64)

    def act():
        gate.wait(30)
        for _ in range(int(threading.current_thread().name)):
            meter.count('rest', 0.001)

    busy.act = act
    threads = [threading.Thread(
        target=busy.create_share, name=str(number),
        args=(None, {'id': f'i{number}'})) for number in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    told = {record.args[3]: record.args[4].calls
            for record in caplog.records if record.name == LOGGER}
    assert told == {f'i{number}': number for number in range(64)}


def test_do_setup_may_be_repeated(busy):
    for _ in range(2):
        busy.do_setup(None)
        busy.check_for_setup_error()


@pytest.mark.parametrize('error', [
    exception.BackendError('The share was not made', answer='disk on fire'),
    RuntimeError('disk on fire')])
def test_a_failure_is_told_once_in_a_line(tmp_path, error):
    """oslo.log appends the exception that is being handled, if any."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    # Inside Manila the global one has been parsed already.
    conf = log.cfg.ConfigOpts()
    log.register_options(conf)
    conf([], project='told', default_config_files=[])
    handler.setFormatter(formatters.ContextFormatter(
        fmt='%(message)s', config=conf))
    logging.getLogger(LOGGER).addHandler(handler)
    try:
        one = made.make(tmp_path, Busy)

        def act():
            raise error
        one.act = act
        with pytest.raises(Exception, match='disk on fire'):
            one.create_share(None, {'id': 'a'})
    finally:
        logging.getLogger(LOGGER).removeHandler(handler)
    (line,) = stream.getvalue().splitlines()
    assert line.count('disk on fire') == 1

# SPDX-License-Identifier: Apache-2.0

"""The cost of many rules and of many shares."""

import contextlib
import time
import uuid

import pytest

from manila_drivers import access
from manila_drivers import model
from manila_drivers.ibm.gpfs.access import AccessService
from manila_drivers.nas import pending
from tests.unit.nas import test_helpers
from tests.unit.nas import world

# Seconds that are computed, whoever else is busy.  Where every network was
# compared with every other, or all shares were looked at for the sake of
# one, each of these took five to fifty times as long.

@pytest.fixture(params=['KNFS', 'GNFS'])
def exports(request):
    site = test_helpers.site(request.param)
    return site, AccessService(
        site.helper, '/gpfs0/{}'.format,
        pending.PendingChanges(None, 'gpfs', 'some'),
        lambda name, patience: contextlib.nullcontext())


def seconds(call):
    begin = time.process_time()
    call()
    return time.process_time() - begin


def share(number):
    return model.Share(id=str(uuid.UUID(int=number + 1)),
                       name=f'share-{number}')


def rule(to, level='rw'):
    return access.Rule(to, 'ip', to, level)


@pytest.mark.parametrize(('rules', 'level'), [
    ([f'10.{n // 250}.{n % 250}.7' for n in range(2000)], 'rw'),
    ([f'{n * 3}.{n}.0.0/24' for n in range(80)], 'ro')],
    ids=['many addresses', 'networks that are cut out'])
def test_one_more_rule_among_many(exports, rules, level):
    _, exporting_ = exports
    wanted = [rule('0.0.0.0/0'), *(rule(to, level) for to in rules)]
    assert exporting_.set_rules(share(1), wanted, dict) == {}
    assert seconds(lambda: exporting_.set_rules(
        share(1), [*wanted, rule('2001:db8::1')], dict)) < 5


def test_one_share_among_many(exports):
    site, exporting_ = exports
    wanted = [world.export({f'10.{n}.{m}.1': 'rw' for m in range(20)},
                           path=f'/gpfs0/share-{n}', name=f'share-{n}',
                           fsid=share(n).id) for n in range(120)]
    site.helper.reconcile(wanted)
    assert seconds(lambda: exporting_.set_rules(
        share(7), [rule('10.9.9.9')], dict)) < 1

# SPDX-License-Identifier: Apache-2.0

"""Two hosts on one registry, which is a real PostgreSQL or MariaDB."""

import collections
import concurrent.futures
import contextlib
import gc
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
import uuid

import pytest
import sqlalchemy as sa

from manila_drivers import exception
from manila_drivers.audit import differences
from manila_drivers.registry import engine
from manila_drivers.registry import records
from manila_drivers.registry import registry
from manila_drivers.registry import revisions
from tests import needs
from tests import patience
from tests.functional.registry import mariadb
from tests.functional.registry import postgres
from tests.unit.direct import bench

# PyMySQL leaves the sockets of connections that were refused to the collector.
pytestmark = pytest.mark.filterwarnings(
    'ignore::pytest.PytestUnraisableExceptionWarning')
ROUNDS = int(os.environ.get('MANILA_DRIVERS_ROUNDS', '40'))


SERVERS = {'PostgreSQL': (postgres.programs, postgres.Postgres),
           'MariaDB': (mariadb.programs, mariadb.Mariadb)}


@pytest.fixture(scope='module', params=sorted(SERVERS))
def server(request):
    programs, make = SERVERS[request.param]
    if programs() is None:
        needs.missing(f'{request.param} is not installed')
    with make() as made:
        yield made
    # Here, and not in a test of another module.
    gc.collect()


@pytest.fixture
def url(server):
    return server.database('r' + uuid.uuid4().hex)


@pytest.fixture
def made(url):
    found = registry.Registry(url, seconds=5)
    yield found
    found.close()


def worker(place, rounds, name):
    # A state_path of its own: as two hosts, they share no files.
    conf = place.conf.with_name(f'{name}.conf')
    conf.write_text(place.conf.read_text().replace(
        'state_path = ', f'state_path = {place.conf.parent}/{name}\n#'))
    return subprocess.Popen(
        [sys.executable, '-m', 'tests.functional.registry.worker', str(conf),
         'vast', str(rounds), name], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, env=dict(os.environ))


def ended(child):
    output, errors = child.communicate(timeout=patience.seconds(600))
    return child.returncode, output.splitlines(), errors


@pytest.mark.timeout(900)
@pytest.mark.turns
def test_two_processes_lose_no_share_and_make_none_twice(url, tmp_path):
    with bench.bench('vast', tmp_path, registry_connection=url) as place:
        children = [worker(place, ROUNDS, name) for name in ('one', 'two')]
        results = [ended(child) for child in children]
        for code, lines, errors in results:
            assert (code, lines[-1:]) == (0, [str(ROUNDS - 1)]), errors[-3000:]
        assert place.cluster.inventory() == place.empty
        with place.backend() as backend:
            assert backend.shares.list() == []
            assert backend.registry.private_data is not None
        asked = collections.Counter(
            re.sub(r'/\d+/', '/N/', line)
            for line in place.cluster.requests(0))
        made = asked['POST /api/v1/views/ 201']
        # Those of their own, and of those in common at least one.
        assert made >= ROUNDS + ROUNDS // 3
        assert made == sum(
            count for line, count in asked.items() if re.fullmatch(
                r'DELETE /api/v1/views/N/ 2\d\d', line)), asked


@pytest.mark.timeout(600)
@pytest.mark.turns
def test_what_killed_processes_leave_is_converged_from(url, tmp_path):
    chosen = random.Random(1)
    with bench.bench('vast', tmp_path, registry_connection=url) as place:
        steady = worker(place, 60, 'steady')
        for number in range(8):
            child = worker(place, 1000, 'killed')
            child.stdout.readline()
            time.sleep(chosen.uniform(0, 0.5))
            child.send_signal(signal.SIGKILL)
            child.communicate()
            assert number is not None
        code, lines, errors = ended(steady)
        assert (code, lines[-1:]) == (0, ['59']), errors[-3000:]
        # Whatever is recorded is repeated: it is all that there is.
        with place.backend() as backend:
            for share in backend.shares:
                share.delete()
            assert backend.shares.list() == []
        assert place.cluster.inventory() == place.empty


UNFINISHED = {differences.UNFINISHED_SHARE, differences.UNFINISHED_RULE}


@pytest.mark.timeout(600)
@pytest.mark.turns
def test_an_audit_finds_what_a_kill_has_left_and_ends_it(url, tmp_path):
    chosen, caught = random.Random(2), 0
    with bench.bench('vast', tmp_path, registry_connection=url) as place:
        for _ in range(20):
            child = worker(place, 1000, 'killed')
            child.stdout.readline()
            time.sleep(chosen.uniform(0, 0.3))
            child.send_signal(signal.SIGKILL)
            child.communicate()
            with place.backend() as backend:
                begun = {one.id for one in backend.registry.shares.all()
                         if one.task} | {
                    one.share_id for one in backend.registry.rules.all()
                    if one.state != 'active'}
                report = backend.audit()
                assert {one.ident for one in report.differences
                        if one.kind in UNFINISHED} == begun, report
                assert backend.repair(report, widen=True) == []
                assert backend.audit().differences == ()
                for share in backend.shares:
                    share.delete()
            assert place.cluster.inventory() == place.empty
            caught += bool(begun)
            if caught == 3:
                break
        assert caught == 3


def test_a_server_that_restarts_is_found_again(server, made):
    one = made.shares.add(records.ShareEntry(
        str(uuid.uuid4()), 'b', 'one', 'NFS', 1, 'available'))
    server.stop()
    with pytest.raises(exception.Unreachable) as caught:
        made.shares.get(one.id)
    assert postgres.PASSWORD not in str(caught.value)
    server.start()
    assert made.shares.get(one.id).name == 'one'
    assert made.shares.change(one, size=2).version == 2


def test_a_wrong_password_is_not_told(url):
    with pytest.raises(exception.Unreachable) as caught:
        registry.Registry(url.replace(postgres.PASSWORD, 'wrong-secret-7'))
    assert 'wrong-secret-7' not in str(caught.value)
    assert 'registry_connection' in str(caught.value)


def test_a_row_that_others_keep_is_waited_for_so_long(made):
    one = made.shares.add(records.ShareEntry(
        str(uuid.uuid4()), 'b', 'one', 'NFS', 1, 'available'))
    entered, leave = threading.Event(), threading.Event()

    def stay():
        with made.database.begin() as connection:
            connection.exec_driver_sql('SELECT * FROM shares FOR UPDATE')
            entered.set()
            leave.wait(20)
    with concurrent.futures.ThreadPoolExecutor(1) as threads:
        stayed = threads.submit(stay)
        assert entered.wait(10)
        started = time.monotonic()
        with pytest.raises(exception.Busy, match='timeout'):
            made.shares.change(one, size=2)
        assert time.monotonic() - started < 9
        leave.set()
        stayed.result(10)


def test_one_of_many_threads_holds_a_lease(made):
    inside, most = [], []

    def work(number):
        with made.leases.hold(['a', 'b'], 60):
            inside.append(number)
            most.append(len(inside))
            time.sleep(0.001)
            inside.remove(number)
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(60)))
    assert most == [1] * 60


def test_all_writers_of_private_data_are_heard(made):
    entity = str(uuid.uuid4())

    def write(number):
        made.private_data.update(entity, {'same': number,
                                          f'own-{number}': number})
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        list(threads.map(write, range(24)))
    assert len(made.private_data.get(entity)) == 25


def test_who_comes_first_has_ended_when_the_next_one_begins(url):
    """A commit that takes its time is waited for."""
    def come(_):
        database = engine.Database(url, 20)
        sa.event.listen(database.engine, 'commit', lambda _: time.sleep(0.2))
        with contextlib.closing(database):
            return revisions.upgrade(database, 20)
    with concurrent.futures.ThreadPoolExecutor(3) as threads:
        found = list(threads.map(come, range(3)))
    assert sorted(found) == [0] * 2 + [len(revisions.REVISIONS)]


def test_who_comes_first_at_once_makes_one_registry(url):
    def come(_):
        with contextlib.closing(registry.Registry(url, seconds=20)) as found:
            return found.upgraded
    with concurrent.futures.ThreadPoolExecutor(6) as threads:
        found = list(threads.map(come, range(6)))
    assert sorted(found) == [0] * 5 + [len(revisions.REVISIONS)]

# SPDX-License-Identifier: Apache-2.0
"""Lists of VMS: told in pages, once each, and complete or refused."""

import pytest

from manila_drivers import exception
from manila_drivers.vastdata import answers
from manila_drivers.vastdata import cluster_records
from manila_drivers.vastdata import paths
from manila_drivers.vastdata import records
from tests.unit.vastdata.conftest import share


def views(bench, driver):
    return [view.name for view in driver._backend.repository.views()]


@pytest.mark.parametrize('links', ['full', 'page', 'none'])
def test_all_pages_are_read_whatever_leads_to_them(bench, links):
    driver = bench.start()
    shares = [share() for _ in range(7)]
    for one in shares:
        driver.create_share(None, one)
    bench.sim.options.links = links
    bench.sim.options.max_page_size = 2
    assert {one['id'] for one in shares} <= set(views(bench, driver))


def walk(*pages):
    """Names that a list has whose pages are answered one by one."""
    found = answers.Walk('views', (('page_size', '2'),))
    rows, asked = [], []
    for page in pages:
        asked.append(dict(found.query))
        rows += [row['id'] for row in found.take(page)]
    return rows, asked, found.query


def page(*idents, count=None, link=None):
    return {'count': count, 'next': link,
            'results': [{'id': ident} for ident in idents]}


NEXT = 'https://other/api/v1/views/?page=%d'


def test_a_link_keeps_what_was_asked_for():
    _, asked, _ = walk(page(1, 2, link=NEXT % 2), page(3))
    assert asked[1] == {'page_size': '2', 'page': '2'}


def test_an_empty_page_with_a_link_is_not_the_end():
    rows, _, left = walk(page(1, link=NEXT % 2), page(link=NEXT % 3),
                         page(2))
    assert (rows, left) == ([1, 2], None)


def test_a_record_that_moved_to_the_next_page_is_told_once():
    rows, _, left = walk(page(1, 2, link=NEXT % 2, count=3),
                         page('2', 3, count=4))
    assert (rows, left) == ([1, 2, 3], None)


@pytest.mark.parametrize('pages', [
    # The same link over and over.
    [page(1, 2, link=NEXT % 2), page(3, 4, link=NEXT % 2)],
    # More than shown, and the page number is ignored.
    [page(1, 2, count=5), page(1, 2, count=5)],
    [page(1, 2, count=5), page(count=5)]])
def test_a_list_that_is_cut_is_not_taken_for_the_whole(pages):
    with pytest.raises(exception.BackendError, match='the rest'):
        walk(*pages)


def test_a_list_may_become_shorter_while_it_is_read(bench):
    driver = bench.start()
    bench.sim.options.max_page_size = 1
    shares = [share(), share()]
    for one in shares:
        driver.create_share(None, one)
    listed = driver._backend.vms.list('quotas', records.Quota.of)
    next(listed)
    for one in shares:
        bench.sim.remove('quota', one['id'])
    assert list(listed) == []


# Numbers and addresses, as other versions write them

@pytest.mark.parametrize(('told', 'number'), [
    ('7', 7), ('7.0', 7), (7.0, 7), ('1073741824.0', 2 ** 30),
    (' 7 ', 7), ('1e3', 1000)])
def test_numbers_may_come_as_text_and_with_a_point(told, number):
    assert records.number({'n': told}, 'n') == number


@pytest.mark.parametrize('told', ['', 'seven', 'nan', 'inf', True, [], '7_0'])
def test_what_is_no_number_is_none(told):
    with pytest.raises(ValueError, match='not a number'):
        records.number({'n': told}, 'n')


QUOTA = {'id': 1, 'name': 'n', 'path': '/p', 'tenant_id': 1}


def test_usage_below_nothing_is_not_told():
    quota = records.Quota.of({**QUOTA, 'hard_limit': -1,
                              'used_effective_capacity': -1})
    assert (quota.used, quota.hard_limit) == (None, 0)


@pytest.mark.parametrize('pair', [
    ['10.0.0.1'], ['10.0.0.1', None], ['10.0.0.1', ''],
    ['10.0.0.1', '10.0.0.1']])
def test_a_range_of_one_address(pair):
    pool = cluster_records.VipPool.of({'id': 1, 'name': 'p',
                                       'ip_ranges': [pair]})
    assert paths.first_addresses(pool.ranges, 4) == ('10.0.0.1',)


def test_a_range_of_two_families_is_refused():
    with pytest.raises(exception.BackendError, match='range'):
        paths.first_addresses([('10.0.0.1', 'fd00::1')], 4)


@pytest.mark.parametrize('host', ['FD00::0:1', 'fd00::1', 'NAS.example.org'])
def test_an_address_to_manage_may_be_written_in_other_ways(bench, host):
    driver = bench.start(vast_export_addresses='fd00::1,nas.example.org')
    driver._backend.adoption._check_host(host, 'x')

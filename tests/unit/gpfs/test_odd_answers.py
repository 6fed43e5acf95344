# SPDX-License-Identifier: Apache-2.0

"""Answers of success that do not say what they were asked for."""

import pytest

from manila_drivers import compat
from manila_drivers import exception
from manila_drivers.ibm.gpfs import assessment
from manila_drivers.ibm.gpfs import listing
from manila_drivers.ibm.gpfs import records
from manila_drivers.transport import command

errors = compat.errors
GIB = records.GIB_IN_KIB
Quota = records.FilesetQuota
CMD = command.Command.of('mmlsquota', '-Y')


def printed(text, status=0, stderr=''):
    return command.Result(text, stderr, status)


# Lists

HEADER = 'mmx:s:HEADER:version:reserved:reserved:name:'


@pytest.mark.parametrize('text', [
    'mmx:s:0:1:::a:', f'mmx:s:0:1:::a:\n{HEADER}\nmmx:s:0:1:::b:',
    f'{HEADER}\nmmx:other:0:1:::b:', f'{HEADER}\nmmx::0:1:::b:'])
def test_a_row_without_a_header_is_not_passed_over(text):
    """Else an object that it tells of would be taken for gone."""
    with pytest.raises(listing.Unreadable):
        listing.rows(text, 'mmx')


@pytest.mark.parametrize(('text', 'section', 'names'), [
    (f'{HEADER}\nmmx:s:0:1:::a:', '', ['a']),
    (f'{HEADER}\nmmx:s:0:1:::a:\nmmx:other:0:1:::b:', 's', ['a']),
    (f'{HEADER}\nmmy:s:0:1:::a:\nmmx: some remark', '', []),
    (HEADER, '', [])])
def test_other_text_is(text, section, names):
    assert [row['name'] for row in listing.rows(text, 'mmx', section)] \
        == names


@pytest.mark.parametrize('first', [False, True])
def test_a_snapshot_whose_row_is_not_understood_is_not_gone(place, first):
    share = place.manager.create()
    snapshot = place.manager.create_snapshot(share)
    run = place.sim.run

    def odd(words, *more):
        found = run(words, *more)
        if words[0].rpartition('/')[2] != 'mmlssnapshot':
            return found
        header, *rows = found.stdout.splitlines()
        return printed('\n'.join([*rows, header] if first else [
            header, *(row.replace('mmlssnapshot::', 'mmlssnapshot:new:')
                      for row in rows)]) + '\n')

    place.sim.run = odd
    place.sim.options.left_out = ()
    with pytest.raises(errors.ManilaException):
        place.driver.delete_share(None, place.manager.row(share))
    place.sim.run = run
    assert f'share-{share.id}' in place.sim.state.filesets
    place.manager.delete_snapshot(snapshot)


def test_a_fileset_that_one_list_has_and_the_other_denies(place):
    """The second question went to something else, or is late."""
    share = place.manager.create()
    snapshot = place.manager.create_snapshot(share)
    run = place.sim.run

    def odd(words, *more):
        if words[0].rpartition('/')[2] != 'mmlssnapshot':
            return run(words, *more)
        return printed('', 1, f'mmlssnapshot: The fileset share-{share.id} '
                              f'does not exist.\n')

    place.sim.run = odd
    with pytest.raises(errors.ManilaException, match='is there, and'):
        place.driver.delete_share(None, place.manager.row(share))
    place.sim.run = run
    assert place.sim.state.filesets[f'share-{share.id}'].snapshots
    place.manager.delete_snapshot(snapshot)


# Quotas

QUOTAS = ('mmlsquota::HEADER:version:reserved:reserved:name:quotaType:'
          'blockUsage:blockLimit:blockInDoubt:\n')


@pytest.mark.parametrize(('usage', 'limit', 'doubt', 'quota'), [
    ('1', '2', '3', Quota('a', 1, 3, 2)), ('-1', '2', '0', None),
    ('1', '-2', '0', None), ('', '2', '0', None), ('1', 'none', '0', None),
    ('1', '2', '-3', Quota('a', 1, 0, 2)), ('1', '2', '', Quota(
        'a', 1, None, 2)), ('1', '2', '-', Quota('a', 1, None, 2))])
def test_numbers_of_blocks(usage, limit, doubt, quota):
    found = records.quotas(CMD, printed(
        f'{QUOTAS}mmlsquota::0:1:::a:FILESET:{usage}:{limit}:{doubt}:\n'))
    assert found.get('a') == quota


@pytest.mark.parametrize(('quota', 'given', 'size'), [
    (Quota('a', GIB, 0, 3 * GIB), None, 3),
    # What is in doubt may go beyond the limit.
    (Quota('a', GIB, 5 * GIB, 3 * GIB), None, 3),
    (Quota('a', GIB, 5 * GIB, 3 * GIB), 3, 3),
    (Quota('a', GIB, None, 3 * GIB), None, 3),
    (Quota('a', GIB, None, 3 * GIB), 4, 4),
    # A limit that is new, or smaller, has room for it.
    (Quota('a', GIB, 5 * GIB, 9 * GIB), 6, 6),
    (Quota('a', GIB, 5 * GIB, 9 * GIB), 5, 'needed'),
    (Quota('a', GIB, None, 9 * GIB), 5, 'does not tell'),
    (Quota('a', GIB, 5 * GIB, 0), None, 6),
    (Quota('a', GIB, 5 * GIB, 0), 6, 6),
    (Quota('a', GIB, 5 * GIB, 0), 5, 'needed'),
    (Quota('a', GIB, None, 0), None, 'does not tell'),
    (Quota('a', GIB, None, 0), 5, 'does not tell'),
    (Quota('a', GIB, 0, 0), 'x', 'needed'), (None, 5, 'no usage')])
def test_the_size_of_a_fileset_that_is_managed(quota, given, size):
    options = {} if given is None else {'size': given}
    if isinstance(size, int):
        assert assessment.size_of('a', quota, options, 1) == size
        return
    with pytest.raises(exception.NotManageable, match=size):
        assessment.size_of('a', quota, options, 1)

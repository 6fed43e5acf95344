# SPDX-License-Identifier: Apache-2.0

"""One odd row, host or share does not hide or stop the others."""

import pytest

from manila_drivers import compat
from manila_drivers import exception
from manila_drivers.ibm.gpfs import assessment
from manila_drivers.ibm.gpfs import records
from manila_drivers.model import GiB
from manila_drivers.model import Share
from manila_drivers.transport import command

errors = compat.errors
Quota = records.FilesetQuota
KIB = GiB // 1024


def answering(place, name, change):
    """Have a command of the cluster answer something else."""
    run = place.sim.run

    def changed(words, *more):
        result = run(words, *more)
        if words[0].rpartition('/')[2] != name:
            return result
        return command.Result(change(result.stdout), result.stderr,
                              result.status)

    place.sim.run = changed


def ragged(*names):
    """Give rows of these names more values than there are columns."""
    def change(text):
        return ''.join(
            line.rstrip('\n') + ('a:comment:with:colons:\n' if any(
                f':{name}:' in line for name in names) else '\n')
            for line in text.splitlines(keepends=True))
    return change


@pytest.mark.parametrize('name', ['mmlsfileset', 'mmrepquota'])
def test_a_row_that_is_too_long_hides_no_other(place, name):
    """An administrator's fileset, or a share, has one."""
    shares = [place.manager.create(size=1) for _ in range(3)]
    place.sim.make_fileset('foreign', '/gpfs0/foreign')
    odd = shares[0]
    answering(place, name, ragged('foreign', f'share-{odd.id}'))
    answering(place, 'mmlsquota', ragged(f'share-{odd.id}'))
    for share in shares:
        place.sim.state.filesets[f'share-{share.id}'].limit_kib = 5 * KIB
    found = place.manager.ensure()
    assert [bool(found.get(share.id)) for share in shares] == [
        False, True, True]
    assert [place.sim.state.filesets[f'share-{share.id}'].limit_kib
            for share in shares] == [5 * KIB, KIB, KIB]
    other = place.manager.create()
    place.manager.resize(other, 2)
    place.manager.usage()
    place.manager.delete(shares[1])


def test_a_share_whose_own_row_is_not_understood_is_not_touched(place):
    share = place.manager.create()
    place.manager.restart()
    answering(place, 'mmlsfileset', ragged(f'share-{share.id}'))
    with pytest.raises(errors.ManilaException, match='not understood'):
        place.manager.delete(share)
    assert f'share-{share.id}' in place.sim.state.filesets


def without_rows(text):
    return ''.join(line for line in text.splitlines(keepends=True)
                   if ':HEADER:' in line or line.startswith('*'))


def test_a_quota_that_a_list_leaves_out_is_asked_for(place):
    """It is not taken for none: another process has extended the share."""
    share, other = place.manager.create(size=1), place.manager.create(size=1)
    fileset = place.sim.state.filesets[f'share-{share.id}']
    fileset.limit_kib = 4 * KIB
    place.lab.write(share.export, 3 * GiB)
    place.sim.state.filesets[f'share-{other.id}'].limit_kib = 5 * KIB
    answering(place, 'mmrepquota', without_rows)
    found = place.manager.ensure()
    assert fileset.limit_kib == 4 * KIB
    assert place.sim.state.filesets[f'share-{other.id}'].limit_kib == KIB
    assert found[share.id]
    answering(place, 'mmlsquota', without_rows)
    place.manager.ensure()
    assert fileset.limit_kib == 4 * KIB
    assert set(place.driver._owed.waiting()) == {share.id, other.id}


LISTED = records.Fileset('share', '/base/share', linked=True,
                         comment='manila:1')


@pytest.mark.parametrize(('fileset', 'quota', 'link', 'resize', 'why'), [
    (LISTED, Quota('share', 0, 0, 2 * KIB), False, False, ''),
    (LISTED, Quota('share', 0, 0, 0), False, True, ''),
    (LISTED, Quota('share', 0, 0, 3 * KIB), False, True, ''),
    (LISTED, Quota('share', KIB, KIB + 1, 3 * KIB), False, False,
     'Extend'),
    (LISTED, Quota('share', 0, None, 3 * KIB), False, False,
     'Extend'),
    # No limit is none to be lowered to less than what is in use.
    (LISTED, Quota('share', 2 * KIB, 0, 0), False, True, ''),
    (LISTED, Quota('share', 2 * KIB, 1, 0), False, False, 'without limit'),
    (LISTED, Quota('share', 0, None, 0), False, False, 'which is not told'),
    (LISTED, Quota('share', 2 * KIB, 1, KIB), False, True, ''),
    (LISTED, None, False, False, 'no usage'),
    (None, Quota('share'), False, False, 'no fileset'),
    (records.Fileset('share', comment='manila:1'),
     Quota('share', 0, 0, 2 * KIB), True, False, ''),
    (records.Fileset('share', comment='manila:2'), Quota('share'),
     False, False, 'belongs'),
    (records.Fileset('share', '/other', linked=True),
     Quota('share'), False, False, 'is linked at'),
    (records.Fileset('share', doubt='odd'), Quota('share'), False,
     False, 'odd')])
def test_what_is_wrong_with_a_share(fileset, quota, link, resize, why):
    share = Share(id='1', name='share', size=2)
    found = assessment.assess(share, '/base/share', fileset, quota, 2)
    assert (found.link, bool(found.resize)) == (link, resize)
    said = found.lost or found.unknown or found.left
    assert why in said
    assert bool(said) == bool(why)


def test_room_of_another_file_system_is_not_told(place):
    """GPFS runs on the host, and the file system is not mounted there."""
    place.driver.check_for_setup_error()
    answering(place, 'df', lambda text: text.replace(
        'gpfs0 ', '/dev/vda1 ').replace(f'% {place.sim.state.mount}', '% /'))
    with pytest.raises(exception.BackendError, match='vda1'):
        place.driver._backend.stats.read()
    answering(place, 'df', lambda text: text.replace(
        '/dev/vda1 ', '/dev/gpfs0 '))
    assert place.driver._backend.stats.read()['total_capacity_gb']


class Unusable:
    """A management host on which nothing can be run.

    :param answer: what each command of a script exits with and says, or the
        error of its login.
    """

    def __init__(self, inner, answer):
        self.inner, self.answer = inner, answer
        self.words, self.judge = inner.words, inner.judge

    def run(self, cmd):
        if isinstance(self.answer, Exception):
            raise self.answer
        run = self.inner.sim.run
        self.inner.sim.run = lambda *words: self.answer
        try:
            return self.inner.run(cmd)
        finally:
            self.inner.sim.run = run


@pytest.mark.parametrize('answer', [
    exception.AccessDenied('Login to n1 was refused'),
    command.Result('', 'sudo: a password is required\n', 1),
    command.Result('', 'sh: 1: /usr/lpp/mmfs/bin/mmcrfileset: not found\n',
                   127)])
def test_a_host_that_refuses_leaves_it_to_the_next(make_place, answer):
    """It was installed anew, say: keys, sudoers or programs are missing."""
    place = make_place(gpfs_management_hosts='n1,n2')
    place.driver.check_for_setup_error()
    execute = place.driver._backend.execute
    runner = execute._runner('n1')
    execute._runners['n1'] = Unusable(runner._inner, answer)
    share = place.manager.create(size=2)
    execute.prefer('n1')
    place.manager.resize(share, 3)
    execute.prefer('n1')
    place.manager.update(share, add=[place.manager.rule('10.0.0.1')])
    execute.prefer('n1')
    place.manager.delete(share)
    assert f'share-{share.id}' not in place.sim.state.filesets


def test_a_share_type_that_cannot_be_read_stops_no_check(make_place):
    """Specs are asked for where a server does not answer."""
    place = make_place('KNFS')
    shares = [place.manager.create() for _ in range(2)]
    place.lab.dead = {'nfs2'}

    def specs(row):
        if row['id'] == shares[0].id:
            raise RuntimeError('database is away')
        return {}

    place.driver.extra_specs = specs
    found = place.manager.ensure()
    assert all(found[share.id] for share in shares)

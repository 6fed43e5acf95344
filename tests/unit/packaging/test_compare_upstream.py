# SPDX-License-Identifier: Apache-2.0



"""The comparison with Manila's drivers: what it says of given figures."""

import pytest

from manila_drivers.testing.simulators import nfs
from manila_drivers.testing.simulators.gluster import shell
from manila_drivers.testing.simulators.gluster import sim
from tests.unit.packaging import scripts

places = scripts.load('places')
compare = scripts.load('compare_upstream')

BACKEND = places.BACKENDS['vast']


def cost(requests, seconds=0.004, error=''):
    return compare.Cost([(requests, 2)] * 3, [seconds] * 3, [0.002] * 3, error)


@pytest.mark.parametrize(('theirs', 'ours', 'complaints'), [
    (cost(3), cost(3), 0),
    (cost(3), cost(2), 0),
    (cost(3), cost(4), 1),
    (cost(3, 0.1), cost(3, 0.11), 0),
    (cost(3, 0.1), cost(3, 0.2), 1),
    (cost(3, 0.1), cost(4, 0.2), 2),
    (cost(1, error='NotImplementedError: '), cost(4), 0),
    (cost(3), cost(1, error='Timeout: no answer'), 1),
])
def test_more_than_manilas_driver_is_a_complaint(theirs, ours, complaints):
    found = compare.worse(BACKEND, {'extend': theirs}, {'extend': ours})
    assert len(found) == complaints
    assert all('VAST, extend' in one for one in found)


def test_only_checks_that_manilas_driver_leaves_out_may_cost_more():
    assert not compare.worse(BACKEND, {'start': cost(1)}, {'start': cost(5)})
    assert not compare.worse(BACKEND, {'statistics': cost(0)},
                             {'statistics': cost(1)})
    assert compare.worse(BACKEND, {'statistics': cost(1)},
                         {'statistics': cost(2)})
    assert compare.worse(BACKEND, {'extend': cost(0)}, {'extend': cost(1)})


def test_a_run_without_figures_is_a_complaint():
    assert compare.worse(BACKEND, {}, {})
    assert compare.worse(BACKEND, {'extend': cost(1)}, {})


def test_the_page_gets_the_table_between_its_marks(tmp_path):
    page = tmp_path / 'page.rst'
    page.write_text('before\n\n%s\n\nold\n\n%s\n\nafter\n' % compare.MARKS)
    text = compare.table(BACKEND, {'extend': cost(2)}, {'extend': cost(1)})
    compare.write(page, 'Medians.', {BACKEND.title: text})
    written = page.read_text()
    assert written.startswith('before\n') and written.endswith('after\n')
    assert 'old' not in written
    assert '   * - extend\n     - 2\n     - 2\n     - 4.0\n' in written
    # What was not compared this time stays.
    compare.write(page, 'Medians.', {})
    assert page.read_text() == written
    page.write_text('no marks')
    with pytest.raises(ValueError, match='compared: begin'):
        compare.write(page, 'Medians.', {})


def test_the_page_of_the_documentation_has_figures():
    page = (scripts.ROOT / 'doc/source/admin/cost.rst').read_text()
    table = page.partition(compare.MARKS[0])[2]
    assert all(backend.title in table
               for backend in places.BACKENDS.values())


# What Manila's drivers ask and ours do not, of the simulators.

def never():
    raise AssertionError('reads its input, which the caller keeps open')


def test_a_simulated_gluster_tells_its_version_without_an_input():
    host = shell.host(sim.GlusterSim())
    assert host(['gluster', '--version'], never).stdout.startswith(
        'glusterfs 10')


def test_a_simulated_gluster_lists_volumes_by_lines():
    cluster = sim.GlusterSim()
    for name in ('one', 'two'):
        cluster.make_volume(name)
    host = shell.host(cluster)
    assert host(['gluster', 'volume', 'list'], never).stdout == 'one\ntwo\n'


def test_a_simulated_exportfs_lists_what_is_exported():
    server = nfs.KernelNfs()
    for client, path in (('10.0.0.1', '/short'), ('10.0.0.2', '/' + 'x' * 20)):
        assert not server.special(
            ['exportfs', '-o', 'rw', f'{client}:{path}'], '').status
    listed = server.special(['exportfs'], '').stdout
    assert '/short         \t10.0.0.1\n' in listed
    assert '/' + 'x' * 20 + '\n\t\t10.0.0.2\n' in listed

# SPDX-License-Identifier: Apache-2.0

"""Private data are read in a dry run, and not changed."""

from manila_drivers import plan
from manila_drivers.driver import storage
from manila_drivers.testing.conformance.labs import site


def test_a_dry_run_changes_nothing():
    given = site.Memory()
    made = storage.PrivateStorage(given)
    made.update('one', {'a': '1'})
    with plan.dry_run():
        made.update('one', {'a': '2', 'b': '3'})
        made.delete('one')
        assert made.get('one') == {'a': '1'}
    assert made.get('one') == {'a': '1'}
    made.delete('one')
    assert not given.get('one')

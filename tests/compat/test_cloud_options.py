# SPDX-License-Identifier: Apache-2.0

"""The groups of OpenStack's services beside Manila's, in either order."""

import json

import pytest

from tests.compat import conftest

GROUPS = {'nova', 'cinder', 'neutron', 'glance'}
CHOICES = 2


@pytest.mark.turns
@pytest.mark.parametrize('first', ['ours', 'upstream'])
def test_groups_are_manilas(release, first):
    told = json.loads(conftest.run('tests.compat.cloud_options', release,
                                   FIRST=first))

    assert set(told['theirs']) == GROUPS
    for group in GROUPS:
        ours, theirs = told['ours'][group], told['theirs'][group]
        for name, parts in theirs.items():
            # Releases up to 2024.2 take any word as an endpoint_type.
            if parts[CHOICES] == 'None':
                parts[CHOICES] = ours[name][CHOICES]
        assert ours == theirs
    for group in GROUPS:
        assert set(told['registered'][group]) <= set(told['listed'][group])
        assert {'auth_type', 'auth_section', 'cafile', 'insecure', 'timeout',
                'region_name'} <= set(told['registered'][group])

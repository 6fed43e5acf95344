#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#         http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.

import pytest

from manila_drivers.rig import releases


@pytest.mark.parametrize('release', releases.RELEASES.values(),
                         ids=releases.RELEASES)
def test_a_release_is_found_by_both_names(release: releases.Release) -> None:
    assert releases.named(release.name) is release
    assert releases.named(release.wheel) is release


def test_an_unknown_release_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r'no Manila release 7.0; .* 23.0'):
        releases.named('7.0')


def test_the_newest_is_the_newest() -> None:
    assert list(releases.RELEASES)[-1] == releases.NEWEST.name


@pytest.mark.parametrize(('release', 'updates'), [
    ('19.1', False), ('20.0', True), ('23.0', True)])
def test_microversions_compare_as_numbers(release: str,
                                          updates: bool) -> None:
    assert releases.named(release).updates_access is updates
    assert releases.named(release).serves('2.9')
    assert not releases.named(release).serves('2.100')

# SPDX-License-Identifier: Apache-2.0

import pytest

from manila_drivers.testing.manila import releases


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

# SPDX-License-Identifier: Apache-2.0

"""Our surfaces against the real releases: methods, statistics, options."""

from collections.abc import Mapping
import copy
from typing import Any

import pytest

from tests.compat import compare
from tests.compat import conftest
from tests.compat import describe

CLASSES = describe.CLASSES
NEWEST = conftest.RELEASES[-1]


@pytest.mark.parametrize('name', CLASSES)
@pytest.mark.parametrize('mode', ['manila', 'standalone'])
def test_our_classes_take_every_call(described, release, mode, name):
    theirs = described[release]['theirs'][name]
    ours = described[release if mode == 'manila' else '']['ours'][name]

    assert compare.lacking(theirs, ours) == []


@pytest.mark.parametrize('name', CLASSES)
def test_standalone_base_takes_every_call(described, release, name):
    theirs = described[release]['theirs'][name]

    assert compare.lacking(theirs, described['']['theirs'][name]) == []


@pytest.mark.parametrize('mode', ['manila', 'standalone'])
def test_drivers_take_every_call(described, release, mode):
    theirs = described[release]['theirs']['ShareDriver']
    drivers = described[release if mode == 'manila' else '']['drivers']

    # Each driver has a constructor of its own, which Manila calls with
    # keywords alone.
    wanted = {name: value for name, value in theirs.items()
              if name != '__init__'}
    lacking = {path: compare.lacking(wanted, ours)
               for path, ours in drivers.items()}

    assert {path: found for path, found in lacking.items() if found} == {}


def test_standalone_base_has_nothing_of_its_own(described):
    """Calls that no release makes would only look like features."""
    theirs = described[NEWEST]['theirs']['ShareDriver']
    ours = described['']['theirs']['ShareDriver']

    extra = {name for name in ours if name not in theirs
             and not name.startswith('_')}

    assert extra == set()


@pytest.mark.parametrize('mode', ['manila', 'standalone'])
def test_statistics_have_every_key(described, release, mode):
    theirs = set(described[release]['stats']['theirs'])
    ours = described[release if mode == 'manila' else '']['stats']['ours']

    assert theirs - set(ours) == set()


def test_statistics_have_the_keys_of_all_releases(described, release):
    """Whatever the release, the scheduler may be of a newer one."""
    newest = set(described[NEWEST]['stats']['theirs'])

    assert newest - set(described[release]['stats']['ours']) == set()


def test_standalone_base_has_the_same_statistics(described):
    assert (described['']['stats']['theirs']
            == described[NEWEST]['stats']['theirs'])


def test_attributes_have_the_same_types(described, release):
    theirs = described[release]['attributes']['theirs']

    for mode in (release, ''):
        ours = described[mode]['attributes']['ours']
        # Only ours reads the option where there is no default for it.
        assert {name: ours.get(name) for name in theirs} == theirs


def test_base_class_answers_the_same(described):
    """Calls that a driver does not write behave alike in both modes."""
    theirs = described[NEWEST]['behaviour']

    assert described['']['behaviour'] == theirs
    assert 'NotImplementedError' in theirs.values()


@pytest.mark.parametrize('kind', ['share_opts', 'ssh_opts', 'ganesha_opts'])
def test_options_have_the_same_types_and_defaults(described, release, kind):
    assert described['']['options'][kind] == described[release]['options'][
        kind]


def test_exceptions_behave_the_same(described, release):
    theirs = described[release]['errors']
    ours = described['']['errors']

    assert {name: ours[name] for name in theirs} == theirs


def test_exceptions_exist(described, release):
    newer = {'19.1.1': {'IpAddressGenerationFailureClient'}}
    absent = set(described['']['errors']) - set(described[release]['errors'])

    assert absent == newer.get(release, set())


def test_constants_have_the_same_values(described, release):
    for kind in ('constants', 'extra_specs'):
        theirs = described[release][kind]
        ours = described[''][kind]
        assert {name: ours[name] for name in theirs} == theirs
    assert described[NEWEST]['constants'] == described['']['constants']
    assert described[NEWEST]['extra_specs'] == described['']['extra_specs']


FIRST_RELEASE = {
    'ensuring': '19.1.1',
    'mount_point_name': '19.1.1',
    'update_from_metadata': '19.1.1',
    'update_rules': '20.0.3',
    'subnet_metadata': '20.0.3',
    'encryption': '21.0.3',
    'encryption_key_ref': '21.0.3',
    'qos_types': '22.0.2',
    'async_revert': '23.0.1',
    'snapshot_inherit_share_access': '23.0.1'}


def test_features_are_found_where_they_are(described, release):
    expected = {name: release >= first
                for name, first in FIRST_RELEASE.items()}

    assert described[release]['supports'] == expected
    assert set(described['']['supports'].values()) == {True}


def test_modes_are_what_they_should_be(described, release):
    assert described[release]['manila'] is True
    assert described['']['manila'] is False


# What must be caught.

def broken(surface: Mapping[str, Any]) -> dict[str, Any]:
    return copy.deepcopy(dict(surface))


def test_a_missing_method_is_caught(described, release):
    theirs = described[release]['theirs']['ShareDriver']
    ours = broken(described['']['theirs']['ShareDriver'])
    del ours['get_optional_share_creation_data']

    assert compare.lacking(theirs, ours) == [
        'get_optional_share_creation_data is missing']


def test_a_missing_keyword_is_caught(described, release):
    theirs = described[release]['theirs']['ShareDriver']
    ours = broken(described['']['theirs']['ShareDriver'])
    ours['create_share_from_snapshot'] = [
        parameter for parameter in ours['create_share_from_snapshot']
        if parameter[0] != 'parent_share']

    assert compare.lacking(theirs, ours) == [
        'create_share_from_snapshot: no parameter parent_share']


def test_a_new_requirement_is_caught(described, release):
    theirs = described[release]['theirs']['ShareDriver']
    ours = broken(described['']['theirs']['ShareDriver'])
    ours['delete_share'].append(['force', 'POSITIONAL_OR_KEYWORD', []])

    assert compare.lacking(theirs, ours) == [
        'delete_share: force is required']


def test_another_default_is_caught(described, release):
    theirs = described[release]['theirs']['ShareDriver']
    ours = broken(described['']['theirs']['ShareDriver'])
    for parameter in ours['get_share_stats']:
        if parameter[0] == 'refresh':
            parameter[2] = ['True']

    assert compare.lacking(theirs, ours) == [
        "get_share_stats: default of refresh is ['True'], not ['False']"]


def test_another_order_is_caught(described, release):
    theirs = described[release]['theirs']['ShareDriver']
    ours = broken(described['']['theirs']['ShareDriver'])
    ours['extend_share'][1:3] = reversed(ours['extend_share'][1:3])

    assert compare.lacking(theirs, ours) == [
        'extend_share: the order of parameters differs']


def test_a_method_that_became_a_property_is_caught(described, release):
    theirs = described[release]['theirs']['ShareDriver']
    ours = broken(described['']['theirs']['ShareDriver'])
    ours['get_pool'] = None

    assert compare.lacking(theirs, ours) == [
        'get_pool is a property in one of the two']

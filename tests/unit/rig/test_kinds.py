# SPDX-License-Identifier: Apache-2.0

"""Every kind of driver has what it takes to be tried."""

import importlib

import pytest

from manila_drivers.testing.manila import __main__ as main
from manila_drivers.testing.manila import cast
from manila_drivers.testing.manila import kinds
from manila_drivers.testing.manila import scene
from manila_drivers.testing.manila import stay

ALL = sorted(kinds.KINDS)


@pytest.mark.parametrize('name', ALL)
def test_its_driver_exists(name: str) -> None:
    module, _, driver = kinds.KINDS[name].driver.rpartition('.')
    assert isinstance(getattr(importlib.import_module(module), driver), type)


@pytest.mark.parametrize('name', ALL)
def test_its_storage_answers_and_tells_how_to_reach_it(name: str) -> None:
    kind = kinds.KINDS[name]
    with kind.cluster() as cluster:
        options = cluster.options(kind.driver)
        assert options['share_driver'] == kind.driver
        profile = kind.profile('some')
        assert profile.backend == profile.share_type == 'some'
        # What is changed between two starts is something that differs.
        assert profile.changes
        assert all(options.get(option) != value
                   for option, value in profile.changes.items())
        assert all(program.is_dir() for program in cluster.programs)
        before = cluster.inventory()
        assert cluster.asked(cluster.mark()) == []
        cluster.stop()
        cluster.start()
        assert cluster.inventory() == before


def test_rules_name_clients_by_their_certificates() -> None:
    rules = {cast.TENANTS[0]: 'rw', cast.TENANTS[1]: 'ro'}
    assert [cast.named(rules, name) for name in cast.TENANTS[:3]] == [
        'rw', 'ro', None]


class Here:
    endpoint = 'http://127.0.0.1:1/v2'

    def tool(self, program: str) -> str:
        return program


@pytest.mark.parametrize(('name', 'said'), [
    ('vast', 'create NFS 1'), ('gluster', 'create GLUSTERFS 1'),
    ('knfs', 'access create mine ip '),
    ('gluster', 'access create mine cert tenant-c.example.org')])
def test_what_to_try_suits_the_protocol(name: str, said: str) -> None:
    here = Here()
    lines = stay.commands(here, here, kinds.KINDS[name].profile(name))  # type: ignore[arg-type]
    assert [line for line in lines if said in line]


def test_what_to_try_makes_a_share_network_where_it_takes_one() -> None:
    here = Here()
    lines = list(stay.commands(here, here, scene.Profile(  # type: ignore[arg-type]
        'b', servers=True)))
    assert lines[0].endswith('share network create --name mine')
    assert [line for line in lines
            if '--share-type default --share-network mine --wait' in line]


@pytest.mark.parametrize(('told', 'serving'), [
    ('True', True), ('true', True), (True, True), ('False', False),
    (None, False)])
def test_a_section_says_whether_there_are_share_servers(
        told: object, serving: bool) -> None:
    assert main.serves(
        {'driver_handles_share_servers': told} if told is not None else {}
    ) == serving

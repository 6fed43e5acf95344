# SPDX-License-Identifier: Apache-2.0


"""The rules of the house, each with a file that breaks it."""

import pytest

from tests.unit.packaging import scripts

house_rules = scripts.load('house_rules')

LICENCE = (scripts.ROOT / 'setup.py').read_text().partition('import')[0]


@pytest.fixture
def repository(tmp_path):
    """Write files by name; return what the rules complain about."""
    def check(**files):
        names = []
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            names.append(name)
        return list(house_rules.check(names, tmp_path))
    return check


@pytest.mark.parametrize('statement', [
    'import manila',
    'import manila.share.driver',
    'from manila import exception',
    'from manila.share import driver',
    'def late():\n    from manila import utils',
    'import importlib\nimportlib.import_module("manila.utils")',
])
def test_only_compat_and_the_rig_import_manila(repository, statement):
    code = LICENCE + statement
    assert len(repository(**{'manila_drivers/vastdata/x.py': code})) == 1
    assert repository(**{
        'manila_drivers/compat.py': code,
        'manila_drivers/testing/manila/x.py': code,
        'tests/compat/x.py': code}) == []


@pytest.mark.parametrize('statement', [
    'import manila_drivers.opts',
    'from manila_drivers import compat',
    'import manilaclient',
    'from . import manila',
    '"import manila"',
])
def test_what_only_looks_like_manila_may_be_imported(repository, statement):
    assert repository(**{
        'manila_drivers/vastdata/x.py': LICENCE + statement}) == []


def test_nobody_imports_eventlet(repository):
    complaints = repository(**{
        'manila_drivers/compat.py': LICENCE + 'import eventlet.green'})
    assert len(complaints) == 1
    assert 'compat.py:' in complaints[0]


@pytest.mark.parametrize('line', [
    'deps from https://' + 'pypi' + '.org/simple',
    'https://files.' + 'pythonhosted' + '.org/x',
    'pip install --index' + '-url https://mirror.example/simple x',
    'PIP_INDEX' + '_URL=https://mirror.example/simple',
    'https://deb' + '.debian.org/debian bookworm main',
])
def test_no_file_names_a_registry(repository, line):
    assert len(repository(**{'doc/x.rst': 'first\n' + line})) == 1


def test_other_hosts_may_be_named(repository):
    assert repository(**{
        'doc/x.rst': 'https://docs.openstack.org/manila and an indexed url'
    }) == []


def test_code_begins_with_the_licence(repository):
    assert len(repository(**{'tools/x.py': 'import sys\n'})) == 1
    assert repository(**{'tests/__init__.py': ''}) == []


def test_a_directory_of_tests_is_a_package(repository):
    assert repository(**{'tests/unit/a/test_x.py': LICENCE}) == [
        'tests/unit/a/__init__.py: is missing']
    assert repository(**{
        'tests/unit/a/test_x.py': LICENCE,
        'tests/unit/a/__init__.py': ''}) == []


@pytest.mark.parametrize(('module', 'statement'), [
    ('vastdata/planning.py', 'from manila_drivers.transport import rest'),
    ('vastdata/planning.py', 'import time'),
    ('ibm/gpfs/helpers/ces_list.py', 'from manila_drivers import locks'),
    ('nas/kernel_plan.py', 'import threading'),
    ('nas/samba/anything.py', 'import subprocess'),
    ('access.py', 'def late():\n    import socket'),
    ('glusterfs/shares.py', 'from manila_drivers.vastdata import records'),
    ('nas/kernel.py', 'from manila_drivers.ibm.gpfs import exports'),
    ('transport/rest.py', 'from manila_drivers import vastdata'),
    ('driver.py', 'from manila_drivers.testing.simulators import vast'),
    ('vastdata/client.py', 'import manila_drivers.testing.conformance.lab'),
    ('standalone/base.py', 'from manila_drivers.testing import manila'),
])
def test_rooms_import_only_what_they_may(repository, module, statement):
    name = f'manila_drivers/{module}'
    assert len(repository(**{name: LICENCE + statement})) == 1


@pytest.mark.parametrize(('module', 'statement'), [
    ('nas/kernel.py', 'from manila_drivers.transport import command'),
    ('vastdata/client.py', 'from manila_drivers.transport import rest'),
    ('opts.py', 'from manila_drivers.vastdata import opts'),
    ('cli/simulate_vast.py',
     'from manila_drivers.testing.simulators import vast'),
    ('testing/conformance/labs/vast.py',
     'from manila_drivers.vastdata import driver'),
    ('vastdata/planning.py', 'from manila_drivers.vastdata import records'),
])
def test_rooms_import_what_they_need(repository, module, statement):
    name = f'manila_drivers/{module}'
    assert not repository(**{name: LICENCE + statement})


@pytest.mark.parametrize('text', [
    '"""What a share is."""',
    'def f():\n    """Whether it is so."""',
    'class C:\n    """The same for volumes."""',
    'class C:\n    def m(self):\n        """Whoever holds it."""',
    'async def f():\n    """\n    What it does.\n    """',
    'from manila_drivers import plan as plan_module',
    'import manila_drivers.plan as plan_module',
    'def late():\n    from a import c, b as b_module',
])
def test_prose_that_hacking_excludes(repository, text):
    for name in ('manila_drivers/vastdata/x.py', 'tools/x.py', 'tests/x.py'):
        assert len(repository(**{name: LICENCE + text})) == 1


@pytest.mark.parametrize('text', [
    '"""Shares: what they are."""',
    'def f():\n    """Return whether it is so."""',
    'def f():\n    """Whatever it is, it may."""',
    'def f():\n    """Whats and thats."""',
    'x = "What it is"',
    'from manila_drivers import plan',
    'from collections.abc import Set as AbstractSet',
    'import typing as ty',
])
def test_prose_of_the_house(repository, text):
    assert repository(**{'manila_drivers/vastdata/x.py': LICENCE + text}) == []


def test_the_real_files_are_looked_at():
    """The rules see docstrings and imports of every room."""
    names = house_rules.tracked()
    assert {name.partition('/')[0] for name in names} >= {
        'manila_drivers', 'tests', 'tools'}
    assert 'tools/house_rules.py' in names

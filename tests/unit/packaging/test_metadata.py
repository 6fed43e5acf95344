# SPDX-License-Identifier: Apache-2.0


"""Test that what setup.cfg promises exists, and importing stays cheap."""

import ast
import configparser
import importlib
import pathlib
import re
import shlex
import subprocess
import sys
import tomllib

import pytest

from manila_drivers import version
from tests.functional.lab import need
from tools.ci import stages

ROOT = pathlib.Path(__file__).resolve().parents[3]


def setup_cfg() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / 'setup.cfg')
    return parser


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def entry_points() -> list[str]:
    return [point for group in setup_cfg()['entry_points'].values()
            for point in lines(group)]


@pytest.mark.parametrize('point', entry_points())
def test_an_entry_point_leads_to_something_callable(point):
    module, _, name = point.partition('=')[2].strip().partition(':')
    assert callable(getattr(importlib.import_module(module), name))


def test_every_directory_of_the_library_is_a_package():
    """A wheel that is built without git has no other directories."""
    library = ROOT / 'manila_drivers'
    directories = {file.parent for file in library.rglob('*.py')}
    assert len(directories) > 10
    assert [str(one) for one in directories
            if not (one / '__init__.py').is_file()] == []


def test_data_files_exist():
    for line in lines(setup_cfg()['files']['data_files']):
        for name in line.partition('=')[2].split():
            assert (ROOT / name).is_file(), name


def filters() -> dict[str, list[str]]:
    """The shipped rootwrap filters, each as its comma-separated words."""
    parser = configparser.RawConfigParser()
    parser.read(ROOT / 'etc/manila/rootwrap.d/manila_drivers.filters')
    return {name: [word.strip() for word in value.split(',')]
            for name, value in parser['Filters'].items()}


def test_filters_are_such_as_rootwrap_reads():
    for name, words in filters().items():
        assert words[0].endswith('Filter'), name
        assert words[2] == 'root', name


def test_the_minimum_python_is_the_same_everywhere():
    tools = tomllib.loads((ROOT / 'pyproject.toml').read_text())['tool']
    minimum = setup_cfg()['metadata']['python_requires'].removeprefix('>=')
    assert tools['mypy']['python_version'] == minimum
    assert tools['ruff']['target-version'] == 'py' + minimum.replace('.', '')
    classifiers = setup_cfg()['metadata']['classifier']
    assert f'Python :: {minimum}\n' in classifiers


IMPORTS = """
import sys
import manila_drivers
assert not [m for m in sys.modules if m.startswith('manila_drivers.')]
import manila_drivers.opts
for group, options in manila_drivers.opts.list_opts():
    list(options)
print(sorted(m for m in sys.modules
             if m.partition('.')[0] in ('manila', 'eventlet', 'paramiko')))
"""


def test_listing_the_options_imports_neither_manila_nor_the_drivers(tmp_path):
    """A package called manila that cannot be imported stands in the way."""
    trap = tmp_path / 'manila' / '__init__.py'
    trap.parent.mkdir()
    trap.write_text('raise RuntimeError("manila was imported")')
    done = subprocess.run(
        [sys.executable, '-c', IMPORTS], cwd=ROOT, check=False,
        capture_output=True, text=True,
        env={'PYTHONPATH': f'{tmp_path}:{ROOT}'})
    assert (done.returncode, done.stdout.strip()) == (0, '[]'), done.stderr


def test_the_version_of_an_installed_package(monkeypatch):
    monkeypatch.setattr(version, 'DISTRIBUTION', 'pytest')
    assert version.version_string() == pytest.__version__


def test_the_version_without_an_installation(monkeypatch):
    monkeypatch.setattr(version, 'DISTRIBUTION', 'manila-drivers-elsewhere')
    assert version.version_string() == '0'


def test_requirements_have_lower_bounds_and_no_manila():
    for line in lines((ROOT / 'requirements.txt').read_text()):
        if not line.startswith('#'):
            assert re.match(r'[a-z0-9.]+>=\d+(\.\d+)* # ', line), line
            assert not line.startswith('manila')


#: Where a package's name is not that of its module.
PACKAGES = {'oslo_concurrency': 'oslo.concurrency', 'oslo_config':
            'oslo.config', 'oslo_log': 'oslo.log', 'oslo_utils': 'oslo.utils'}
#: What runs with Manila, or in a test, has it from there.
OPTIONAL = {'manila': {'manila', 'oslo_service', 'paste', 'sqlalchemy'},
            'conformance': {'pytest'}, 'cli': {'cliff', 'sqlalchemy'},
            'registry': {'sqlalchemy'}, 'direct': {'sqlalchemy'},
            # Of `check`, which is a command.
            'preflight': {'sqlalchemy'},
            'metrics': {'prometheus_client'},
            'manila_api': {'openstack'},
            '': {'manila'}}


def imported():
    """Pairs of a top-level module and the room that imports it."""
    for path in (ROOT / 'manila_drivers').rglob('*.py'):
        room = path.relative_to(ROOT / 'manila_drivers').parts[:-1]
        room = ''.join(room[1:2] if room[:1] == ('testing',) else room[:1])
        for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
            names = ([node.module or ''] if isinstance(node, ast.ImportFrom)
                     else [name.name for name in node.names]
                     if isinstance(node, ast.Import) else [])
            for name in names:
                yield name.partition('.')[0], room


def test_what_is_imported_is_required():
    required = {re.split('[>=]', line)[0] for line in lines(
        (ROOT / 'requirements.txt').read_text())}
    own = {*sys.stdlib_module_names, 'manila_drivers'}
    missing = {name for name, room in imported() if name not in own
               and name not in {*OPTIONAL.get(room, ()), *OPTIONAL['']}
               and PACKAGES.get(name, name) not in required}
    assert not missing


def test_every_room_is_a_package():
    rooms = {path.parent for path in (ROOT / 'manila_drivers').rglob('*.py')}
    assert not [str(room) for room in rooms
                if not (room / '__init__.py').is_file()]


def test_the_long_description_speaks_of_nothing_that_a_wheel_lacks():
    name = setup_cfg()['metadata']['description_file'].strip()
    text = (ROOT / name).read_text(encoding='utf-8')
    assert not re.findall(r'\S*(?:tools/|doc/|tests/|\.ci/|tox )\S*', text)
    for path in re.findall(r'``([\w./-]+\.\w+)``', text):
        module = path.rpartition('.')[0]
        assert path.startswith('manila_drivers.'), path
        importlib.import_module(module)


def test_there_are_project_urls():
    urls = lines(setup_cfg()['metadata']['project_urls'])
    assert urls
    for line in urls:
        assert re.fullmatch(r'[\w ]+ = https://docs\.openstack\.org/\S+', line)


def test_the_oldest_versions_are_those_that_are_tried():
    tox = configparser.RawConfigParser()
    tox.read(ROOT / 'tox.ini')
    tried = set(lines(tox['testenv:lowest']['deps']))
    for line in lines((ROOT / 'requirements.txt').read_text()):
        if not line.startswith('#'):
            assert line.partition(' #')[0].replace('>=', '==') in tried


def system_packages(text: str) -> set[str]:
    return {line.partition(' ')[0] for line in lines(text)
            if not line.startswith('#')}


def test_what_the_lab_installs_is_in_the_list_of_system_packages():
    listed = system_packages((ROOT / 'bindep.txt').read_text())
    assert set(need.PACKAGES.values()) - listed == set()


def test_a_system_package_that_is_not_listed_is_noticed():
    assert system_packages('# x\ngit [platform:dpkg]\n') == {'git'}
    assert 'qemu-utils' not in system_packages(
        (ROOT / 'bindep.txt').read_text().replace('qemu-utils', '# qemu'))


def test_the_workflow_runs_the_commands_of_the_readme():
    readme = (ROOT / 'README.rst').read_text()
    shown = re.findall(r'python3 tools/run\.py \w+', readme)
    assert shown[:2] == ['python3 tools/run.py demo',
                         'python3 tools/run.py test']
    ran = (ROOT / '.ci' / 'run').read_text()
    for command in set(shown):
        words = shlex.split(command)
        assert ' '.join(words) in ran
        assert any(stage.command[:len(words)] == tuple(words)
                   for stage in stages.table(stages.Turn('', 0)))


def test_every_environment_is_documented():
    tox = configparser.RawConfigParser()  # a section twice is an error
    tox.read(ROOT / 'tox.ini')
    page = (ROOT / 'doc/source/contributor/testing.rst').read_text()
    for section in tox.sections():
        name = section.partition('testenv:')[2]
        if name and not name.startswith('.'):
            assert f'* - ``{name}``' in page

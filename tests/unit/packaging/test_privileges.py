# SPDX-License-Identifier: Apache-2.0


"""Filters of rootwrap and lines of sudoers name what is run, and no more.

The commands are read out of the code: whatever is the first word of what
makes a command there.
"""

import ast
from collections.abc import Iterator
import pathlib
import re

import pytest

from manila_drivers.ibm.gpfs import privileges

ROOT = pathlib.Path(__file__).resolve().parents[3]
CODE = ROOT / 'manila_drivers'
FILTERS = ROOT / 'etc/manila/rootwrap.d/manila_drivers.filters'

# What makes a command of words, and whether it is root's unless it says so.
MAKERS = {'of': False, 'Command': False, 'mm': True, 'ask': True,
          'mmnfs': True, '_unix': True, 'run': True, '_run': True,
          'look': True}
WORD = re.compile(r'[a-z][a-z0-9.-]+')


def commands(*sources: str) -> dict[str, bool]:
    """The commands of some code, and whether root runs them."""
    found: dict[str, bool] = {}
    for source in sources:
        tree = ast.parse(source)
        tuples = {target.id: node.value for node in ast.walk(tree)
                  if isinstance(node, ast.Assign | ast.AnnAssign)
                  for target in targets(node) if isinstance(target, ast.Name)}
        for name, root in made(tree, tuples):
            found[name] = found.get(name, False) or root
    return found


def targets(node: ast.Assign | ast.AnnAssign) -> list[ast.expr]:
    return node.targets if isinstance(node, ast.Assign) else [node.target]


def made(tree: ast.AST, tuples: dict[str, ast.expr | None],
         ) -> Iterator[tuple[str, bool]]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        maker = getattr(node.func, 'attr', getattr(node.func, 'id', ''))
        name = first_word(node.args[0], tuples)
        if maker == 'ask' and not name.startswith('mm'):
            continue  # words of gluster
        if maker in MAKERS and name:
            yield name, root_of(node, default=MAKERS[maker])


def first_word(node: ast.expr | None,
               tuples: dict[str, ast.expr | None]) -> str:
    if isinstance(node, ast.Starred):
        node = node.value
    if isinstance(node, ast.Name):
        node = tuples.get(node.id)
    if isinstance(node, ast.Tuple):
        node = node.elts[0] if node.elts else None
    if isinstance(node, ast.BinOp):  # a directory goes before it
        node = node.right
    word = node.value if isinstance(node, ast.Constant) else ''
    return word if isinstance(word, str) and WORD.fullmatch(word) else ''


def root_of(node: ast.Call, *, default: bool) -> bool:
    said = [keyword.value for keyword in node.keywords
            if keyword.arg == 'root']
    return bool(said[0].value) if said and isinstance(
        said[0], ast.Constant) else default


def run_by(*patterns: str) -> set[str]:
    """Return what root runs of these files."""
    files = [file for pattern in patterns
             for file in sorted(CODE.glob(pattern))]
    assert files
    return {name for name, root in commands(
        *(file.read_text() for file in files)).items() if root}


def filters(text: str) -> dict[str, set[str]]:
    """The executables of each driver's block."""
    found: dict[str, set[str]] = {}
    block = found.setdefault('', set())
    for line in text.partition('[Filters]')[2].splitlines():
        heading = re.match(
            r'# (vastdata|glusterfs|ibm\.gpfs|generic)\b', line)
        if heading:
            block = found.setdefault(heading[1], set())
        elif line and not line.startswith('#'):
            key, _, value = line.partition(': ')
            kind, executable, user = value.split(', ')
            # The one of ip lets nobody run anything in other namespaces.
            assert (kind, user) == (
                'IpFilter' if executable == 'ip' else 'CommandFilter',
                'root'), key
            block.add(executable)
    return found


def sudoers(text: str, mark: str = '') -> set[str]:
    """The base names of the commands in a page's lines for sudoers."""
    blocks = re.findall(
        r'^\.\. code-block:: text\n\n((?:   .*\n|\n)+)', text, re.MULTILINE)
    wanted = [block for block in blocks if mark in block
              and 'NOPASSWD' in block]
    assert wanted
    return {path.rpartition('/')[2] for block in wanted
            for path in re.findall(r'/[a-z]+/[\w/.-]+', block)}


def page(name: str) -> str:
    return (ROOT / f'doc/source/admin/{name}.rst').read_text()


def resources(*sources: str) -> set[str]:
    """Return what of VMS is asked for or changed."""
    return {match[1] for source in sources
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in VERBS
            and re.fullmatch(r'self|(\w+\.)*_?vms',
                             ast.unparse(node.func.value))
            for argument in node.args[:2]
            if isinstance(argument, ast.Constant)
            for match in [re.match(r'([a-z]+)(?:/|$)', str(argument.value))]
            if match}


def granted(text: str) -> set[str]:
    """The resources in a page's table of minimum privileges."""
    table = text.partition('\nMinimum privileges\n')[2].partition(
        '\nThese are')[0]
    cells = re.findall(r'^   \* - (.*)$', table, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r'``(.*?)``', cell)}


VERBS = frozenset({'call', 'create', 'delete', 'find', 'get', 'list',
                   'readable', 'update'})
KNFS = ('nas/kernel*.py', 'nas/directory.py', 'nas/fleet.py')
GNFS = ('nas/ganesha*.py', 'nas/directory.py', 'nas/fleet.py')


@pytest.mark.parametrize(('block', 'files'), [
    ('vastdata', ('vastdata/*.py',)), ('glusterfs', ('glusterfs/*.py',)),
    ('ibm.gpfs', ('ibm/gpfs/*.py', 'ibm/gpfs/helpers/*.py', 'nas/[!s]*.py')),
    ('generic', ('service_instance/*.py',))])
def test_a_block_of_filters_has_what_its_driver_runs(block, files):
    assert filters(FILTERS.read_text())[block] == run_by(*files)


def test_the_filters_of_gpfs_are_no_small_matter():
    found = filters(FILTERS.read_text())
    assert len(found['ibm.gpfs']) > 30
    assert found['vastdata'] == found[''] == set()


@pytest.mark.parametrize(('name', 'mark', 'files'), [
    ('gpfs', '# management host', ('ibm/gpfs/[!h]*.py',)),
    ('gpfs', '# NFS server, KNFS', KNFS),
    ('gpfs', '# NFS server, GNFS', GNFS)])
def test_sudoers_lines_have_what_is_run_there(name, mark, files):
    assert sudoers(page(name), mark) == run_by(*files)


@pytest.mark.parametrize(('mark', 'names'), [
    ('# management host', {
        *privileges.GPFS, *privileges.CES, *privileges.FILES,
        *privileges.OPTIONAL, privileges.OWNER}),
    ('# NFS server, KNFS', {
        *privileges.SERVERS['KNFS'], *privileges.OPTIONAL_THERE['KNFS']}),
    # Before Ganesha 2.1 alone.
    ('# NFS server, GNFS', {*privileges.SERVERS['GNFS'], 'service'})])
def test_check_looks_for_what_sudoers_lines_have(mark, names):
    assert sudoers(page('gpfs'), mark) == names


def test_servers_of_gluster_run_gluster_alone():
    """Commands that empty volumes run on the Manila host."""
    files = [file.relative_to(CODE).as_posix()
             for file in (CODE / 'glusterfs').glob('*.py')
             if file.name != 'mounting.py']
    assert sudoers(page('glusterfs')) == run_by(*files) == {'gluster'}


def test_the_privileges_for_vast_are_those_of_what_is_called():
    files = (CODE / 'vastdata').glob('*.py')
    assert granted(page('vast')) == resources(
        *(file.read_text() for file in files))


# What the checks have to catch.

def test_a_resource_that_nobody_granted_is_noticed():
    assert resources("vms.list('volumes', X.of)\nvms.call("
                     "'POST', 'blockhosts/set/')") == {'volumes', 'blockhosts'}
    assert granted(page('vast').replace('``vippools``', 'x')) \
        == granted(page('vast')) - {'vippools'}


@pytest.mark.parametrize(('source', 'found'), [
    ("Command.of('shred', path, root=True)", {'shred': True}),
    ("Command.of('shred', path)", {'shred': False}),
    ("Command.of('shred')\nmake._unix('shred')", {'shred': True}),
    ("make._unix('shred', root=False)", {'shred': False}),
    ("make.ask(self.prefix + 'mmdsh')", {'mmdsh': True}),
    ("WORDS = ('shred', '-u')\ndirectory.run(*WORDS, path)",
     {'shred': True}),
    ("words: Words = ('gluster', '--xml')\nCommand(words, root=True)",
     {'gluster': True}),
    ("directory.look('cat', path)", {'cat': True}),
    ("text.index('shred')", {}), ('make.run(path)', {}),
    ("gluster.ask('volume', 'info')", {})])
def test_a_command_is_found_however_it_is_made(source, found):
    assert commands(source) == found


def test_a_missing_and_an_idle_filter_are_noticed():
    text = FILTERS.read_text()
    block = run_by('glusterfs/*.py')
    assert filters(text.replace('umount: CommandFilter, umount, root\n', '')
                   )['glusterfs'] == block - {'umount'}
    assert filters(text.replace(
        '# ibm.gpfs with', 'dd: CommandFilter, dd, root\n# ibm.gpfs with')
    )['glusterfs'] == block | {'dd'}


def test_a_command_too_many_for_sudo_is_noticed():
    text = page('gpfs').replace('/usr/bin/tee', '/usr/bin/tee, /usr/bin/vi')
    assert sudoers(text, 'GNFS') - run_by(*GNFS) == {'vi'}

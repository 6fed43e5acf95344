# SPDX-License-Identifier: Apache-2.0

"""Commands about files of a server, and what is made of their answers."""

import subprocess

import pytest

from manila_drivers.nas import directory
from manila_drivers.transport import command


def carried_out(commands):
    for cmd in commands:
        subprocess.run(cmd.words(), input=cmd.input() or '', text=True,
                       check=True, capture_output=True)


def test_a_file_is_replaced_as_a_whole(tmp_path):
    place = tmp_path / 'a' / 'b'
    for text in 'one\n', 'two\n':
        carried_out([directory.made(str(place)), *directory.replaced(
            str(place / 'x'), text)])
        assert [(path.name, path.read_text())
                for path in place.iterdir()] == [('x', text)]
    carried_out([directory.removed(str(place / 'x'), str(place / 'y'))])
    assert list(place.iterdir()) == []


def test_a_directory_in_the_place_of_a_file_is_not_filled(tmp_path):
    """mv would put the file into it, and all would seem well."""
    (tmp_path / 'x').mkdir()
    with pytest.raises(subprocess.CalledProcessError):
        carried_out(directory.replaced(str(tmp_path / 'x'), 'text'))
    assert list((tmp_path / 'x').iterdir()) == []


@pytest.mark.parametrize(('name', 'arguments', 'words'), [
    ('kept', ['/a/x', '/a'], ['sync', '--', '/a/x', '/a']),
    # Whatever of a file system is in memory alone.
    ('all_kept', ['/a'], ['sync', '-f', '--', '/a']),
    ('removed', ['/a/x', '/a/y'], ['rm', '-f', '--', '/a/x', '/a/y']),
    ('made', ['/a/x'], ['mkdir', '-p', '--', '/a/x'])])
def test_what_is_run_as_root_in_a_time_that_does_not_grow(name, arguments,
                                                          words):
    assert getattr(directory, name)(*arguments) == command.Command(
        tuple(words), root=True, timeout=directory.USUAL)


@pytest.mark.parametrize(('file', 'parts', 'words'), [
    ('/a/x', {}, ['tee -- /a/x.new', 'mv -f -T -- /a/x.new /a/x',
                  'sync -- /a/x /a']),
    ('/x', {'half': '/h'}, ['tee -- /h', 'mv -f -T -- /h /x', 'sync -- /x /']),
    ('/a/x', {'half': '/a/h', 'mark': '/a/m'}, [
        'tee -- /a/m /a/h', 'mv -f -T -- /a/h /a/x', 'sync -- /a/x /a'])])
def test_how_a_file_is_replaced(file, parts, words):
    commands = directory.replaced(file, 'text', **parts)
    assert list(map(str, commands)) == words
    assert [cmd.stdin for cmd in commands] == ['text', None, None]


@pytest.mark.parametrize(('paths', 'exported', 'above'), [
    (['/a/b/c'], ['/a', '/a/b', '/a/b/c', '/a/x'], ['/a', '/a/b']),
    (['/a/b', '/c/d'], ['/c', '/', '/a/b/c', '/ab'], ['/', '/c']),
    (['/a/b', '/a/c'], ['/a'], ['/a']), ([], ['/a'], []), (['/a'], [], [])])
def test_exports_above(paths, exported, above):
    assert directory.above(paths, exported) == above


@pytest.mark.parametrize(('status', 'stderr', 'objection'), [
    (0, 'grep: /a: Permission denied', ''), (1, '', ''), (2, ' \n', ''),
    (2, 'grep: /etc/exports.d: No such file or directory\n', ''),
    (2, ('grep: /a: No such file or directory\n\n'
         'grep: /b: Permission denied\n grep: /c: Input/output error \n'),
     'grep: /b: Permission denied grep: /c: Input/output error'),
    (1, 'sudo: a password is required', 'sudo: a password is required'),
    # The end tells most.
    (1, 'a' + 'b' * 500, 'b' * 500), (1, 'a' + 'b' * 499, 'a' + 'b' * 499)])
def test_why_a_question_was_not_answered(status, stderr, objection):
    assert directory.objection(
        command.Result('', stderr, status)) == objection

# SPDX-License-Identifier: Apache-2.0

"""Questions to a Ganesha server and its answers, as tables."""

import subprocess

import pytest

from manila_drivers import exception
from manila_drivers.nas import ganesha_facts
from manila_drivers.transport import command
from tests.unit.nas import test_ganesha_plan as plans

LAYOUT = ganesha_facts.Layout('/etc/g.d', config='/etc/g.conf')
METHODS = '<method name="AddExport">\n<method name="ShowExports">'
FILE = 'EXPORT { Export_Id = 7; Path = /a; }'
NOTHING = 'method return time=1.5\n   array [\n   ]\n'
EMPTY = command.Result('', '', 1)
SILENT = command.Result('', 'no bus', 1)
OLD = 'EXPORT\n{\nexport_id = 7 ;\npath = "/a" ;\nfsal = "GPFS" ;\n}\n'


def result(stdout='', status=0, stderr=''):
    return command.Result(stdout, stderr, status)


def understood(known=METHODS, shown=NOTHING, files=EMPTY, main='',
               half=None, details=()):
    """Answers; a text stands for one with success."""
    answers = [known, shown, files, main,
               result('', 1) if half is None else half, *details]
    return ganesha_facts.understand('gnfs1', LAYOUT, [
        one if isinstance(one, command.Result) else result(one)
        for one in answers])


def test_answers_become_facts():
    line = '/etc/g.d/%s:%s\n'
    found = understood(
        shown=plans.listed({0: '/', 7: '/a', 8: '/a', 5: '/b'}),
        files=line % ('x.conf', FILE) + line % ('y.conf', 'EXPORT {')
        + line % ('x.pending', '') + line % (
            'INDEX.conf', '%include "/etc/g.d/x.conf"')
        + line % ('INDEX.conf', ' %include /etc/g.d/z.conf')
        + line % ('INDEX.conf', '#%include /etc/g.d/n.conf'),
        main='%include /etc/g.d/INDEX.conf\n',
        details=[plans.detail(7, {'10.0.0.1': 'rw'}, '/a'),
                 result('none', 1)])
    assert found.live == {7: '/a', 8: '/a', 5: '/b'}
    assert found.numbers('/a') == [7, 8] and found.numbers('/c') == ()
    assert found.shown.keys() == {7}
    assert found.asked
    assert {name: [export.id for export in exports]
            for name, exports in found.files.items()} == {'x': [7], 'y': []}
    assert found.stored('/a').keys() == {'x'} and found.stored('/b') == {}
    assert found.pending == {'x'}
    assert found.index == {'/etc/g.d/x.conf', '/etc/g.d/z.conf'}
    assert found.methods == {'AddExport', 'ShowExports'}
    assert found.old is None and found.lasts is True


@pytest.mark.parametrize(('main', 'lasts'), [
    ('', False), ('%include /etc/g.d/other.conf', False),
    ('x\n%include "/etc/g.d/INDEX.conf"\ny', True), (result('', 1), None)])
def test_whether_exports_last(main, lasts):
    found = understood(main=main)
    assert found.lasts is lasts
    assert found.live == {} and found.files == {} and not found.asked
    assert found.index == frozenset()


def test_a_server_that_was_asked_and_has_nothing():
    assert understood(details=[result('', 1)]).asked
    assert understood(details=[result('', 1)]).shown == {}


@pytest.mark.parametrize(('half', 'pending'), [
    (result('', 1), frozenset()), ('', frozenset({'INDEX.conf'}))])
def test_an_old_ganesha_has_all_in_one_file(half, pending):
    found = understood(known=SILENT, main=OLD + OLD.replace('7', '8').replace(
        'path = "/a" ;\n', ''), half=half)
    assert found == ganesha_facts.GaneshaFacts(
        live={7: '/a', 8: ''}, shown={}, asked=False, files={},
        pending=pending, index=frozenset(), methods=frozenset(),
        old=found.old)
    assert found.old.of('/a')['fsal'] == '"GPFS"'


def test_an_old_ganesha_without_exports_is_one_if_it_speaks():
    speaks = '<method name="ShowExports">'
    assert understood(known=speaks, main='# nothing').old.exports == ()
    with pytest.raises(exception.BackendError, match='form of version'):
        understood(known=speaks, main='EXPORT\n{')
    # Of one that does not, the file has to look like it.
    for main in '# nothing', 'EXPORT\n{', OLD.replace('fsal', 'x'):
        with pytest.raises(exception.BackendError, match='does not say'):
            understood(known=SILENT, main=main)


@pytest.mark.parametrize(('parts', 'place'), [
    ({'known': result('', 1, 'no bus')}, 'Ganesha on gnfs1 does not say'),
    ({'known': result('', 1, 'no bus'), 'main': '# 4.3'},
     'Ganesha on gnfs1 does not say'),
    ({'shown': result('', 1, 'no bus')}, 'Ganesha on gnfs1 does not say'),
    ({'files': result('', 1, 'no bus')}, '/etc/g.d on gnfs1 cannot be'),
    ({'files': result('', 3)}, '/etc/g.d on gnfs1 cannot be'),
    ({'known': SILENT, 'main': result('', 1, 'no bus')},
     '/etc/g.conf on gnfs1 cannot be'),
    ({'known': SILENT, 'half': result('', 1, 'no bus')},
     '/etc/g.conf on gnfs1 cannot be')])
def test_what_was_not_told_is_not_taken_for_nothing(parts, place):
    with pytest.raises(exception.BackendError, match=place) as caught:
        understood(**parts)
    *_, answer = [one for one in parts.values()
                  if isinstance(one, command.Result)]
    assert caught.value.status == answer.status
    assert caught.value.answer == answer.stderr


@pytest.mark.parametrize('parts', [
    {'known': ''}, {'known': '', 'main': OLD}, {'shown': ''},
    {'files': ''},
    {'shown': 'method return time=1.5\n'}])
def test_success_without_a_word_tells_nothing_either(parts):
    with pytest.raises(exception.BackendError, match='gnfs1'):
        understood(**parts)


@pytest.mark.parametrize('status', [1, 2])
def test_a_directory_with_nothing_in_it(status):
    missing = 'grep: /etc/g.d: No such file or directory' if status else ''
    assert understood(files=result('', status, missing)).files == {}


def test_why_it_does_not_say_is_told_in_few_words():
    with pytest.raises(exception.BackendError) as caught:
        understood(shown=result('', 1, 'x' + 'y' * 500 + '\n'))
    assert caught.value.answer == 'y' * 500


# Questions, asked of real files

def test_questions_find_files_of_ours(tmp_path):
    layout = ganesha_facts.Layout(str(tmp_path / 'd'),
                                  config=str(tmp_path / 'g.conf'))
    (tmp_path / 'd').mkdir()
    for name, text in (('x.conf', FILE), ('y.conf.new', FILE),
                       ('x.pending', FILE), ('INDEX.conf', '%include /x')):
        (tmp_path / 'd' / name).write_text(text + '\n')
    (tmp_path / 'g.conf').write_text(f'%include {layout.index}\n')
    _, _, *looks = ganesha_facts.questions(layout)
    assert [str(cmd).rpartition(' ')[2] for cmd in looks[1:]] == [
        layout.config, layout.config + '.pending']
    found = ganesha_facts.understand('gnfs1', layout, [
        result(METHODS), result(plans.listed({})), *map(ask, looks)])
    assert found.files.keys() == {'x'}
    assert (found.pending, found.index, found.lasts) == ({'x'}, {'/x'}, True)
    missing = ganesha_facts.Layout(str(tmp_path / 'no'),
                                   config=str(tmp_path / 'no.conf'))
    _, _, *looks = ganesha_facts.questions(missing)
    found = ganesha_facts.understand('gnfs1', missing, [
        result(METHODS), result(plans.listed({})), *map(ask, looks)])
    assert (found.files, found.lasts) == ({}, None)


def ask(cmd):
    done = subprocess.run(cmd.words(), capture_output=True, text=True,
                          check=False)
    assert done.returncode in cmd.accept
    return result(done.stdout, done.returncode, done.stderr)


@pytest.mark.parametrize(('numbers', 'asked'), [
    ((), []), ((9, 7), ['DisplayExport uint16:7', 'DisplayExport uint16:9'])])
def test_details_are_asked_for_by_number(numbers, asked):
    words = plans.words(ganesha_facts.questions(LAYOUT, numbers))
    assert words[:2] == ['Introspect', 'ShowExports']
    assert words[5:] == asked

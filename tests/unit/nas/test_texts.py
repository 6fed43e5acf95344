# SPDX-License-Identifier: Apache-2.0

import hypothesis
from hypothesis import strategies as st
import pytest

from manila_drivers.nas import exports_text
from manila_drivers.testing.simulators import nfs
from manila_drivers.testing.simulators.nfs import shell
from manila_drivers.transport import command
from manila_drivers.transport import script

# As nfs-utils 2.6.2 wrote it.
ETAB = (
    '/srv/a\t10.0.0.1(rw,sync,wdelay,hide,nocrossmnt,secure,no_root_squash,'
    'no_all_squash,no_subtree_check,secure_locks,acl,no_pnfs,'
    'fsid=11111111-2222-3333-4444-555555555555,anonuid=65534,anongid=65534,'
    'sec=sys,rw,secure,no_root_squash,no_all_squash)\n'
    '/srv/a\t2001:db8::/64(ro,sync,wdelay,hide,nocrossmnt,secure,'
    'root_squash,no_all_squash,no_subtree_check,secure_locks,acl,no_pnfs,'
    'anonuid=65534,anongid=65534,sec=sys,ro,secure,root_squash,'
    'no_all_squash)\n'
    "/srv/a\\040b\\042c\\134d\\043$(touch\\040x)'é(y)[z],%:!\t*(rw,sync,"
    'mountpoint,sec=krb5:sys,rw)\n')


def test_etab():
    one, net, all_ = exports_text.read(ETAB)
    assert (one.path, one.client, one.level, one.is_host) == (
        '/srv/a', '10.0.0.1', 'rw', True)
    assert one.fsid == '1' * 8 + '2222333344445' + '5' * 11
    assert one.meaning == exports_text.meaning(('no_root_squash',))
    assert (net.level, net.is_host, net.fsid) == ('ro', False, '')
    assert net.meaning == exports_text.meaning(())
    assert all_.path == '/srv/a b"c\\d#$(touch x)\'é(y)[z],%:!'
    assert all_.network is None
    assert exports_text.lasting(all_.meaning) == {'mountpoint'}
    assert 'sec=krb5:sys' in all_.meaning


def test_different_options_by_flavour_are_no_options_of_ours():
    meaning = exports_text.meaning(
        ('rw', 'sync', 'root_squash', 'sec=sys', 'rw', 'no_root_squash'))
    assert exports_text.lasting(meaning)


def test_comments_and_defaults():
    text = ('# nothing\n\n/a 10.0.0.1\n"/b c" (ro) @group(rw)\n'
            '/d -sync 10.0.0.2(rw)\n')
    found = [(entry.path, entry.client, entry.options)
             for entry in exports_text.read(text)]
    assert found == [('/a', '10.0.0.1', ()), ('/b c', '*', ('ro',)),
                     ('/b c', '@group', ('rw',)),
                     ('/d', '10.0.0.2', ('rw',))]


@hypothesis.given(st.text(
    st.characters(exclude_categories=['Cs', 'Cc']), min_size=1))
def test_any_path_is_read_as_it_was_written(name):
    entry = exports_text.Entry(f'/{name}', '10.0.0.1', ('rw', 'fsid=1'))
    assert exports_text.read(exports_text.write([entry])) == (entry,)


@hypothesis.given(st.text(max_size=300))
def test_any_text_is_read(text):
    exports_text.read(text)


@pytest.mark.parametrize(('client', 'argument'), [
    ('10.0.0.1', '10.0.0.1:/p'), ('10.0.0.0/8', '10.0.0.0/8:/p'),
    ('2001:db8::1', '[2001:db8::1]:/p'), ('*', '*:/p'),
    ('2001:db8::/64', '[2001:db8::]/64:/p'), ('@group', '@group:/p')])
def test_arguments_of_exportfs(client, argument):
    assert exports_text.argument('/p', client) == argument


@pytest.mark.parametrize('word', [
    'plain', '', ' ', "it's", '"', '\\', '$(touch x)', '`x`', '(', ')', ';;',
    'a\nb', '{', '</dev/null', 'esac', '|', 'case', '\u00e9', '#', '*'])
def test_simulated_shell_reads_words_as_they_were_quoted(word):
    server = nfs.KernelNfs()
    made = [command.Command.of('no-such-command', word, root=True,
                               accept=frozenset({0, 127})),
            command.Command.of('tee', '--', '/etc/x', stdin=word)]
    results = script.run(server, made)
    assert [result.status for result in results] == [127, 0]
    assert server.ran[0] == ('no-such-command', word)
    assert server.files.text['/etc/x'] == word


def test_simulated_shell_stops_where_a_shell_would():
    server = nfs.KernelNfs()
    made = [command.Command.of('cat', '--', '/a'),
            command.Command.of('cat', '--', '/b')]
    answer = script.attempt(server, made)
    assert len(answer.results) == 1
    assert answer.error is not None
    assert len(script.attempt(server, made, keep_going=True).results) == 2


@pytest.mark.parametrize('text', ['', 'echo', '{\nmark 0 0\nrm -r /\n}\n'])
def test_simulated_shell_refuses_what_is_no_script_of_ours(text):
    with pytest.raises(shell.ShellError):
        list(shell.steps(text))

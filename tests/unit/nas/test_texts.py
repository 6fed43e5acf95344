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
    entry = exports_text.ExportEntry(f'/{name}', '10.0.0.1', ('rw', 'fsid=1'))
    assert exports_text.read(exports_text.write([entry])) == (entry,)


@hypothesis.given(st.text(max_size=300))
def test_any_text_is_read(text):
    exports_text.read(text)


@pytest.mark.parametrize(('client', 'argument'), [
    ('10.0.0.1', '10.0.0.1:/p'), ('10.0.0.0/8', '10.0.0.0/8:/p'),
    ('2001:db8::1', '[2001:db8::1]:/p'), ('*', '*:/p'),
    ('2001:db8::/64', '[2001:db8::]/64:/p'), ('@group', '@group:/p'),
    ('[2001:db8::1]', '[2001:db8::1]:/p')])
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


@pytest.mark.parametrize(('line', 'clients'), [
    ('/a', ['*']), ('/a # all of it', ['*']), ('/a -ro,sync', ['*']),
    ('/a -ro 10.0.0.1 # and none(rw)', ['10.0.0.1']),
    ('/a 10.0.0.1(ro) b(rw)', ['10.0.0.1', 'b']), ('# /a', [])])
def test_who_is_let_in_by_a_line(line, clients):
    """Everybody where it names nobody, which no comment does."""
    assert [entry.client for entry in exports_text.read(line)] == clients


# Entries as other hands and releases write them

@pytest.mark.parametrize(('client', 'network'), [
    ('10.0.0.1', '10.0.0.1/32'), ('10.0.0.1/8', '10.0.0.0/8'),
    ('10.0.0.0/255.0.0.0', '10.0.0.0/8'), ('[2001:db8::1]', '2001:db8::1/128'),
    ('[2001:db8::]/32', None), ('2001:db8::1/32', '2001:db8::/32'),
    ('X10.0.0.1', None), ('*', None), ('@group', None)])
def test_networks_of_clients(client, network):
    found = exports_text.ExportEntry('/a', client).network
    assert (found and str(found)) == network


@pytest.mark.parametrize(('option', 'fsid'), [
    ('fsid=0', '0'), ('fsid=ROOT', 'root'), ('fsid=a=b', 'a=b'),
    # 32 digits are a UUID however they are grouped; fewer are as written.
    ('fsid=AAAAAAAA-1111-2222-3333-444444444444',
     'aaaaaaaa111122223333444444444444'),
    ('fsid=12345678:9abcdef0:12345678:9ABCDEF0',
     '123456789abcdef0123456789abcdef0'),
    ('fsid=A-1', 'a-1'), ('rw', '')])
def test_comparable_fsids(option, fsid):
    assert exports_text.ExportEntry('/a', '*', (option,)).fsid == fsid


@pytest.mark.parametrize(('options', 'same'), [
    (('auth_nlm',), ('secure_locks',)), (('no_auth_nlm',),
                                         ('insecure_locks',)),
    (('mp',), ('mountpoint',)), (('no_pnfs', 'nordirplus'), ()),
    (('rw', 'ro', 'fsid=7'), ()), (('anonuid=65534',), ()),
    # The first of a choice, or of a value.
    (('sync', 'sync'), ()), (('sec=sys', 'sec=sys'), ())])
def test_options_of_one_meaning(options, same):
    assert exports_text.meaning(options) == exports_text.meaning(same)


@pytest.mark.parametrize(('options', 'without', 'with_', 'lasting'), [
    (('async',), 'sync', 'async', set()),
    (('anonuid=7',), 'anonuid=65534', 'anonuid=7', set()),
    (('sec=krb5:sys',), 'sec=sys', 'sec=krb5:sys', set()),
    (('sec=a=b',), 'sec=sys', 'sec=a=b', set()),
    (('mountpoint=/a',), None, 'mountpoint=/a', {'mountpoint=/a'}),
    (('refer=/a@10.0.0.1=x',), None, 'refer=/a@10.0.0.1=x',
     {'refer=/a@10.0.0.1=x'}),
    (('security_label',), None, 'security_label', {'security_label'}),
    (('anonuid',), None, 'anonuid', set()),
    # By flavour: not to be taken back by naming another.
    (('sync', 'async'), 'sync', 'async', {'differs by flavour: sync'}),
    (('anonuid=1', 'anonuid=2'), 'anonuid=1', 'anonuid=2',
     {'differs by flavour: anonuid'})])
def test_options_and_what_lasts_of_them(options, without, with_, lasting):
    meaning = exports_text.meaning(options)
    assert with_ in meaning and without not in meaning
    assert exports_text.lasting(meaning) == lasting


@pytest.mark.parametrize(('path', 'escaped', 'in_etab'), [
    ('/share-1_a.b+c:d,e@f%g=h', *['/share-1_a.b+c:d,e@f%g=h'] * 2),
    ('/a b', '/a\\040b', '/a\\040b'), ('/a(b)', '/a\\050b\\051', '/a(b)'),
    ('/\u00e9', '/\\303\\251', '/\u00e9'), ('/a"b', '/a\\042b', '/a\\042b'),
    ('/a\\b', '/a\\134b', '/a\\134b'), ('/a#b', '/a\\043b', '/a\\043b'),
    # Bytes that are no text.
    ('/\udcff', '/\\377', '/\udcff')])
def test_paths_in_files(path, escaped, in_etab):
    assert exports_text.escaped(path) == escaped
    assert exports_text.in_etab(path) == in_etab
    for text in escaped, in_etab:
        assert exports_text.unescaped(text) == path

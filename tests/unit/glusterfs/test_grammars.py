# SPDX-License-Identifier: Apache-2.0

"""Addresses, patterns and names: what is accepted, and what is not."""

import hypothesis
from hypothesis import strategies as st
import pytest

from manila_drivers import exception
from manila_drivers.glusterfs import paths
from manila_drivers.glusterfs import pool
from manila_drivers.glusterfs import records

ID = '2f8e4f12-41a5-43ae-93f0-3ea6db0b4d5a'
KINDS = paths.ReservedNames(['glusterfs-server'], ['manila-host'])


@pytest.mark.parametrize(('text', 'host', 'user'), [
    ('host1', 'host1', ''), ('root@host1', 'host1', 'root'),
    ('root@10.0.0.7', '10.0.0.7', 'root'), (' host1 ', 'host1', ''),
    ('[2001:db8::7]', '2001:db8::7', ''),
    ('root@[2001:db8::7]', '2001:db8::7', 'root'),
    ('root@[fe80::1%eth0]', 'fe80::1%eth0', 'root')])
def test_servers(text, host, user):
    assert paths.server(text) == paths.ServerAddress(host, user)


@pytest.mark.parametrize('text', [
    '', '@h', 'a@b@c', 'host1:vol', 'root@host1:/gv1', 'host1:/', 'h/x',
    'root@', '2001:db8::7', '[2001:db8::7', 'a b', '-oProxyCommand=x',
    '-l@host', 'host1:/v/path', '[host1]'])
def test_what_is_no_server(text):
    with pytest.raises(exception.ConfigurationError,
                       match='glusterfs_servers'):
        paths.server(text)


def test_targets():
    assert paths.target('root@h:/v') == paths.VolumeAddress(
        paths.ServerAddress('h', 'root'), 'v')


@pytest.mark.parametrize('text', ['h', 'root@h', 'h:/', 'h:/v/path', 'h:v'])
def test_what_is_no_target(text):
    with pytest.raises(exception.ConfigurationError,
                       match='glusterfs_targets'):
        paths.target(text)


@pytest.mark.parametrize('text', ['h', 'root@h', 'root@10.0.0.7',
                                  '[2001:db8::7]', 'u@[2001:db8::7]'])
def test_exports_and_records_lead_back(text):
    server = paths.server(text)
    assert '@' not in server.export('v') and '[' not in server.export('v')
    assert paths.recorded(server.export('v')).address.host == server.host
    assert paths.recorded(server.qualified('v')) == paths.VolumeAddress(
        server, 'v')
    assert paths.recorded('nonsense') is None


@pytest.mark.parametrize(('pattern', 'name', 'size'), [
    (r'manila-share-volume-\d+$', 'manila-share-volume-12', None),
    (r'manila-share-volume-#{size}G-\d+$', 'manila-share-volume-3G-13', 3),
    (r'v-#size$', 'v-007', 7), (r'a##b', 'a#b', None),
    (r'v(-#{size}G)?$', 'v', None), (r'v(-#{size}G)?$', 'v-5G', 5)])
def test_patterns(pattern, name, size):
    made = pool.VolumePattern(pattern)
    assert made.matches(name)
    assert made.size(name) == size
    assert not made.matches('x' + name)


@pytest.mark.parametrize(('pattern', 'why'), [
    ('v-#{bogus}', 'unknown placeholder'), ('v-#', 'lone #'),
    ('v-#{size', 'lone #'), ('v-(', 'not a regular expression'),
    ('#{size}-#{size}', 'not a regular expression')])
def test_patterns_that_cannot_be(pattern, why):
    with pytest.raises(exception.ConfigurationError, match=why) as caught:
        pool.VolumePattern(pattern)
    assert caught.value.option == 'glusterfs_volume_pattern'


def test_a_pattern_without_an_end_is_told():
    assert pool.VolumePattern(r'v-\d+').open_ended
    assert not pool.VolumePattern(r'v-\d+$').open_ended


def test_clones_are_never_in_the_pool():
    made = pool.VolumePool(pool.VolumePattern('manila-.*'), {}, KINDS)
    assert made.has('h', 'manila-share-1')
    assert not made.has('h', 'manila-' + ID)


def test_fixed_targets():
    made = pool.VolumePool(None, {'h': frozenset({'v'})}, KINDS)
    assert made.has('h', 'v') and made.size('v') is None
    assert not made.has('h', 'w') and not made.has('other', 'v')


GOOD = 'glusterfs-server-1,manila-host-1'


@pytest.mark.parametrize(('allow', 'snapshots', 'why'), [
    (GOOD, 0, ''), (GOOD + ',tenant', 0, ''), (None, 0, 'not set'),
    ('*', 0, 'stands for many'), (GOOD + ',a*', 0, 'stands for many'),
    (GOOD + ',[ab]', 0, 'stands for many'),
    ('manila-host-1', 0, 'no name of a server'),
    (GOOD, 1, 'snapshots')])
def test_usable_volumes(allow, snapshots, why):
    options = {} if allow is None else {records.ALLOW: allow}
    found = pool.VolumePool(None, {}, KINDS).unusable(records.Volume(
        'v', options=options, snapshots=snapshots))
    assert why in found if why else found == ''


CHOICES = [
    # volumes (host, name, size), wanted, chosen
    ([('h', 'a', 10), ('h', 'b', 5), ('h', 'c', 5)], 4, ('h', 'b')),
    ([('h', 'a', 10), ('h', 'b', 5)], 6, ('h', 'a')),
    ([('h', 'a', 10), ('h', 'b', None)], 11, ('h', 'b')),
    ([('h', 'a', 10)], 11, None), ([], 1, None),
    ([('h', 'b', None), ('h', 'a', None)], 1, ('h', 'a')),
    ([('h', 'b', 3), ('h', 'a', None)], 3, ('h', 'b'))]


@pytest.mark.parametrize(('volumes', 'wanted', 'chosen'), CHOICES)
def test_choice_of_a_volume(volumes, wanted, chosen):
    assert pool.best((((host, name), host, name, size)
                      for host, name, size in volumes), wanted,
                     ID) == chosen


def test_clusters_share_the_load_and_a_repeated_call_comes_out_the_same():
    volumes = [((host, 'v'), host, 'v', 5) for host in ('one', 'two')]
    picks = [pool.best(volumes, 5, f'{number:08}{ID[8:]}')
             for number in range(100)]
    assert 20 < picks.count(('one', 'v')) < 80
    assert picks == [pool.best(volumes[::-1], 5, f'{number:08}{ID[8:]}')
                     for number in range(100)]


@pytest.mark.parametrize('name', [
    'tenant-a', 'a', 'alice@example.org', 'a.b_c:d+e=f-g', '1', 'A' * 64])
def test_safe_names(name):
    assert paths.is_safe(name)


@pytest.mark.parametrize('name', [
    '', '*', 'a*', 'a?', '[ab]', 'a\\b', 'a b', 'a,b', 'a\tb', 'a\nb', 'a`b',
    "a'b", 'a"b', 'a$b', 'a;b', 'a|b', 'a&b', 'a<b', 'a>b', 'a(b', 'a)b',
    'a{b', 'a}b', 'a!b', 'a#b', 'a~b', 'a%b', 'a/b', '-a', 'a-', '.a', 'a.',
    'ä', 'a\x00b', 'A' * 65, 'tenant-a\n'])
def test_names_that_are_not_safe(name):
    assert not paths.is_safe(name)


@hypothesis.given(st.text(max_size=70))
def test_what_is_safe_means_nothing_to_a_shell_or_a_list(name):
    if paths.is_safe(name):
        assert name.isascii() and not set(name) & set(' ,\t\n`\'"$;|&<>(){}'
                                                      '!#~%*?[]\\/\0')
        assert not paths.is_glob(name)


def test_names_of_servers_and_of_this_host():
    assert KINDS.reserved('glusterfs-server-1')
    assert KINDS.reserved('manila-hostess')
    assert not KINDS.reserved('tenant')
    assert KINDS.of(['glusterfs-server-1', 'glusterfs-server*', 'a']) \
        == {'glusterfs-server-1'}


@pytest.mark.parametrize(('now', 'recorded', 'completed'), [
    (['glusterfs-server-1', 'manila-host-1', 'a'], ['glusterfs-server-9'],
     {'glusterfs-server-1', 'manila-host-1'}),
    (['glusterfs-server-1'], ['manila-host-1', 'glusterfs-server-9'],
     {'glusterfs-server-1', 'manila-host-1'}),
    (['a'], ['manila-host-1', 'glusterfs-server-9', 'b'],
     {'glusterfs-server-9', 'manila-host-1'}),
    ([], [], set())])
def test_what_is_missing_comes_from_the_record(now, recorded, completed):
    assert KINDS.completed(now, recorded) == completed


def test_a_list_is_stable_and_bounded():
    assert KINDS.joined(['b', 'manila-host-1', 'a', 'glusterfs-server-1']) \
        == 'glusterfs-server-1,manila-host-1,a,b'
    for wrong in ([], ['a*'], ['x' * 60 + str(n) for n in range(80)]):
        with pytest.raises(exception.InvalidRequest):
            KINDS.joined(wrong)


@pytest.mark.parametrize('word', ['', '--force', 'a b', '-x', 'a\nb', 'a;b'])
def test_words_that_gluster_would_misunderstand(word):
    with pytest.raises(exception.InvalidRequest):
        paths.checked(word)


def test_snapshots_with_a_time():
    assert paths.stamped('manila-1', [
        'manila-1_GMT-2026.11.21-06.54.29', 'manila-1', 'manila-11_GMT-x',
        'manila-1_GMT-2025.01.01-00.00.00']) == [
            'manila-1_GMT-2025.01.01-00.00.00',
            'manila-1_GMT-2026.11.21-06.54.29']

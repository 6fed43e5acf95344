# SPDX-License-Identifier: Apache-2.0

"""Tests of GPFS's output, and of options that operators write."""

import ipaddress

import pytest

from manila_drivers import exception
from manila_drivers.ibm.gpfs import listing
from manila_drivers.ibm.gpfs import records
from manila_drivers.ibm.gpfs.helpers import ces_list
from manila_drivers.nas import exports
from manila_drivers.nas import exports_text
from manila_drivers.nas import options
from manila_drivers.transport import command

FILESETS = """\
mmlsfileset::HEADER:version:reserved:reserved:filesystemName:filesetName:id:\
rootInode:status:path:parentId:created:inodes:dataInKB:comment:filesetMode:\
afmTarget:isInodeSpaceOwner:maxInodes:allocInodes:reserved:snapId:
mmlsfileset::0:1:::project:root:0:3:Linked:%2Ffs%2Fproject:--:Wed May 18 \
10%3A41%3A35 2016:-:-:root fileset:off:-:1:300000000:102052224:-:0:
mmlsfileset::0:1:::project:my-secret-data:2:17:Unlinked:%2D%2D:--:Wed Nov 22 \
14%3A29%3A26 2017:-:-:manila%3A77 from share-1%3Asnap:off:-:1:11:10:-:0:
mmlsfileset::0:1:::project:(old):3:18:Deleted:%2D%2D:--:x:-:-::off:-:0:0:0:-:0:
"""
QUOTA = """\
*** Report for USR GRP FILESET quotas on gpfs1
mmrepquota:{section}:HEADER:version:reserved:reserved:filesystemName:\
quotaType:id:name:blockUsage:blockQuota:blockLimit:blockInDoubt:blockGrace:
mmrepquota:{section}:0:1:::gpfs1:FILESET:1:name1:950235440:4294967296:\
5368709120:406372448:none:
mmrepquota:{section}:0:1:::gpfs1:USR:1:name1:1:1:1:1:none:
"""
LIST = command.Command.of('/usr/lpp/mmfs/bin/mmlsfileset')
REPORT = command.Command.of('/usr/lpp/mmfs/bin/mmrepquota')


def said(stdout='', stderr='', status=0):
    return command.Result(stdout, stderr, status)


def test_filesets():
    root, other, old = records.filesets(LIST, said(FILESETS))
    assert (root.name, root.path, root.linked) == (
        'root', '/fs/project', True)
    assert (other.name, other.path, other.linked, other.owner,
            other.source) == ('my-secret-data', '', False, '77',
                              'share-1:snap')
    assert (old.name, old.deleted, old.independent) == ('old', True, False)


@pytest.mark.parametrize('section', ['', 'fileset'])
def test_quotas(section):
    found = records.quotas(REPORT, said(QUOTA.format(section=section)))
    assert list(found) == ['name1']
    assert found['name1'].most == 950235440 + 406372448


def test_a_missing_fileset_is_no_failure_and_others_are():
    gone = said(stderr='Fileset name share-1 not found.\nmmlsfileset: '
                'Command failed. Examine previous error messages to '
                'determine cause.\n', status=2)
    assert records.fileset(LIST, gone, 'share-1') is None
    down = said(stderr='mmlsfileset: GPFS is down on this node.\n', status=1)
    with pytest.raises(exception.BackendError, match='down'):
        records.fileset(LIST, down, 'share-1')


@pytest.mark.parametrize(('text', 'status'), [
    ('sh: 7: /usr/lpp/mmfs/bin/mmlsfileset: not found', 127),
    ('bash: line 7: mmlsfileset: No such file or directory', 127),
    ('sudo: /usr/lpp/mmfs/bin/mmlsfileset: command not found', 1),
    ('sudo: unable to resolve host x\nsudo: mmlsfileset: command not found',
     1)])
def test_a_missing_command_is_no_missing_fileset(text, status):
    """Or a share would be taken for deleted."""
    with pytest.raises(exception.BackendError):
        records.fileset(LIST, said(stderr=text + '\n', status=status),
                        'share-1')


def test_failures_that_are_told_on_the_other_output():
    words = ('mmlsfileset: Command failed. Examine previous error messages '
             'to determine cause.\n')
    with pytest.raises(exception.BackendError):
        records.filesets(LIST, said(FILESETS + words))
    comment = FILESETS.replace('root fileset', words.strip().replace(
        ':', '%3A'))
    assert len(records.filesets(LIST, said(comment))) == 3


@pytest.mark.parametrize('blanks', [' ', '  '])
def test_failures_that_exit_with_0(blanks):
    silent = said(FILESETS, f'mmlsfileset: Command failed.{blanks}Examine '
                  'previous error messages to determine cause.\n')
    with pytest.raises(exception.BackendError):
        records.filesets(LIST, silent)


def test_without_a_header_nothing_is_known():
    with pytest.raises(listing.Unreadable):
        records.filesets(LIST, said('some warning\n'))
    header = FILESETS.partition('\n')[0]
    assert records.filesets(LIST, said(header)) == []


def test_no_snapshots():
    assert records.snapshots(LIST, said('No snapshots in file system x\n'),
                             'share-1') == []


def test_what_else_is_missing_is_no_missing_fileset():
    """Or a share would be taken for deleted while GPFS is down."""
    down = said(stderr='Failed to connect to file system daemon: No such '
                'file or directory\nmmlsfileset: Command failed. Examine '
                'previous error messages to determine cause.\n', status=1)
    for read in records.fileset, records.snapshots:
        with pytest.raises(exception.BackendError, match='daemon'):
            read(LIST, down, 'share-1')
    nothing = said(stderr='mmlsfileset: No filesets found.\n', status=1)
    assert records.fileset(LIST, nothing, 'share-1') is None


@pytest.mark.parametrize('unknown', ['-', '--', ''])
@pytest.mark.parametrize('number', ['950235440', '5368709120'])
def test_a_quota_without_numbers_is_not_known(unknown, number):
    """And not nothing, which would be taken for an empty share."""
    text = QUOTA.format(section='').replace(number, unknown)
    assert records.quotas(REPORT, said(text)) == {}


def test_rows_that_are_longer_by_nothing_are_read():
    text = ('c::HEADER:version:reserved:reserved:Name:\n'
            'c::0:1:::x:::\n')
    assert listing.rows(text, 'c') == [{'name': 'x'}]


def test_addresses_with_colons_and_odd_escapes():
    text = ('c:s:HEADER:version:reserved:reserved:Path:Clients:Level:\n'
            'c:s:0:1:::/fs%ess:2001:db8::/32:RW:\n'
            'c:s:0:1:::/x:10.0.0.1:RO:\n')
    first, second = listing.rows(text, 'c', 's', long_column='Clients')
    assert first == {'path': '/fs%ess', 'clients': '2001:db8::/32',
                     'level': 'RW'}
    assert second['clients'] == '10.0.0.1'
    with pytest.raises(listing.Unreadable):
        listing.rows(text, 'c', 's')


def test_no_command_is_longer_than_a_kernel_takes():
    first = int(ipaddress.ip_address('2001:db8:aaaa:bbbb:cccc:dddd:eeee:1'))
    levels = {ipaddress.ip_network(first + n): 'rw' for n in range(2000)}
    share = exports.Export('/gpfs0/share-1', 'share-1', '1', levels)
    entries = [ces_list.CesClient(str(network.network_address), network,
                                  'rw', {})
               for network in levels]
    wanted = exports.Export('/gpfs0/share-1', 'share-1', '1', {
        next(iter(levels)): 'rw'})
    gone = ces_list.difference(wanted, entries).one_by_one(wanted)
    came = ces_list.difference(share, entries[:1]).one_by_one(share)
    for words in gone + came:
        assert sum(map(len, words)) < 61_000
    assert [name for _, text in gone for name in text.split(',')] == [
        entry.client for entry in entries[1:]]
    assert sum(text.count(';') + 1 for _, text, *_ in came) == 1999
    assert (len(gone), len(came)) == (2, 2)


@pytest.mark.parametrize('text', [
    'rw', 'RO', 'access_type=rw', 'Access_Type = RO', 'clients=*', 'fsid=0',
    'sync,rw', 'unknown', 'anonuid', 'sync=1', 'sync;id', 'sec=$(id)',
    'mountpoint="/a b"', 'async)(rw', 'anonuid=', 'sync\nrw', 'root\t',
    # What exportfs would refuse when half is done, or take for nothing.
    'anonuid=nobody', 'sec=sys:banana', 'mountpoint=gpfs0', 'anonuid=1:2',
    # What would never be as it is wanted.
    'root_squash,no_root_squash', 'anonuid=1,anonuid=2', 'acl,sync,no_acl',
    'auth_nlm,insecure_locks'])
def test_export_options_that_are_refused(text):
    with pytest.raises(exception.InvalidRequest) as caught:
        options.parse(text, options.KERNEL, 'extra spec x',
                             exports_text.OPPOSITES)
    assert 'extra spec x' in str(caught.value)


def test_export_options_that_are_taken():
    assert options.parse(
        ' No_Root_Squash,,sec=krb5:sys , anonuid=7',
        options.KERNEL, 'x') == (
            'no_root_squash', 'sec=krb5:sys', 'anonuid=7')
    assert options.parse('protocols=3:4', options.GANESHA,
                                'x') == ('protocols=3:4',)
    assert options.parse('MountPoint=/A,sync,sync', options.
                                KERNEL, 'x', exports_text.OPPOSITES) == (
        'mountpoint=/A', 'sync')


@pytest.mark.parametrize('text', [
    'squash=banana', 'squash=none:all', 'sectype=sys:', 'protocols=5',
    'transports=tcp:carrier_pigeon', 'manage_gids=maybe', 'anonymous_uid=x',
    'privilegedport=2', 'delegations=some', 'squash=none,squash=all'])
def test_values_that_ganesha_does_not_know_are_refused(text):
    """It would change the export without them, and say so only then."""
    with pytest.raises(exception.InvalidRequest):
        options.parse(text, options.GANESHA, 'extra spec x')


@pytest.mark.parametrize('text', [
    'squash=Root_Id_Squash', 'sectype=krb5:krb5i:krb5p', 'protocols=NFS4',
    'transports=UDP:TCP', 'manage_gids=TRUE', 'anonymous_gid=-2',
    'privilegedport=0', 'delegations=readwrite', 'squash=noidsquash'])
def test_values_that_ganesha_knows_are_taken(text):
    assert options.parse(text, options.GANESHA, 'x') == (
        text.lower(),)

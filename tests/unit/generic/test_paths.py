# SPDX-License-Identifier: Apache-2.0

"""Names and exports, as clients and operators write them."""

import pytest

from manila_drivers import exception
from manila_drivers import model
from manila_drivers.generic import paths


@pytest.mark.parametrize(('export', 'found'), [
    ('10.0.0.1:/shares/x', ('10.0.0.1', '/shares/x')),
    ('[2001:db8::1]:/shares/x', ('2001:db8::1', '/shares/x')),
    ('host.example:/a/b/', ('host.example', '/a/b')),
    # The first colon ends the address.
    ('HOSTX:/a:/bX/', ('HOSTX', '/a:/bX'))])
def test_an_export_of_nfs(export, found):
    assert paths.split_nfs(export) == found


@pytest.mark.parametrize('export', [
    '', '/shares/x', '10.0.0.1', '10.0.0.1:/', ':/shares/x',
    '10.0.0.1:/a/../b', '10.0.0.1:/a//b', '\\\\10.0.0.1\\x',
    # Two slashes at the beginning are kept by POSIX, and by normpath().
    '10.0.0.1://shares/x'])
def test_no_export_of_nfs(export):
    with pytest.raises(exception.NotManageable, match='no export of NFS'):
        paths.split_nfs(export)


@pytest.mark.parametrize(('export', 'found'), [
    ('\\\\10.0.0.1\\x', ('10.0.0.1', 'x')),
    ('//10.0.0.1/x', ('10.0.0.1', 'x')),
    ('//HOSTX/x', ('HOSTX', 'x')),
    ('\\\\10.0.0.1\\x\\', ('10.0.0.1', 'x'))])
def test_an_export_of_cifs(export, found):
    assert paths.split_cifs(export) == found


@pytest.mark.parametrize('export', [
    '', '\\10.0.0.1\\x', '\\\\10.0.0.1', '\\\\10.0.0.1\\x\\y',
    '10.0.0.1:/shares/x'])
def test_no_export_of_cifs(export):
    with pytest.raises(exception.NotManageable, match='no export of CIFS'):
        paths.split_cifs(export)


def test_exports_are_written_as_they_are_read():
    assert paths.nfs_export('2001:db8::1', '/x') == '[2001:db8::1]:/x'
    assert paths.split_cifs(paths.cifs_export('10.0.0.1', 'x')) == (
        '10.0.0.1', 'x')


@pytest.mark.parametrize('name', [
    '../x', 'a/b', 'a b', '$(reboot)', "a'b", '-x', 'a\nb'])
def test_a_name_that_a_shell_might_read_is_refused(name):
    with pytest.raises(exception.InvalidRequest, match='cannot be the name'):
        paths.mount_path('/shares', model.Share('1', name=name))


def test_a_share_without_a_name_has_the_usual_one():
    assert paths.mount_path('/shares', model.Share('1')) == '/shares/share-1'


def test_addresses_are_compared_as_such():
    assert paths.same_address('2001:db8::1', '2001:0db8:0:0::1')
    assert not paths.same_address('10.0.0.1', '10.0.0.10')
    assert paths.same_address('Host', 'host')

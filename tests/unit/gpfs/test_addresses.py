# SPDX-License-Identifier: Apache-2.0

"""Tests of the addresses that clients are told to mount."""

import pytest

from manila_drivers import compat

BAD = compat.errors.BadConfigurationException


@pytest.mark.parametrize(('addresses', 'versions'), [
    (None, [4]), ('2001:db8::1', [6]), ('10.0.0.1,2001:db8::1', [4, 6]),
    ('nfs.example.org', [4, 6]), ('auto', [4])])
def test_the_versions_of_ip_are_those_of_the_addresses(
        make_place, addresses, versions):
    """Who cannot reach a server has no use for a rule."""
    place = make_place(gpfs_export_addresses=addresses)
    place.driver.check_for_setup_error()
    stats = place.manager.stats()
    assert place.driver.get_configured_ip_versions() == versions
    assert [stats['ipv4_support'], stats['ipv6_support']] == [
        4 in versions, 6 in versions]
    # Manila would drop rules for the others and show them as active.
    assert place.driver.ipv6_implemented


def test_the_addresses_of_the_protocol_nodes(make_place):
    place = make_place(gpfs_export_addresses='auto')
    place.sim.options.ces_addresses = (
        '192.0.2.12', '2001:db8::1', '192.0.2.10', '192.0.2.9')
    place.driver.check_for_setup_error()
    share = place.manager.new_share()
    assert place.spent(lambda: place.manager.create(share)) <= (5, 2)
    path = f'/gpfs0/shares/share-{share.id}'
    assert share.locations == [
        {'path': f'{address}:{path}', 'is_admin_only': False,
         'metadata': {'preferred': address == '192.0.2.10'}}
        for address in ('192.0.2.10', '192.0.2.9', '192.0.2.12',
                        '[2001:db8::1]')]


def test_addresses_that_have_changed_are_told_after_a_restart(make_place):
    place = make_place(gpfs_export_addresses='auto')
    place.driver.check_for_setup_error()
    before = place.driver.get_backend_info(None)
    share = place.manager.create()
    place.sim.options.ces_addresses = ('192.0.2.99',)
    assert place.driver.get_backend_info(None) == before
    place.driver.check_for_setup_error()
    assert place.driver.get_backend_info(None) != before
    place.manager.ensure()
    assert [path.partition(':')[0] for path in share.exports] == [
        '192.0.2.99']
    unmanaged = place.lab.make_unmanaged('by-hand')
    object.__setattr__(unmanaged, 'export', unmanaged.export.replace(
        '192.0.2.10', '192.0.2.99'))
    place.manager.manage(unmanaged)


@pytest.mark.parametrize('said', [
    '', 'mmces: no addresses\n', 'mmces::HEADER:1:::Address:\n',
    'mmces::HEADER:1:::Address:\nmmces::0:1:::none:\n'])
def test_protocol_nodes_without_addresses(make_place, said):
    place = make_place(gpfs_export_addresses='auto')
    run = place.sim.run

    def told(words, *more):
        result = run(words, *more)
        return type(result)(said, '', 0) if 'address' in words else result

    place.sim.run = told
    with pytest.raises(compat.errors.ManilaException):
        place.driver.check_for_setup_error()


@pytest.mark.parametrize('row', [
    'x::0:1:::2001%3Adb8%3A%3A1:node1:none:',
    'x::0:1:::2001:db8::1:node1:none:', 'x::0:1:::2001:DB8:0::1:node1::'])
def test_addresses_with_colons(make_place, row):
    place = make_place(gpfs_export_addresses='auto')
    run = place.sim.run

    def told(words, *more):
        result = run(words, *more)
        return type(result)(
            'x::HEADER:version:reserved:reserved:Address:Node:Attributes:\n'
            f'{row}\n', '', 0) if 'address' in words else result

    place.sim.run = told
    place.driver.check_for_setup_error()
    share = place.manager.create()
    assert share.export.startswith('[2001:db8::1]:/')

# SPDX-License-Identifier: Apache-2.0

"""Tables of ways into a share that none of its rules would close."""

import dataclasses

import pytest

from manila_drivers import exception
from manila_drivers.generic import doors
from manila_drivers.nas import exports_text
from manila_drivers.nas import kernel
from manila_drivers.nas import samba
from tests.unit.generic import test_assessment as guests

but = dataclasses.replace
PATH, PLACE, CIFS = guests.PATH, guests.PLACE, guests.CIFS
BELOW = but(guests.MOUNT, path='/srv/b')
OPEN = {'path': PATH, 'guest ok': 'yes', 'read only': 'no',
        'hosts deny': 'ALL'}
SERVING = samba.SambaInForce(True, {})
UNTOLD = exception.BackendError('nobody knows')


def guest(*mounts, serving=SERVING, sections=None, in_file=None, **parts):
    """An instance whose smb.conf has the sections of the registry."""
    found = guests.guest(*(mounts or (guests.MOUNT,)), sections=sections,
                         **parts)
    if serving is SERVING:
        serving = but(serving, sections={**(sections or {}),
                                         **(in_file or {})})
    return but(found, serving=serving)


def exported(path, *options):
    return exports_text.ExportEntry(path, '*', ('ro', *options))


AS_WELL = 'which is in it, is exported as well'
SECTION = 'section {} of Samba leads into it as well'.format


@pytest.mark.parametrize(('found', 'place', 'beside'), [
    (guest(), PLACE, []), (guest(), CIFS, []),
    (guest(live=[exported(PATH)]), PLACE, []),
    (guest(live=[exported(PATH)]), CIFS, ['it is exported over NFS as well']),
    (guest(kept=[PATH]), CIFS, ['it is exported over NFS as well']),
    (guest(others=[exported(PATH)]), CIFS,
     ['it is exported over NFS as well']),
    *((guest(**{where: [exported(PATH + '/sub')]}), PLACE,
       [f'{PATH}/sub, {AS_WELL}']) for where in ('live', 'others')),
    (guest(kept=[PATH + '/sub']), PLACE, [f'{PATH}/sub, {AS_WELL}']),
    (guest(live=[exported(PATH + '/b'), exported(PATH + '/a')]), PLACE,
     [f'{PATH}/a, {AS_WELL}', f'{PATH}/b, {AS_WELL}']),
    (guest(live=[exported(PATH + 'x'), exported('/shares'),
                 exported('/srv')]), PLACE, []),
    (guest(sections={PLACE.section: OPEN}), CIFS, []),
    (guest(sections={PLACE.section: OPEN}), but(
        CIFS, section=PLACE.section.upper()), []),
    (guest(sections={PLACE.section: OPEN}), PLACE, [SECTION(PLACE.section)]),
    (guest(sections={'old': OPEN}), CIFS, [SECTION('old')]),
    (guest(sections={'old': {**OPEN, 'path': PATH + '/sub'}}), PLACE,
     [SECTION('old')]),
    (guest(sections={'a': {**OPEN, 'path': PATH + 'x'}, 'b': {}}), CIFS, []),
    (but(guest(live=[exported(PATH)]), shared=UNTOLD), CIFS,
     ['it is exported over NFS as well']),
    (but(guest(sections={'old': OPEN}), exported=UNTOLD), CIFS,
     [SECTION('old')])])
def test_beside_its_own_export(found, place, beside):
    assert list(doors.beside(found, place)) == beside


ABOVE = '/shares, which it is in, is exported with it'
OVER = f'smb.conf has another say in section {PLACE.section}: '
IN_FILE = 'section {} of smb.conf leads into it as well'.format


@pytest.mark.parametrize(('found', 'place', 'into'), [
    (guest(), PLACE, []), (guest(live=[exported(PATH)]), PLACE, []),
    # What is exported above it shows it only with one of two options.
    (guest(live=[exported('/shares')]), PLACE, []),
    *((guest(live=[exported('/shares', option)]), PLACE, [ABOVE])
      for option in ('crossmnt', 'nohide')),
    (guest(others=[exported('/', 'crossmnt')]), PLACE,
     ['/, which it is in, is exported with it']),
    (guest(live=[exported('/srv', 'crossmnt')]), PLACE, []),
    (guest(live=[exported(PATH, 'crossmnt')]), PLACE, []),
    (guest(live=[exported(PATH[:-1], 'crossmnt')]), PLACE, []),
    # Its disk has another place as well.
    (guest(guests.MOUNT, BELOW, live=[exported('/srv/b')]), PLACE,
     [f'/srv/b, {AS_WELL}']),
    (guest(guests.MOUNT, BELOW, live=[exported('/srv', 'nohide')]), PLACE,
     ['/srv, which it is in, is exported with it']),
    (guest(sections={'top': {**OPEN, 'path': '/shares'}}), PLACE,
     [SECTION('top')]),
    (guest(sections={'top': {**OPEN, 'path': '/'}}), CIFS, [SECTION('top')]),
    (guest(sections={'top': {**OPEN, 'path': 'shares'}, 'none': {}}), CIFS,
     []),
    (guest(sections={'top': {**OPEN, 'path': '/sharesX'}}), PLACE, []),
    # What the file says beside the registry.
    (guest(in_file={'home': {'path': PATH}}), PLACE, [IN_FILE('home')]),
    (guest(in_file={'home': {'path': '/shares'}}), PLACE, [IN_FILE('home')]),
    (guest(in_file={'home': {'path': '/srv'}, 'printers': {}}), PLACE, []),
    (guest(sections={'home': {'path': '/srv'}}, in_file={
        'home': {'path': '/srv'}}), PLACE, []),
    # By the name of a section that the registry has elsewhere.
    (guest(sections={'home': {'path': '/srv'}}, in_file={
        'home': {'path': PATH}}), PLACE, [IN_FILE('home')]),
    (guest(sections={'home': {}}, in_file={'home': {'path': PATH}}), PLACE,
     [IN_FILE('home')]),
    (guest(sections={PLACE.section: OPEN}), CIFS, []),
    (guest(sections={PLACE.section: OPEN}, in_file={
        PLACE.section: {**OPEN, 'hosts allow': '10.0.0.1'}}), CIFS, [
        OVER + 'hosts allow = 10.0.0.1, not None']),
    # A section that is called as a share of NFS, and is elsewhere.
    (guest(sections={PLACE.section: {'path': '/srv'}}, in_file={
        PLACE.section: {'path': '/srv', 'hosts allow': '10.0.0.1'}}), PLACE,
     []),
    (guest(sections={PLACE.section: OPEN}, serving=but(
        SERVING, registry=False)), CIFS, [
        OVER + 'Samba does not read its registry']),
    (guest(serving=but(SERVING, registry=False)), CIFS, [
        'Samba does not read its registry (include = registry)']),
    (guest(serving=but(SERVING, registry=False)), PLACE, []),
    # What nobody knows.
    (guest(serving=None), PLACE, [
        'what smb.conf comes to is not told: it was not asked']),
    (guest(serving=UNTOLD), PLACE, [
        'what smb.conf comes to is not told: nobody knows.']),
    (but(guest(), shared=UNTOLD), PLACE, [
        'what Samba shares is not told: nobody knows.']),
    (but(guest(), exported=UNTOLD), PLACE, [
        'what NFS exports is not told: nobody knows.']),
    (but(guest(), shared=samba.NoSamba('none')), PLACE, []),
    (but(guest(), exported=kernel.NoKernelNfs('none')), CIFS, [
        'what NFS exports is not told: none.'])])
def test_all_ways(found, place, into):
    assert list(doors.into(found, place)) == into

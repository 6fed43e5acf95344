# SPDX-License-Identifier: Apache-2.0

"""The table of errors: every error of ours in every call."""

import importlib

import pytest

from manila_drivers import compat
from manila_drivers import exception
from manila_drivers.driver import manila_errors

errors = compat.errors

OTHERS = [exception.BackendError('x'), exception.Conflict('x'),
          exception.Busy('x'), exception.AccessDenied('x'),
          exception.Unreachable('x'), exception.OutcomeUnknown('x'),
          exception.DriverError('x')]

EXPECTED = [
    (exception.NotFound('x'), 'update_access', 'ShareResourceNotFound'),
    (exception.NotFound('x'), 'extend_share', 'ShareResourceNotFound'),
    (exception.NotFound('x'), 'shrink_share', 'ShareResourceNotFound'),
    (exception.NotFound('x'), 'create_share_from_snapshot',
     'SnapshotResourceNotFound'),
    (exception.NotFound('x'), 'revert_to_snapshot',
     'SnapshotResourceNotFound'),
    # Believed, it would make Manila forget the share.
    (exception.NotFound('x'), 'delete_share', 'ShareBackendException'),
    (exception.NotFound('x'), 'create_share', 'ShareBackendException'),
    (exception.NotFound('x'), 'manage_existing', 'ManageInvalidShare'),
    (exception.PossibleDataLoss('x'), 'shrink_share',
     'ShareShrinkingPossibleDataLoss'),
    (exception.NotManageable('x'), 'manage_existing', 'ManageInvalidShare'),
    (exception.TypeMismatch('x'), 'manage_existing',
     'ManageExistingShareTypeMismatch'),
    (exception.NotManageable('x'), 'manage_existing_snapshot',
     'ManageInvalidShareSnapshot'),
    (exception.NotManageable('x'), 'unmanage', 'UnmanageInvalidShare'),
    (exception.NotManageable('x'), 'unmanage_snapshot',
     'UnmanageInvalidShareSnapshot'),
    (exception.NotManageable('x'), 'manage_server',
     'ManageShareServerError'),
    (exception.Unreachable('x'), 'manage_existing', 'ShareBackendException'),
    (exception.ConfigurationError('opt', 'x'), 'do_setup',
     'BadConfigurationException'),
    (exception.InvalidRule('a', 'x'), 'update_access', 'InvalidShareAccess'),
    (exception.Unsupported('x'), 'create_share', 'InvalidShare'),
    (exception.InvalidRequest('x'), 'create_share_from_snapshot',
     'InvalidShare'),
    (exception.Busy('x'), 'delete_snapshot', 'ShareSnapshotIsBusy'),
    (exception.Busy('x'), 'delete_share', 'ShareBackendException'),
    (exception.Unsupported('x'), 'shrink_share', 'NotImplementedError'),
    *((error, 'create_share', 'ShareBackendException') for error in OTHERS),
    *((error, 'update_access', 'ShareBackendException') for error in OTHERS),
    # Any other class would leave the share in "unmanage_starting".
    *((error, 'unmanage', 'UnmanageInvalidShare') for error in OTHERS),
    *((error, 'unmanage_snapshot_with_server', 'UnmanageInvalidShareSnapshot')
      for error in OTHERS)]


@pytest.mark.parametrize(('error', 'method', 'name'), EXPECTED)
def test_the_class_is_what_the_call_needs(error, method, name):
    made = manila_errors.translate(error, method, 'the-id')

    assert type(made).__name__ == name
    assert str(error).rstrip('.') in str(made)


def test_ids_and_codes_are_kept():
    made = manila_errors.translate(
        exception.PossibleDataLoss('Used: 3 GiB.'), 'shrink_share', 'the-id')

    assert made.kwargs['share_id'] == 'the-id'
    assert made.code == 500
    assert made.detail_data == {}


def test_the_option_is_named():
    made = manila_errors.translate(
        exception.ConfigurationError('vast_mgmt_host', 'is not set'),
        'do_setup')

    assert 'Option vast_mgmt_host: is not set' in made.msg


def every_error(cls=exception.DriverError):
    yield cls
    for below in cls.__subclasses__():
        yield from every_error(below)


# Those of all drivers are there once these have been imported.
for module in ('glusterfs.glusterfs_native', 'ibm.gpfs.driver',
               'vastdata.driver'):
    importlib.import_module(f'manila_drivers.{module}')


METHODS = sorted(name for name in dir(compat.BaseShareDriver)
                 if not name.startswith('_'))


@pytest.mark.parametrize('cls', list(every_error()))
def test_nothing_of_ours_escapes(cls):
    """Whatever the error and the call, Manila knows the class."""
    for method in METHODS:
        error = (cls('opt', 'x') if issubclass(cls, (
            exception.ConfigurationError, exception.InvalidRule))
            else cls('x'))
        made = manila_errors.translate(error, method, 'i')
        assert type(made).__module__ == errors.__name__ or (
            cls is exception.Unsupported and method == 'shrink_share')


@pytest.mark.parametrize(('kind', 'answer', 'method', 'wanted'), [
    ('OverQuota', "Quota exceeded for resources: ['port'].", 'setup_server',
     'PortLimitExceeded'),
    ('OverQuota', "Quota exceeded for resources: ['subnet'].",
     'setup_server', 'ShareBackendException'),
    ('IpAddressGenerationFailure', 'No more IP addresses', 'setup_server',
     'IpAddressGenerationFailureClient'),
    ('IpAddressGenerationFailure', 'No more IP addresses', 'create_share',
     'ShareBackendException')])
def test_users_are_told_that_a_network_is_full(kind, answer, method, wanted):
    """Manila leaves a message of its own for these two."""
    error = exception.NoRoom('Creation of port p', answer=answer)
    error.kind = kind
    error.detail_data = {'server_details': {'instance_id': 'x'}}
    told = manila_errors.translate(error, method)
    # Releases before 2025.1 do not have all of them.
    assert type(told).__name__ == (wanted if hasattr(compat.errors, wanted)
                                   else 'ShareBackendException')
    assert answer in str(told)
    assert told.detail_data == error.detail_data

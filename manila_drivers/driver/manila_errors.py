# SPDX-License-Identifier: Apache-2.0

"""Translate our errors into Manila's, where they leave the library.

Which class Manila wants depends on the call: what it does next hangs on it.
The facts behind the table: ``shrink_share`` puts a share back to "available"
for two classes only, ``unmanage`` leaves it in limbo for all but one, and
whatever takes a share for vanished is believed.
"""

from collections.abc import Mapping
from typing import Any

from manila_drivers import compat
from manila_drivers import exception

errors = compat.errors

_MANAGE: Mapping[str, Any] = {
    'manage_existing': errors.ManageInvalidShare,
    'manage_existing_with_server': errors.ManageInvalidShare,
    'manage_existing_snapshot': errors.ManageInvalidShareSnapshot,
    'manage_existing_snapshot_with_server':
        errors.ManageInvalidShareSnapshot,
    'manage_server': errors.ManageShareServerError}

_UNMANAGE: Mapping[str, Any] = {
    'unmanage': errors.UnmanageInvalidShare,
    'unmanage_with_server': errors.UnmanageInvalidShare,
    'unmanage_snapshot': errors.UnmanageInvalidShareSnapshot,
    'unmanage_snapshot_with_server': errors.UnmanageInvalidShareSnapshot}

# Calls in which NotFound can only mean the share.  delete_share is not one of
# them: it copes with a missing share itself, and anything else it misses must
# not make Manila forget a share that is still there.
_SHARE_CALLS = frozenset({
    'update_access', 'extend_share', 'shrink_share', 'ensure_share',
    'get_share_status', 'create_snapshot', 'connection_get_info'})

_SNAPSHOT_CALLS = frozenset({
    'create_share_from_snapshot', 'revert_to_snapshot',
    'snapshot_update_access', 'update_replicated_snapshot'})

# What one call alone has a class for.
_PARTICULAR: tuple[tuple[type[exception.DriverError], str, Any], ...] = (
    (exception.InvalidRequest, 'setup_server',
     errors.NetworkBadConfigurationException),
    (exception.Unsupported, 'create_snapshot',
     errors.ShareSnapshotNotSupported),
    (exception.Busy, 'delete_snapshot', errors.ShareSnapshotIsBusy))


def translate(error: exception.DriverError, method: str,
              subject: str = '') -> Exception:
    """Return the exception that Manila should see.

    :param method: name of the driver's method.
    :param subject: id of the share or snapshot it was called for.
    """
    if method == 'shrink_share' and isinstance(error, exception.Unsupported):
        # For Manila "the driver cannot shrink": the share stays available.
        return NotImplementedError(str(error))
    chosen = _chosen(error, method)
    made: Exception = chosen(
        message=_text(chosen, error), share_id=subject, name=subject,
        reason=str(error), msg=str(error),
        detail_data=getattr(error, 'detail_data', {}))
    return made


def _chosen(error: exception.DriverError, method: str) -> Any:
    if method in _UNMANAGE:
        return _UNMANAGE[method]
    if isinstance(error, exception.PossibleDataLoss):
        return errors.ShareShrinkingPossibleDataLoss
    if isinstance(error, exception.ConfigurationError):
        return errors.BadConfigurationException
    if method in _MANAGE and isinstance(
            error, (exception.InvalidRequest, exception.BackendError)):
        return (errors.ManageExistingShareTypeMismatch
                if isinstance(error, exception.TypeMismatch)
                else _MANAGE[method])
    if isinstance(error, exception.NotFound):
        if method in _SHARE_CALLS:
            return errors.ShareResourceNotFound
        if method in _SNAPSHOT_CALLS:
            return errors.SnapshotResourceNotFound
    if isinstance(error, exception.InvalidRule):
        return errors.InvalidShareAccess
    if isinstance(error, exception.InvalidRequest) \
            and method.startswith(('create_share', 'update_access')):
        return errors.InvalidShare
    return _lacking(error, method) or next(
        (wanted for kind, name, wanted in _PARTICULAR
         if method == name and isinstance(error, kind)),
        errors.ShareBackendException)


def _lacking(error: exception.DriverError, method: str) -> Any:
    """Return the class for a share server that got no port or address.

    For these Manila leaves users a message of its own; older releases have
    none for addresses.
    """
    if method != 'setup_server' or not isinstance(error, exception.NoRoom):
        return None
    kind = str(getattr(error, 'kind', '')).lower()
    if kind == 'overquota' and "'port'" in error.answer:
        return errors.PortLimitExceeded
    if kind == 'ipaddressgenerationfailure':
        return getattr(errors, 'IpAddressGenerationFailureClient', None)
    return None


def _text(chosen: Any, error: exception.DriverError) -> str | None:
    """Return our text where the class's template has no room for one.

    None leaves it to the template, which quotes ``reason`` or ``msg``.
    """
    template = str(chosen.message)
    if '%(reason)s' in template or '%(msg)s' in template:
        return None
    return str(error)

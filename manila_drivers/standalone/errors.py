# SPDX-License-Identifier: Apache-2.0

"""The exceptions of ``manila.exception`` that drivers raise, without Manila.

Same names, same ancestors, same constructor; a test compares them with every
supported release.  The texts are ours.
"""

import logging
from typing import Any
from typing import ClassVar

from oslo_concurrency import processutils

LOG = logging.getLogger(__name__)

ProcessExecutionError = processutils.ProcessExecutionError


class ManilaException(Exception):
    """Root of Manila's tree.

    :param message: the whole text; without it the class's template is filled
        from the keywords, and left as it stands if they do not fit.
    :param detail_data: what Manila stores although the call failed, such as
        ``export_locations``.
    """

    message: ClassVar[str] = 'Unknown error.'
    code: ClassVar[int] = 500

    def __init__(self, message: object = None,
                 detail_data: dict[str, Any] | None = None,
                 **kwargs: Any) -> None:
        self.detail_data = {} if detail_data is None else detail_data
        self.kwargs = {key: _text(value) for key, value in kwargs.items()}
        self.kwargs.setdefault('code', self.code)
        text = str(message) if message else self._filled()
        if text.endswith('..') and not text.endswith('...'):
            text = text[:-1]
        self.msg = text
        super().__init__(text)

    def _filled(self) -> str:
        try:
            return self.message % self.kwargs
        except (KeyError, TypeError, ValueError):
            LOG.error('%s was raised with %s, which does not fill %r',
                      type(self).__name__, sorted(self.kwargs), self.message)
            return self.message


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, Exception) else value


class NetworkException(ManilaException):
    message = 'Network failure.'


class NetworkBadConfigurationException(NetworkException):
    message = 'The network configuration is wrong: %(reason)s.'


class BadConfigurationException(ManilaException):
    message = 'The configuration is wrong: %(reason)s.'


class NotFound(ManilaException):
    message = 'The resource was not found.'
    code = 404


class Invalid(ManilaException):
    message = 'Invalid parameters.'
    code = 400


class InvalidRequest(Invalid):
    message = 'The request is not valid.'


class InvalidInput(Invalid):
    message = 'The input is not valid: %(reason)s.'


class InvalidParameterValue(Invalid):
    message = '%(err)s'


class InvalidShare(Invalid):
    message = 'The share is not valid: %(reason)s.'


class ManageInvalidShare(InvalidShare):
    message = 'The share cannot be taken under management: %(reason)s'


class UnmanageInvalidShare(InvalidShare):
    message = 'The share cannot be released from management: %(reason)s'


class InvalidShareInstance(Invalid):
    message = 'The share instance is not valid: %(reason)s.'


class ShareSnapshotNotSupported(ManilaException):
    message = 'Share %(share_name)s does not support snapshots.'


class ShareSnapshotIsBusy(ManilaException):
    message = 'Snapshot %(snapshot_name)s is in use.'


class InvalidShareSnapshot(Invalid):
    message = 'The snapshot is not valid: %(reason)s.'


class ManageInvalidShareSnapshot(InvalidShareSnapshot):
    message = 'The snapshot cannot be taken under management: %(reason)s.'


class UnmanageInvalidShareSnapshot(InvalidShareSnapshot):
    message = 'The snapshot cannot be released from management: %(reason)s.'


class ManageExistingShareTypeMismatch(ManilaException):
    message = 'The share does not match its share type: %(reason)s'


class ManageShareServerError(ManilaException):
    message = 'The share server cannot be managed: %(reason)s'


class InvalidShareAccess(Invalid):
    message = 'The access rule is not valid: %(reason)s'


class InvalidShareAccessLevel(Invalid):
    message = 'Access level %(level)s is not valid or not supported.'


class InvalidShareAccessType(Invalid):
    message = 'Access type %(type)s is not valid or not supported.'


class QuotaError(ManilaException):
    message = 'A quota is exceeded: code=%(code)s.'
    code = 413


class PortLimitExceeded(QuotaError):
    message = 'The number of ports is at its limit.'


class IpAddressGenerationFailureClient(ManilaException):
    message = 'The subnet has no free address left.'


class SecurityServiceFailedAuth(ManilaException):
    message = 'The security service refused the user.'


class DriverCannotTransferShareWithRules(ManilaException):
    message = 'The driver cannot transfer a share that has access rules.'


class DriverNotInitialized(ManilaException):
    message = "Share driver '%(driver)s' is not initialized."


class ShareBackendException(ManilaException):
    message = 'The share backend failed: %(msg)s.'


class ShareShrinkingPossibleDataLoss(ManilaException):
    message = 'Shrinking share %(share_id)s might lose data'


class StorageResourceException(ManilaException):
    message = 'A storage resource failed.'


class StorageResourceNotFound(StorageResourceException):
    message = 'Storage resource %(name)s was not found.'
    code = 404


class ShareResourceNotFound(StorageResourceNotFound):
    message = 'Share %(share_id)s was not found on the backend.'


class SnapshotResourceNotFound(StorageResourceNotFound):
    message = 'Snapshot %(name)s was not found.'


class ShareGroupSnapshotNotSupported(ManilaException):
    message = 'Share group %(share_group)s does not support snapshots.'


class InvalidShareGroup(Invalid):
    message = 'The share group is not valid: %(reason)s'


class LockCreationFailed(ManilaException):
    message = 'The lock could not be made: coordination is not started.'


class LockingFailed(ManilaException):
    message = 'The lock could not be taken.'


class ServiceInstanceException(ManilaException):
    message = 'The service instance manager failed.'


class ServiceInstanceUnavailable(ServiceInstanceException):
    message = 'The service instance is not available.'

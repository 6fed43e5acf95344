# SPDX-License-Identifier: Apache-2.0

"""Exit codes of the command, which scripts may rely on."""

from manila_drivers import exception

DONE = 0
#: The backend refused, or failed.
FAILED = 1
#: It cannot be done as it is written, here or in the configuration.
REFUSED = 2
#: There is no such share, snapshot or rule.
MISSING = 3
#: Somebody else uses it, or did not answer: the same command may work later.
LATER = 4

# The first that an error is one of.
_CODES: tuple[tuple[type[exception.DriverError], int], ...] = (
    (exception.ConfigurationError, REFUSED),
    (exception.InvalidRequest, REFUSED),
    (exception.Conflict, REFUSED),
    (exception.NotFound, MISSING),
    (exception.Busy, LATER),
    (exception.TransportError, LATER),
    (exception.DriverError, FAILED))


def code(error: exception.DriverError) -> int:
    """Return the exit code for an error."""
    return next(code for kind, code in _CODES if isinstance(error, kind))

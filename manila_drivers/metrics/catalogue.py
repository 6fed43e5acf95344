# SPDX-License-Identifier: Apache-2.0

"""All metrics that there are.  Pure.

No label has ids of shares, addresses of clients or anything else of which
there may be any number.
"""

import dataclasses

from manila_drivers import exception

COUNTER, GAUGE, HISTOGRAM = 'counter', 'gauge', 'histogram'

#: Seconds of operations, from a rule that changes to data that is copied.
BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0,
           300.0, 600.0, 1800.0)

DONE, NOT_IMPLEMENTED, UNEXPECTED = 'done', 'not_implemented', 'unexpected'


@dataclasses.dataclass(frozen=True)
class Metric:
    """One metric as it is served.

    ``labels`` are those beside ``backend``, which all of them have.
    """

    name: str
    kind: str
    help: str
    labels: tuple[str, ...] = ()

    @property
    def label_names(self) -> tuple[str, ...]:
        return ('backend', *self.labels)


OPERATIONS = Metric(
    'manila_drivers_operations_total', COUNTER,
    'Operations that have ended, by how they ended.',
    ('operation', 'outcome'))
OPERATION_SECONDS = Metric(
    'manila_drivers_operation_seconds', HISTOGRAM,
    'How long operations took.', ('operation',))
RUNNING = Metric(
    'manila_drivers_operations_running', GAUGE,
    'Operations that are under way.', ('operation',))
ROUND_TRIPS = Metric(
    'manila_drivers_round_trips_total', COUNTER,
    'Requests, commands and logins that operations have sent, repeated ones '
    'included.', ('operation', 'transport'))
ROUND_TRIP_SECONDS = Metric(
    'manila_drivers_round_trip_seconds_total', COUNTER,
    'Seconds that round trips took.', ('operation', 'transport'))
TRANSPORT_ERRORS = Metric(
    'manila_drivers_transport_errors_total', COUNTER,
    'Round trips without a usable answer.', ('transport', 'error'))
INFO = Metric(
    'manila_drivers_backend_info', GAUGE,
    'Always 1; its labels say what serves the backend.',
    ('driver', 'protocol', 'version'))
SHARES = Metric(
    'manila_drivers_shares', GAUGE,
    'Shares by their status, as Manila or the registry has it.', ('state',))
OWED_CHECKS = Metric(
    'manila_drivers_owed_checks', GAUGE,
    'Shares that a start of the service could not finish with, by what they '
    'are owed.', ('kind',))
PENDING_CHANGES = Metric(
    'manila_drivers_pending_changes', GAUGE,
    'Exports of which an NFS server has still to be told.', ('server',))
POOL_TOTAL = Metric(
    'manila_drivers_pool_total_bytes', GAUGE,
    'Capacity of a pool.', ('pool',))
POOL_FREE = Metric(
    'manila_drivers_pool_free_bytes', GAUGE,
    'Free capacity of a pool.', ('pool',))
POOL_PROVISIONED = Metric(
    'manila_drivers_pool_provisioned_bytes', GAUGE,
    'Sum of the sizes that shares of a pool may grow to.', ('pool',))
STATISTICS_TIME = Metric(
    'manila_drivers_statistics_timestamp_seconds', GAUGE,
    'When the backend told its capacities last, since 1970.')

#: Kept while operations run.
RECORDED = (OPERATIONS, OPERATION_SECONDS, RUNNING, ROUND_TRIPS,
            ROUND_TRIP_SECONDS, TRANSPORT_ERRORS)
#: Looked up when somebody asks.
COLLECTED = (INFO, SHARES, OWED_CHECKS, PENDING_CHANGES, POOL_TOTAL,
             POOL_FREE, POOL_PROVISIONED, STATISTICS_TIME)
METRICS = (*RECORDED, *COLLECTED)


def outcome(error: BaseException | None) -> str:
    """Return the name of how something ended: one of :func:`outcomes`."""
    if error is None:
        return DONE
    if isinstance(error, NotImplementedError):
        return NOT_IMPLEMENTED
    # Drivers have subclasses of their own.
    return next((_named(kind) for kind in type(error).__mro__
                 if _in_tree(kind)), UNEXPECTED)


def outcomes() -> set[str]:
    """Return all names that there are."""
    return {DONE, NOT_IMPLEMENTED, UNEXPECTED, *(
        _named(kind) for kind in vars(exception).values()
        if isinstance(kind, type) and _in_tree(kind))}


def _in_tree(kind: type) -> bool:
    return (issubclass(kind, exception.DriverError)
            and kind.__module__ == exception.__name__)


def _named(kind: type) -> str:
    """Return OutcomeUnknown as outcome_unknown."""
    return ''.join('_' * letter.isupper() + letter.lower()
                   for letter in kind.__name__).lstrip('_')

# SPDX-License-Identifier: Apache-2.0

"""Makes and changes records, and sees that they are what was asked for."""

from collections.abc import Callable
from collections.abc import Mapping
from typing import Any
from typing import TypeVar

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.vastdata import errors
from manila_drivers.vastdata import records
from manila_drivers.vastdata import repository
from manila_drivers.vastdata import share_record

T = TypeVar('T')


def not_stored(kind: str, name: str, sent: str,
                stored: object) -> exception.BackendError:
    """Return the error for a setting that VMS took and does not have."""
    return exception.BackendError(
        '%s %s does not have the %s that it was given' % (kind, name, sent),
        answer='it has %s' % stored, check='the object in VMS, by hand')


class RecordSteps:
    """Steps that are the same for all kinds of records.

    :param notes: what is written down about shares.
    """

    def __init__(self, found: repository.Repository,
                 notes: share_record.ShareRecord) -> None:
        self._found = found
        self._vms = found.vms
        self._cluster = found.cluster
        self._settings = found.cluster.settings
        self._notes = notes

    def rename(self, name: str, resource: str, ident: int) -> None:
        """Give a view, a quota or a policy a new name."""
        def name_of(data: Any) -> str:
            return records.name(data, resource)
        stored = self._stored(resource, ident, {'name': name}, name_of)
        if stored != name:
            raise not_stored(resource, str(ident), 'name %s' % name, stored)

    def _check_made(self, resource: str, done: plan.Done,
                    *fields: str) -> plan.Done:
        """Return a new object with these fields, as far as VMS tells them.

        :raises BackendError: it is not of the tenant that it was made for.
        """
        if not done.created:
            return done
        self._expect_made(resource, done)
        try:
            made = self._whole(resource, done.value, 'tenant_id', *fields)
            if not self._cluster.here(made):
                raise not_stored(
                    resource, made.name, 'tenant %d'
                    % self._cluster.tenant_id(), made.tenant_id)
        except exception.BackendError:
            self._delete(resource, done.value.id)
            raise
        return plan.Done(made)

    # What an answer has told alone is looked at by the next statistics.

    def _expect_made(self, resource: str, done: plan.Done) -> None:
        """Have it seen that a new object is there."""
        ident, name = done.value.id, getattr(done.value, 'name', '')

        def look() -> str:
            return '' if self._vms.get(
                resource, ident, _as_told) is not None else (
                    '%s (%s %d) was made, and is not there' % (
                        name, resource, ident))
        if done.created:
            self._found.unseen.expect((resource, ident), look)

    def _expect_stored(self, resource: str, ident: int,
                       body: Mapping[str, Any],
                       told: Mapping[str, Any]) -> None:
        """Have it seen that fields are what an answer to a change said."""
        name = told.get('name') or told.get('path')

        def look() -> str:
            now = self._vms.get(resource, ident, _as_told)
            other = [field for field in body if now is not None
                     and _sorted(now.get(field)) != _sorted(told[field])
                     and not (resource == 'quotas' and field == 'hard_limit'
                              and self._notes.has_given(
                                  str(now.get('name')), now.get(field)))]
            return '; '.join(
                '%s of %s (%s %d) was set to %r, and is %r' % (
                    field, name, resource, ident, told[field],
                    now and now.get(field)) for field in other)
        self._found.unseen.expect((resource, ident), look)

    def _delete(self, resource: str, ident: int) -> None:
        self._found.unseen.forget((resource, ident))
        self._vms.delete(resource, ident)

    def _whole(self, resource: str, record: T, *fields: str) -> T:
        """Return a record again that lacks a field, as answers may do."""
        told: Any = record
        if told.tenant_id != records.UNTOLD and None not in (
                getattr(told, field) for field in fields):
            return record
        parse_record: Callable[[Any], T] = type(told).of
        return self._read(resource, told.id, parse_record)

    def _stored(self, resource: str, ident: int, body: Mapping[str, Any],
                parse_record: Callable[[Any], T]) -> T:
        """Change fields, and return the record as it is then.

        :raises NotFound: it vanished meanwhile.
        """
        data = self._vms.update(resource, ident, body)
        if isinstance(data, Mapping) and 'id' in data \
                and body.keys() <= data.keys() \
                and errors.is_about(data, ident):
            stored = errors.parsed(resource, parse_record, data)
            self._expect_stored(resource, ident, body, data)
            return stored
        self._found.unseen.forget((resource, ident))
        return self._read(resource, ident, parse_record)

    def _read(self, resource: str, ident: int,
              parse_record: Callable[[Any], T]) -> T:
        found = self._vms.get(resource, ident, parse_record)
        if found is None:
            raise exception.NotFound('%s %d vanished while it was changed'
                                     % (resource, ident))
        return found


def _as_told(data: Any) -> Mapping[str, Any]:
    """Return a record as VMS tells it."""
    return data if isinstance(data, Mapping) else {}


def _sorted(value: Any) -> Any:
    """Return a value with lists in an order: they are sets."""
    return sorted(map(str, value)) if isinstance(value, list) else value

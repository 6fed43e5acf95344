# SPDX-License-Identifier: Apache-2.0

"""The REST interface of the management service (VMS), without decisions.

Lists are always paged, and what comes back from a filtered list is filtered
again here, since a server may ignore a parameter that it does not know.
"""

from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import logging
import time
from typing import Any
from typing import TypeVar
import uuid

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.transport import rest
from manila_drivers.transport import retry
from manila_drivers.vastdata import answers
from manila_drivers.vastdata import errors
from manila_drivers.vastdata import records

LOG = logging.getLogger(__name__)

T = TypeVar('T')

#: Seconds that something which was deleted may still be listed.
LINGERING = 30.0


def _id_of(data: records.Json) -> int:
    return records.ident(data, 'record')


def _passed(error: exception.DriverError) -> None:
    LOG.warning('Passed over in a list of VMS: %s', error)


class Vms:
    """Requests to one VMS.  Safe for use by many threads.

    :param prefix: path before the resource, such as ``/api/v1/``.
    :param login: whom requests are made for, in words for error messages.
    """

    def __init__(self, transport: rest.RestTransport, prefix: str, *,
                 page_size: int = 1000, login: str = 'the VMS user',
                 policy: retry.RetryPolicy | None = None,
                 clock: Callable[[], float] = time.monotonic,
                 sleep: Callable[[float], object] = time.sleep) -> None:
        self._transport = transport
        self._prefix = prefix
        self._page_size = page_size
        self._login = login
        self._policy = policy or retry.REST
        self._clock = clock
        self._sleep = sleep

    def close(self) -> None:
        self._transport.close()

    def call(self, method: str, resource: str, *, body: Any = None,
             query: tuple[tuple[str, str], ...] = (),
             repeatable: bool | None = None) -> Any:
        """Return what :meth:`exchange` decodes, or None."""
        return self.exchange(method, resource, body=body, query=query,
                             repeatable=repeatable).data

    def exchange(self, method: str, resource: str, *, body: Any = None,
                 query: tuple[tuple[str, str], ...] = (),
                 repeatable: bool | None = None) -> rest.Response:
        """Send one request and return the answer, which is a success.

        :param resource: path below the prefix; ends in a slash, as VMS
            demands: a redirected POST would lose its body.
        :raises BackendError: or one of its kinds, with the answer's text.
        :raises TransportError: there was no usable answer.
        """
        request = rest.Request(method, self._prefix + resource, query=query,
                               body=body, repeatable=repeatable)
        answer = self._transport.call(request)
        if not answer.ok:
            raise errors.failure(request, answer, resource, self._login)
        return answer

    def list(self, resource: str, parse_record: Callable[[Any], T],
             **filters: object) -> Iterator[T]:
        """All records, page by page, each once.

        :raises BackendError: VMS tells of more records than it lists.
        """
        walk = answers.Walk(resource, (
            *((name, str(value)) for name, value in filters.items()
              if value is not None), ('page_size', str(self._page_size))))
        while walk.query is not None:
            for row in self._next_rows(walk):
                if not answers.is_other(row, filters):
                    yield errors.parsed(resource, parse_record, row)

    def _next_rows(self, walk: answers.Walk) -> Sequence[Any]:
        try:
            return walk.take(self.call('GET', walk.resource + '/',
                                       query=walk.query or ()))
        except exception.BackendError as exc:
            # Fewer than there were when the page before was read, or than
            # its number let expect.
            if not (walk.unsure and exc.status == 404
                    and errors.NO_PAGE in exc.answer.lower()):
                raise
            walk.end()
            return ()

    def readable(self, resource: str, parse_record: Callable[[Any], T],
                 unread: Callable[[exception.DriverError], object] = _passed,
                 /, **filters: object) -> Iterator[T]:
        """Like :meth:`list`, without records that cannot be read.

        For lists of everything there is: a strange object of somebody else
        must not stop the work on ours.

        :param unread: is told why a record was left out.
        """
        def parse_or_none(row: Any) -> T | None:
            record, error = exception.caught(
                lambda: errors.parsed(resource, parse_record, row))
            if error is not None:
                if not isinstance(error, exception.BackendError):
                    raise error
                unread(error)
            return record

        for record in self.list(resource, parse_or_none, **filters):
            if record is not None:
                yield record

    def find(self, resource: str, parse_record: Callable[[Any], T],
             match: Callable[[T], bool], **filters: object) -> T | None:
        """The one record that matches, or None.

        :raises Conflict: several match, which is named, not guessed about.
        :raises BackendError: there is one of that name, which does not tell
            it.
        """
        listed = [*self.list(resource, parse_record, **filters)]
        found = [record for record in listed if match(record)]
        if not found and 'name' in filters:
            self._check_nameless(resource, [
                record for record in listed
                if getattr(record, 'name', None) == ''], **filters)
        if len(found) > 1:
            raise exception.Conflict(
                'VMS has %d %s where one was expected: ids %s'
                % (len(found), resource, ', '.join(
                    str(getattr(record, 'id', record)) for record in found)))
        return found[0] if found else None

    def _check_nameless(self, resource: str, listed: Sequence[Any],
                        **filters: object) -> None:
        """Raise if records without a name are listed because of it.

        They are not if a name that nobody has brings them as well.
        """
        if not listed:
            return
        anyway = set(self.list(
            resource, _id_of, **{**filters, 'name': str(uuid.uuid4())}))
        hidden = [record for record in listed if record.id not in anyway]
        if hidden:
            raise exception.BackendError(
                'VMS lists %d of %s under the name %s, and does not tell '
                'their names' % (len(hidden), resource, filters['name']),
                answer='ids %s' % ', '.join(
                    str(record.id) for record in hidden),
                check='vast_api_version; nothing was done with it')

    def get(self, resource: str, ident: object,
            parse_record: Callable[[Any], T]) -> T | None:
        """One record by its id, or None.

        :raises BackendError: VMS says that it is gone, and lists it.
        """
        try:
            data = self.call('GET', '%s/%s/' % (resource, ident))
        except exception.NotFound as exc:
            self._confirm_gone(resource, ident, exc)
            return None
        record = errors.parsed(resource, parse_record, data)
        if not errors.is_about(data, ident):
            raise exception.BackendError(
                'VMS was asked for %s %s and answered with another'
                % (resource, ident), answer='id: %r' % data.get('id'),
                check=errors.NO_ROUTE)
        return record

    def create(self, resource: str, body: Mapping[str, Any],
               parse_record: Callable[[Any], T | None],
               look: Callable[[], T | None]) -> plan.Done:
        """Make an object, or adopt the one that is there already.

        :param look: finds the object; it raises Conflict if what it finds
            is not what would have been made.
        :returns: Done, whose ``created`` is False whenever it cannot be
            excluded that the object was there before.
        :raises BackendError: refused, and no such object exists.
        :raises OutcomeUnknown: still not clear after several looks.
        """
        attempts = retry.Attempts(self._policy, self._clock, self._sleep)
        while True:
            try:
                data = self.call('POST', resource + '/', body=body)
            except (exception.BackendError, exception.OutcomeUnknown) as exc:
                found = look() if errors.may_exist(exc) else None
                if found is not None:
                    return plan.Done(found, created=False)
                if not (isinstance(exc, exception.OutcomeUnknown)
                        and attempts.again()):
                    errors.about(exc, body)
                    raise
            else:
                return plan.Done(self._made(resource, data, parse_record,
                                            look, body))

    def _made(self, resource: str, data: Any,
              parse_record: Callable[[Any], T | None],
              look: Callable[[], T | None], body: Mapping[str, Any]) -> T:
        """Return a new object, which the answer need not tell."""
        record, unread = exception.caught(
            lambda: errors.parsed(resource, parse_record, data)
            if data else None)
        if record is None:
            record = look()
        if record is None:
            raise errors.about(unread or exception.OutcomeUnknown(
                'VMS accepted a new object in %s and does not list it'
                % resource, answer=repr(sorted(body))), body)
        return record

    def update(self, resource: str, ident: int,
               body: Mapping[str, Any]) -> Any:
        """Change fields; lists are replaced.  The answer may be None."""
        return self.exchange('PATCH', '%s/%d/' % (resource, ident),
                             body=body).data

    def delete(self, resource: str, ident: int,
               body: Mapping[str, Any] | None = None) -> Any:
        """Remove a record; that it is gone already is success.

        :raises BackendError: refused, or VMS says that it is gone and lists
            it.
        """
        try:
            answer = self.exchange('DELETE', '%s/%d/' % (resource, ident),
                                   body=body)
        except exception.NotFound as exc:
            self._confirm_gone(resource, ident, exc)
            return None
        self.confirm_deleted(
            'Deleting %s %d' % (resource, ident), answer,
            lambda: not self._listed(resource, ident))
        return answer.data

    def confirm_deleted(self, what: str, answer: rest.Response,
                        is_gone: Callable[[], bool]) -> None:
        """Look after a deletion whose answer does not say that it is done.

        :raises OutcomeUnknown: it is still there after some time.
        """
        if answers.says_deleted(answer) \
                or answers.Task.within(answer.data) is not None:
            return
        self.wait_for(what, lambda: is_gone() or None, LINGERING)

    def _listed(self, resource: str, ident: object) -> bool:
        return any(str(row.get('id')) == str(ident)
                   for row in self.list(resource, dict, id=ident))

    def _confirm_gone(self, resource: str, ident: object,
                      answered: exception.NotFound) -> None:
        """Raise if a list still has what an answer says is not there.

        A proxy, or a service that is just being upgraded, answers in the
        words of VMS for routes that it does not have.
        """
        if self._listed(resource, ident):
            raise exception.BackendError(
                'VMS says that %s %s is not there, and lists it'
                % (resource, ident), status=answered.status,
                answer=answered.answer, check=errors.NO_ROUTE) from answered

    def wait_for(self, what: str, look: Callable[[], T | None],
                 seconds: float) -> T:
        """Call ``look`` until it returns something.

        Work goes on while VMS cannot be asked, so that a look that gets no
        answer does not end the wait.

        :raises OutcomeUnknown: nothing came within that many seconds.
        """
        attempts = retry.Attempts(
            dataclasses.replace(retry.POLLING, total=seconds), self._clock,
            self._sleep)
        while True:
            answer = ''
            try:
                found = look()
            except exception.DriverError as exc:
                if not errors.unable(exc):
                    raise
                found, answer = None, str(exc)
            if found is not None:
                return found
            if not attempts.again():
                raise exception.OutcomeUnknown(
                    '%s was not finished after %g s' % (what, seconds),
                    answer=answer,
                    check='vast_task_timeout, and the activities in VMS')

    def finish(self, what: str, answer: Any, seconds: float) -> bool:
        """Wait for the task in an answer; tell if it was seen completed.

        False if there is none, if nobody tells how it ended, or if tasks may
        not be read: what it was about has to be looked at then.
        """
        task = answers.Task.within(answer)
        if task is None:
            return False

        def look(number: int = task.id) -> answers.Task | None:
            try:
                now = self.get('vtasks', number, answers.Task.of)
            except exception.BackendError as exc:
                if isinstance(exc, errors.LoginRefused) \
                        or exc.status not in (403, 404):
                    raise
                now = None
            if now is None:
                return answers.Task(number, answers.UNTOLD, '')
            return None if now.running else now

        if task.running:
            task = self.wait_for(what, look, seconds)
        if task.state not in ('completed', answers.UNTOLD):
            raise exception.BackendError(
                '%s failed: task %d ended as %s' % (what, task.id, task.state),
                answer=task.message, check='the activities in VMS')
        return task.state == 'completed'

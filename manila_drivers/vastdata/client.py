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
import json
import logging
import re
import time
from typing import Any
from typing import TypeVar

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.transport import rest
from manila_drivers.transport import retry
from manila_drivers.vastdata import paging
from manila_drivers.vastdata import records

LOG = logging.getLogger(__name__)

T = TypeVar('T')

_GONE = 'gone'

#: Texts by which VMS says what a bare 400 means.
_OBJECT = re.compile(r'[a-z]+/\d+/')

EXISTS = ('must be unique', 'unique set', 'already exists')
NO_DIRECTORY = 'no such directory'
TRASH_OFF = 'trash folder disabled'
NO_PAGE = 'invalid page'
NO_ROUTE = ('vast_api_version, the version of VMS, whether it is just being '
            'upgraded, and whether a proxy answers in its place')


class Vms:
    """Requests to one VMS.  Safe for use by many threads.

    :param prefix: path before the resource, such as ``/api/v1/``.
    :param login: whom requests are made for, in words for error messages.
    """

    def __init__(self, transport: rest.RestTransport, prefix: str, *,
                 page_size: int = 1000, login: str = 'the VMS user',
                 policy: retry.Policy | None = None,
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
        """Send one request and return the decoded answer, or None.

        :param resource: path below the prefix; ends in a slash, as VMS
            demands: a redirected POST would lose its body.
        :raises BackendError: or one of its kinds, with the answer's text.
        :raises TransportError: there was no usable answer.
        """
        request = rest.Request(method, self._prefix + resource, query=query,
                               body=body, repeatable=repeatable)
        answer = self._transport.call(request)
        if not answer.ok:
            raise failure(request, answer, resource, self._login)
        return answer.data

    def list(self, resource: str, parse_record: Callable[[Any], T],
             **filters: object) -> Iterator[T]:
        """All records, page by page, each once.

        :raises BackendError: VMS tells of more records than it lists.
        """
        wanted = [(name, str(value)) for name, value in filters.items()
                  if value is not None]
        wanted.append(('page_size', str(self._page_size)))
        walk = paging.Walk(resource, tuple(wanted))
        while walk.query is not None:
            rows = self._next_rows(walk)
            for row in rows:
                yield parsed(resource, parse_record, row)

    def _next_rows(self, walk: paging.Walk) -> Sequence[Any]:
        try:
            return walk.take(self.call('GET', walk.resource + '/',
                                       query=walk.query or ()))
        except exception.BackendError as exc:
            # Fewer than there were when the page before was read.
            if not (walk.linked and exc.status == 404
                    and NO_PAGE in exc.answer.lower()):
                raise
            walk.query = None
            return ()

    def readable(self, resource: str, parse_record: Callable[[Any], T],
                 **filters: object) -> Iterator[T]:
        """Like :meth:`list`, without records that cannot be read.

        For lists of everything there is: a strange object of somebody else
        must not stop the work on ours.
        """
        def parse_or_none(row: Any) -> T | None:
            record, error = exception.caught(
                lambda: parsed(resource, parse_record, row))
            if error is not None:
                if not isinstance(error, exception.BackendError):
                    raise error
                LOG.warning('Passed over in a list of VMS: %s', error)
            return record

        for record in self.list(resource, parse_or_none, **filters):
            if record is not None:
                yield record

    def find(self, resource: str, parse_record: Callable[[Any], T],
             match: Callable[[T], bool], **filters: object) -> T | None:
        """The one record that matches, or None.

        :raises Conflict: several match, which is named, not guessed about.
        """
        found = [record for record
                 in self.list(resource, parse_record, **filters)
                 if match(record)]
        if len(found) > 1:
            raise exception.Conflict(
                'VMS has %d %s where one was expected: ids %s'
                % (len(found), resource, ', '.join(
                    str(getattr(record, 'id', record)) for record in found)))
        return found[0] if found else None

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
        return parsed(resource, parse_record, data)

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
                found = look() if _may_exist(exc) else None
                if found is not None:
                    return plan.Done(found, created=False)
                if not (isinstance(exc, exception.OutcomeUnknown)
                        and attempts.again()):
                    raise
            else:
                record = (parsed(resource, parse_record, data) if data
                          else None)
                if record is None:
                    record = look()
                if record is not None:
                    return plan.Done(record)
                raise exception.OutcomeUnknown(
                    'VMS accepted a new object in %s and does not list it'
                    % resource, answer=repr(sorted(body)))

    def update(self, resource: str, ident: int,
               body: Mapping[str, Any]) -> Any:
        """Change fields; lists are replaced.  The answer may be None."""
        return self.call('PATCH', '%s/%d/' % (resource, ident), body=body)

    def delete(self, resource: str, ident: int,
               body: Mapping[str, Any] | None = None) -> Any:
        """Remove a record; that it is gone already is success.

        :raises BackendError: refused, or VMS says that it is gone and lists
            it.
        """
        try:
            return self.call('DELETE', '%s/%d/' % (resource, ident),
                             body=body)
        except exception.NotFound as exc:
            self._confirm_gone(resource, ident, exc)
            return None

    def _confirm_gone(self, resource: str, ident: object,
                      answered: exception.NotFound) -> None:
        """Raise if a list still has what an answer says is not there.

        A proxy, or a service that is just being upgraded, answers in the
        words of VMS for routes that it does not have.
        """
        listed = [row for row in self.list(resource, dict, id=ident)
                  if str(row.get('id')) == str(ident)]
        if listed:
            raise exception.BackendError(
                'VMS says that %s %s is not there, and lists it'
                % (resource, ident), status=answered.status,
                answer=answered.answer, check=NO_ROUTE) from answered

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
                if not unable(exc):
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

        False if there is none, or if it is no longer listed: what it was
        about has to be looked at then.
        """
        task = records.Task.within(answer)
        if task is None:
            return False
        number = task.id

        def look() -> records.Task | None:
            now = self.get('vtasks', number, records.Task.of)
            if now is None:
                return records.Task(number, _GONE, '')
            return None if now.running else now

        ended = task if not task.running \
            else self.wait_for(what, look, seconds)
        if ended.state == _GONE:
            return False
        if ended.state != 'completed':
            raise exception.BackendError(
                '%s failed: task %d ended as %s' % (what, number,
                                                    ended.state),
                answer=ended.message, check='the activities in VMS')
        return True


def parsed(resource: str, parse_record: Callable[[Any], T], row: Any) -> T:
    """A record as a value.

    :raises BackendError: it is not what VMS's description says.
    """
    try:
        return parse_record(row)
    except (AttributeError, TypeError, ValueError) as exc:
        ident = row.get('id') if isinstance(row, Mapping) else row
        raise exception.BackendError(
            'VMS returned a record of %s that cannot be read: %s'
            % (resource, ident), answer=str(exc),
            check='vast_api_version') from exc


def unable(exc: exception.DriverError) -> bool:
    """Tell if an error says that VMS cannot work now, and nothing else."""
    if isinstance(exc, exception.NotTrusted):
        return False
    return (isinstance(exc, exception.TransportError)
            or getattr(exc, 'status', None) in retry.UNABLE)


def _may_exist(exc: exception.DriverError) -> bool:
    """Whether the answer to a creation can mean that it exists."""
    return (isinstance(exc, exception.OutcomeUnknown | exception.Conflict)
            or getattr(exc, 'status', None) == 400)


def names_object(resource: str, text: str) -> bool:
    """Whether a 404 is about an object, not about the route to it.  Pure.

    :param resource: path below the prefix; only ``views/7/`` names an object,
        ``folders/delete_folder/`` and ``snapshots/7/clone/`` do not.
    :param text: the body.  VMS speaks JSON of what it does not have; a page
        comes from elsewhere.
    """
    try:
        told = isinstance(json.loads(text), Mapping)
    except ValueError:
        told = False
    return told and bool(_OBJECT.fullmatch(resource))


def failure(request: rest.Request, answer: rest.Response, resource: str = '',
            login: str = 'the VMS user') -> exception.BackendError:
    """The error for an answer that is not a success.

    :param resource: path below the prefix.
    :param login: whom the request was made for.
    """
    kind: type[exception.BackendError] = exception.BackendError
    check = ''
    text = answer.text.lower()
    if answer.status in (401, 403):
        kind = exception.AccessDenied
        check = 'the role of %s' % login
    elif answer.status == 404:
        if names_object(resource, answer.text):
            kind = exception.NotFound
        else:
            check = NO_ROUTE
    elif answer.status == 409 or (
            answer.status == 400 and any(word in text for word in EXISTS)):
        kind = exception.Conflict
    elif answer.status in (424, 429, 503):
        kind = exception.Busy
    if TRASH_OFF in text:
        check = ('Trash folder access has to be on in VMS: Settings > '
                 'Cluster > General')
    return kind('%s was refused' % request, status=answer.status,
                answer=answer.brief(), check=check)

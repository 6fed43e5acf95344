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
from urllib import parse

from manila_drivers import exception
from manila_drivers import plan
from manila_drivers.transport import rest
from manila_drivers.transport import retry
from manila_drivers.vastdata import errors
from manila_drivers.vastdata import records

LOG = logging.getLogger(__name__)

T = TypeVar('T')

_GONE = 'gone'

Query = tuple[tuple[str, str], ...]


@dataclasses.dataclass(frozen=True)
class Task:
    """Background work."""

    id: int
    state: str
    message: str

    @classmethod
    def of(cls, data: records.Json) -> 'Task':
        messages = data.get('messages') or ['']
        return cls(id=records.ident(data, 'task'),
                   state=str(data.get('state') or '').lower(),
                   message=str(messages[-1]))

    @property
    def running(self) -> bool:
        return self.state in ('running', '')

    @classmethod
    def within(cls, data: object) -> 'Task | None':
        """The task in an answer, which may itself be the task."""
        if not isinstance(data, Mapping):
            return None
        inner = data.get('async_task')
        if isinstance(inner, Mapping):
            return cls.of(inner)
        if 'state' in data and 'messages' in data:
            return cls.of(data)
        return None


@dataclasses.dataclass(frozen=True)
class Page:
    """Records, the link to the next page and the number of all records.

    ``link`` is '' and ``count`` None if not told.
    """

    rows: Sequence[Any]
    link: str = ''
    count: int | None = None

    @classmethod
    def of(cls, data: Any, resource: str) -> 'Page':
        """Read any of the three shapes that lists have.

        :raises BackendError: it is none of them.
        """
        if isinstance(data, list):
            return cls(data)
        if isinstance(data, Mapping) and isinstance(data.get('results'),
                                                    list):
            count = data.get('count')
            return cls(data['results'], str(data.get('next') or ''),
                       count if isinstance(count, int) else None)
        if isinstance(data, Mapping) and 'id' in data:
            return cls([data])
        raise exception.BackendError(
            'VMS answered a list of %s with something else' % resource,
            answer=repr(data)[:200], check='vast_api_version')


class Walk:
    """The way through the pages of one list.

    ``query`` is what to ask for next, None at the end.  ``linked`` tells if
    that is a link of VMS, which may be older than the list is now.
    """

    def __init__(self, resource: str, query: Query) -> None:
        self.resource = resource
        self.query: Query | None = query
        self.linked = False
        self._first = dict(query)
        self._asked: set[Query] = set()
        self._told: set[str] = set()
        self._rows = 0

    def take(self, data: Any) -> Sequence[Any]:
        """Return the records of a page that no page before had.

        Records move to another page while others come and go, so that one
        may be listed twice.

        :raises BackendError: there are more records, and no way to them.
        """
        page = Page.of(data, self.resource)
        rows = [row for row in page.rows if self._is_new(row)]
        self._rows += len(page.rows)
        asked = self.query or ()
        guessed = bool(self._asked) and not self.linked
        self._asked.add(asked)
        self.linked = bool(page.link)
        if page.link:
            # The link may name another host; only its query is taken, and it
            # may leave out what VMS takes to be known.
            self.query = tuple({**self._first, **dict(parse.parse_qsl(
                parse.urlsplit(page.link).query))}.items())
        elif page.count is not None and page.count > self._rows:
            number = int(dict(asked).get('page', 1)) + 1
            self.query = tuple({**self._first, 'page': str(number)}.items())
        else:
            self.query = None
        if self.query in self._asked or guessed and not rows:
            raise self._cut(page)
        return rows

    def _is_new(self, row: Any) -> bool:
        ident = row.get('id') if isinstance(row, Mapping) else None
        if ident is None:
            return True
        before = len(self._told)
        self._told.add(str(ident))
        return len(self._told) > before

    def _cut(self, page: Page) -> exception.BackendError:
        return exception.BackendError(
            'VMS lists %d of %s %s and does not show the rest'
            % (len(self._told), 'more' if page.count is None else page.count,
               self.resource), answer='next: %s' % (page.link or 'not told'),
            check='vast_page_size, vast_api_version, and whether a proxy '
                  'shortens what VMS answers')


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
            raise errors.failure(request, answer, resource, self._login)
        return answer.data

    def list(self, resource: str, parse_record: Callable[[Any], T],
             **filters: object) -> Iterator[T]:
        """All records, page by page, each once.

        :raises BackendError: VMS tells of more records than it lists.
        """
        walk = Walk(resource, (
            *((name, str(value)) for name, value in filters.items()
              if value is not None), ('page_size', str(self._page_size))))
        while walk.query is not None:
            for row in self._next_rows(walk):
                yield errors.parsed(resource, parse_record, row)

    def _next_rows(self, walk: Walk) -> Sequence[Any]:
        try:
            return walk.take(self.call('GET', walk.resource + '/',
                                       query=walk.query or ()))
        except exception.BackendError as exc:
            # Fewer than there were when the page before was read.
            if not (walk.linked and exc.status == 404
                    and errors.NO_PAGE in exc.answer.lower()):
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
                lambda: errors.parsed(resource, parse_record, row))
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
        return errors.parsed(resource, parse_record, data)

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
                    raise
            else:
                record = (errors.parsed(resource, parse_record, data)
                          if data else None)
                record = look() if record is None else record
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

        False if there is none, or if it is no longer listed: what it was
        about has to be looked at then.
        """
        task = Task.within(answer)
        if task is None:
            return False

        def look(number: int = task.id) -> Task | None:
            now = self.get('vtasks', number, Task.of)
            if now is None:
                return Task(number, _GONE, '')
            return None if now.running else now

        if task.running:
            task = self.wait_for(what, look, seconds)
        if task.state not in ('completed', _GONE):
            raise exception.BackendError(
                '%s failed: task %d ended as %s' % (what, task.id, task.state),
                answer=task.message, check='the activities in VMS')
        return task.state == 'completed'

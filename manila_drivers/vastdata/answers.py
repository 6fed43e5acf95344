# SPDX-License-Identifier: Apache-2.0

"""Answers of VMS that are no records: pages of lists, and tasks.  Pure."""

from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
from typing import Any
from urllib import parse

from manila_drivers import exception
from manila_drivers.transport import rest
from manila_drivers.vastdata import records

#: State of a task that has ended, where VMS does not tell how.
UNTOLD = 'unknown'

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
        state = str(data.get('state') or '').lower()
        if not state and data.get('end_time'):
            state = UNTOLD
        return cls(id=records.ident(data, 'task'), state=state,
                   message=messages if isinstance(messages, str)
                   else str(messages[-1]))

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

    ``link`` is '' if there is none and ``count`` None if not told; ``last``
    says whether this is the end, and is None if VMS does not tell.
    """

    rows: Sequence[Any]
    link: str = ''
    count: int | None = None
    last: bool | None = True

    @classmethod
    def of(cls, data: Any, resource: str, size: int = 0) -> 'Page':
        """Read any of the three shapes that lists have.

        :param size: of the page that was asked for.  A bare list of just that
            many records may be a page, and may be all.
        :raises BackendError: it is none of them.
        """
        if isinstance(data, list):
            return cls(data, last=None if data and len(data) == size else True)
        if isinstance(data, Mapping) and isinstance(data.get('results'),
                                                    list):
            rows, link = data['results'], str(data.get('next') or '')
            count = _count(data.get('count'))
            known = not rows or 'next' in data or count is not None
            return cls(rows, link, count, not link if known else None)
        if isinstance(data, Mapping) and 'id' in data:
            return cls([data])
        raise exception.BackendError(
            'VMS answered a list of %s with something else' % resource,
            answer=repr(data)[:200], check='vast_api_version')


def _count(told: object) -> int | None:
    if isinstance(told, str) and told.strip().isdecimal():
        return int(told)
    return told if isinstance(told, int) else None


class Walk:
    """The way through the pages of one list.

    ``query`` is what to ask for next, None at the end.  ``unsure`` tells that
    there may be no such page: a link of VMS may be older than the list is
    now, and whether there are more need not be told.
    """

    def __init__(self, resource: str, query: Query) -> None:
        self.resource = resource
        self.query: Query | None = query
        self.unsure = False
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
        page = Page.of(data, self.resource,
                       int(self._first.get('page_size', 0)))
        rows = [row for row in page.rows if self._is_new(row)]
        self._rows += len(page.rows)
        asked = self.query or ()
        guessed = bool(self._asked) and not self.unsure
        self._asked.add(asked)
        self.unsure = bool(page.link) or page.last is None
        if page.link:
            # The link may name another host; only its query is taken, and it
            # may leave out what VMS takes to be known.
            self.query = tuple({**self._first, **dict(parse.parse_qsl(
                parse.urlsplit(page.link).query))}.items())
        elif page.count is not None and page.count > self._rows or \
                page.last is None and rows:
            number = int(dict(asked).get('page', 1)) + 1
            self.query = tuple({**self._first, 'page': str(number)}.items())
        else:
            self.query = None
        if self.query in self._asked or guessed and not rows:
            raise self._cut(page)
        return rows

    def end(self) -> None:
        """The page that is asked for is not there: there are no more."""
        self.query = None

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


def says_deleted(answer: rest.Response) -> bool:
    """Tell if an answer can be one to a deletion that was carried out.

    202 is a promise, and lists and new records answer something else.
    """
    return answer.status in (200, 204) and not isinstance(
        answer.data, list) and not (isinstance(answer.data, Mapping)
                                    and 'results' in answer.data)


def is_other(row: Any, filters: Mapping[str, object]) -> bool:
    """Tell if a record says itself that it is not one that was asked for.

    A server that does not know a filter lists everything, also what nobody
    here can read.

    :param filters: as they were sent; those of names and paths are looked at.
    """
    if not isinstance(row, Mapping):
        return False
    for field, wanted in filters.items():
        name, _, test = field.partition('__')
        told = row.get(name)
        if not isinstance(told, str) or not told or test not in (
                '', 'startswith'):
            continue
        if name == 'name' and not test and told != wanted:
            return True
        if name.endswith('path'):
            here, there = records.path_of(told), records.path_of(wanted)
            if here != there and not (test and here.startswith(there)):
                return True
    return False

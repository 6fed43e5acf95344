# SPDX-License-Identifier: Apache-2.0

"""Lists that VMS sends in pages.  Pure.

A page may come with a link to the next one and with the number of all records.
A list is at its end if neither tells of more; one that is not complete is an
error, never taken for the whole.
"""

from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
from typing import Any
from urllib import parse

from manila_drivers import exception

Query = tuple[tuple[str, str], ...]


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

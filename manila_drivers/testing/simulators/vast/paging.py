# SPDX-License-Identifier: Apache-2.0

"""Lists as VMS sends them: bare, or in pages when ``page_size`` is given."""

from typing import Any
from urllib.parse import urlencode

from manila_drivers.testing.simulators.vast.options import Options
from manila_drivers.testing.simulators.vast.wire import Call
from manila_drivers.testing.simulators.vast.wire import detail
from manila_drivers.testing.simulators.vast.wire import Record
from manila_drivers.testing.simulators.web.messages import number


def _number(call: Call, name: str) -> int | None:
    return number(call.param(name)) or None


def _link(call: Call, options: Options, page: int) -> str | None:
    """The URL of a page, on a host that is not the one the client used."""
    if options.links in ('none', 'untold'):
        return None
    params = [pair for pair in call.params
              if pair[0] != 'page' and options.links == 'full']
    query = urlencode([*params, ('page', str(page))])
    return f'https://{options.link_host}{call.base}?{query}'


def paged(records: list[Record], call: Call, options: Options) -> Any:
    """Return what the body of a list answer holds.

    :raises ApiError: 404, there is no such page.
    """
    size = _number(call, 'page_size')
    if size is None:
        return records[:options.page_cap]
    size = min(size, options.max_page_size or size)
    asked = call.param('page')
    page = 1 if asked is None else _number(call, 'page')
    last = max(1, -(-len(records) // size))
    if page is None or page > last:
        raise detail(404, 'Invalid page.')
    shown = records[(page - 1) * size:page * size]
    if options.bare_pages:
        return shown
    if options.links == 'untold':
        return {'results': shown}
    return {
        'count': len(records),
        'next': _link(call, options, page + 1) if page < last else None,
        'previous': _link(call, options, page - 1) if page > 1 else None,
        'results': shown,
    }

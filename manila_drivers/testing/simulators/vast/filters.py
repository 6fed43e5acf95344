# SPDX-License-Identifier: Apache-2.0

"""Django-style filters: ``name=``, ``path__startswith=``, ``id__not_in=``."""

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
import re
from typing import Any

from manila_drivers.testing.simulators.vast.table import INDEXED
from manila_drivers.testing.simulators.vast.table import Table
from manila_drivers.testing.simulators.vast.wire import field_error
from manila_drivers.testing.simulators.vast.wire import Params
from manila_drivers.testing.simulators.vast.wire import Record

Test = Callable[[Any, str], bool]
Predicate = Callable[[Record], bool]


def text_of(value: Any) -> str:
    """A field as a query writes it."""
    if isinstance(value, bool):
        return 'true' if value else 'false'
    return 'null' if value is None else str(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def _exact(value: Any, wanted: str) -> bool:
    if isinstance(value, bool):
        return text_of(value) == wanted.lower()
    return text_of(value) == wanted


_TESTS: Mapping[str, Test] = {
    'exact': _exact,
    'contains': lambda value, wanted: wanted in text_of(value),
    'icontains': lambda value, wanted: (
        wanted.lower() in text_of(value).lower()),
    'startswith': lambda value, wanted: text_of(value).startswith(wanted),
    'endswith': lambda value, wanted: text_of(value).endswith(wanted),
    'regex': lambda value, wanted: bool(re.search(wanted, text_of(value))),
    'iregex': lambda value, wanted: bool(
        re.search(wanted, text_of(value), re.IGNORECASE)),
    'in': lambda value, wanted: text_of(value) in wanted.split(','),
    'gt': lambda value, wanted: _is_number(value) and value > int(wanted),
    'gte': lambda value, wanted: _is_number(value) and value >= int(wanted),
    'lt': lambda value, wanted: _is_number(value) and value < int(wanted),
    'lte': lambda value, wanted: _is_number(value) and value <= int(wanted),
}
_NUMERIC = frozenset(('gt', 'gte', 'lt', 'lte'))
_INTEGER = re.compile(r'-?[0-9]{1,18}')


def _split(key: str, fields: Collection[str]) -> tuple[str, str, bool] | None:
    """Field, test and negation of a parameter; None if it is unknown."""
    if key in fields:
        return key, 'exact', False
    field, _, test = key.rpartition('__')
    negated = test.startswith('not_')
    test = test.removeprefix('not_')
    if field not in fields or test not in _TESTS:
        return None
    return field, test, negated


def _predicate(key: str, wanted: str, source: str, test: str,
               negated: bool) -> Predicate:
    check = _TESTS[test]
    if test in _NUMERIC and not _INTEGER.fullmatch(wanted):
        raise field_error(key, 'Enter a number.')
    if test in ('regex', 'iregex'):
        try:
            re.compile(wanted)
        except re.error:
            raise field_error(key, 'Enter a valid pattern.') from None
    return lambda record: check(record.get(source), wanted) != negated


def select(table: Table, params: Params,
           fields: Mapping[str, str]) -> Iterable[Record]:
    """Records that pass every filter, in the order of their ids.

    :param fields: parameter -> field it looks at.  Other parameters are
        ignored, as a server does that does not know them.
    :raises ApiError: 400, a value that the filter cannot use.
    """
    candidates: Iterable[Record] = table
    predicates = []
    for key, wanted in params:
        split = _split(key, fields)
        if split is None:
            continue
        field, test, negated = split
        source = fields[field]
        if test == 'exact' and source in INDEXED and candidates is table:
            candidates = table.by(source, wanted)
        else:
            predicates.append(_predicate(key, wanted, source, test, negated))
    return [record for record in candidates
            if all(passes(record) for passes in predicates)]

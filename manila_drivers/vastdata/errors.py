# SPDX-License-Identifier: Apache-2.0

"""Errors that answers of the management service (VMS) mean.  Pure."""

from collections.abc import Callable
from collections.abc import Mapping
import json
import re
from typing import Any
from typing import TypeVar

from manila_drivers import exception
from manila_drivers.transport import rest
from manila_drivers.transport import retry
from manila_drivers.vastdata import records

T = TypeVar('T')

_OBJECT = re.compile(r'[a-z]+/\d+/')

#: In the body of a 403 for a role that lacks the right.
PERMISSION_DENIED = 'permission_denied'

# Texts by which VMS says what a bare 400 means.
EXISTS = ('must be unique', 'unique set', 'already exists')
NO_DIRECTORY = 'no such directory'
TRASH_OFF = 'trash folder disabled'
NO_PAGE = 'invalid page'
NO_ROUTE = ('vast_api_version, the version of VMS, whether it is just being '
            'upgraded, and whether a proxy answers in its place')


#: Answers that a request is refused as things are, such as what is in use.
REFUSED = frozenset((400, 409, 424))


class LoginRefused(exception.AccessDenied):
    """No request can be authorised; the next one would fail alike."""


class NotBound(exception.BackendError):
    """VMS took a binding to VIP pools, and did not store it."""


def unable(exc: exception.DriverError) -> bool:
    """Tell if an error says that VMS cannot work now, and nothing else."""
    if isinstance(exc, exception.NotTrusted):
        return False
    return (isinstance(exc, exception.TransportError)
            or getattr(exc, 'status', None) in retry.UNABLE)


def may_exist(exc: exception.DriverError) -> bool:
    """Tell if the answer to a creation can mean that it exists."""
    return (isinstance(exc, exception.OutcomeUnknown | exception.Conflict)
            or getattr(exc, 'status', None) == 400)


def is_about(data: object, ident: object) -> bool:
    """Tell if an answer is the record with this id, or has no id."""
    if not isinstance(data, Mapping) or data.get('id') is None:
        return True
    return records.number(data, 'id') == int(str(ident))


def names_object(resource: str, text: str) -> bool:
    """Tell if a 404 is about an object, not about the route to it.  Pure.

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
    elif answer.status == 405 or 300 <= answer.status < 400:
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


def about(error: exception.DriverError,
          body: Mapping[str, Any]) -> exception.DriverError:
    """Return an error that names what was to be made."""
    name = str(body.get('name') or body.get('path') or '')
    if name not in str(error):
        error.what = '%s: %s was to be made' % (error.what.rstrip('.'), name)
    return error


def for_good(exc: exception.BackendError) -> bool:
    """Tell if a refusal says that this login cannot read a resource.

    A login that failed says nothing about it.  A route that is not there may
    be there again in a minute.
    """
    return (exc.status == 404
            or PERMISSION_DENIED in exc.answer.lower())


def parsed(resource: str, parse_record: Callable[[Any], T], row: Any) -> T:
    """A record as a value.

    :raises BackendError: it is not what VMS's description says.
    """
    try:
        return parse_record(row)
    except (AttributeError, LookupError, TypeError, ValueError) as exc:
        ident = row.get('id') if isinstance(row, Mapping) else row
        raise exception.BackendError(
            'VMS returned a record of %s that cannot be read: %s'
            % (resource, ident), answer=str(exc),
            check='vast_api_version') from exc

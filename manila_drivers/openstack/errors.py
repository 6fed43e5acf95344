# SPDX-License-Identifier: Apache-2.0

"""Answers of OpenStack's services as errors of ours.  Pure.

Seen of each service: Nova and Cinder answer ``{NAME: {code, message}}``,
Neutron ``{"NeutronError": {type, message, detail}}``, Keystone and the filter
that checks tokens ``{"error": {code, title, message}}``, and Glance, routers
of URLs and proxies HTML.
"""

from collections.abc import Mapping
import dataclasses
import html
import json
import re
from typing import Any

from manila_drivers import exception
from manila_drivers.transport import rest_values

#: How much of an answer is quoted.
QUOTED = 500

_TAGS = re.compile(r'<(head|style|script)\b.*?</\1\s*>|<[^>]*>',
                   re.DOTALL | re.IGNORECASE)

#: Groups of manila.conf by the service they are for.
GROUPS: Mapping[str, str] = {'compute': 'nova', 'volume': 'cinder',
                             'network': 'neutron', 'image': 'glance'}

# The names that services have for refusals of quota and room.
_NO_ROOM = ('overlimit', 'overquota', 'ipaddressgenerationfailure',
            'nosubnetfound')
_QUOTA = re.compile(r'quota|maximum allowed number of disk devices',
                    re.IGNORECASE)
# An object that is being worked on, in Nova's words.
_IN_STATE = re.compile(r'while it is in|is in task_state|is locked|try again',
                       re.IGNORECASE)
_DETACHING = re.compile(r'unable to detach volume|status must be '
                        r"'in-use'", re.IGNORECASE)
_NOT_ATTACHED = re.compile(r'is not attached to', re.IGNORECASE)
_ATTACHED = re.compile(r'already attached', re.IGNORECASE)
# Of a router of URLs: no route, and not: no object.
_NO_ROUTE = 'the resource could not be found'


class ServiceError(exception.BackendError):
    """An answer of a service that is no success.

    :param service: compute, volume, network, image or identity.
    :param kind: Neutron's type, such as ``SubnetInUse``, or the name that
        Nova and Cinder give, such as ``itemNotFound``; '' if none was told.
    :param request_id: by which the service's log can be searched; '' if none
        was told.
    :param message: the service's own words.
    """

    def __init__(self, what: str, *, service: str = '', kind: str = '',
                 request_id: str = '', message: str = '',
                 **parts: Any) -> None:
        super().__init__(what, **parts)
        self.service = service
        self.kind = kind
        self.request_id = request_id
        self.message = message


class ServiceNotFound(ServiceError, exception.NotFound):
    """The object is not there, said by the service and not by a router."""


class ServiceConflict(ServiceError, exception.Conflict):
    """Something of that name or address is there already."""


class ServiceBusy(ServiceError, exception.Busy):
    """The object is in use, or something is being done with it."""


class ServiceNoRoom(ServiceError, exception.NoRoom):
    """A quota or a pool is used up, or has not that much left.

    Services name a time after which to come again, and it is 0.
    """


class ServiceDenied(ServiceError, exception.AccessDenied):
    """The login is refused, or its roles do not suffice."""


class NotAttached(ServiceError):
    """The server is there, and has no such volume."""


class AlreadyAttached(ServiceError):
    """The volume is attached to a server, this one or another."""


@dataclasses.dataclass(frozen=True)
class Refusal:
    """The words of an answer: its name or type, and its message."""

    kind: str = ''
    message: str = ''


def told(text: str) -> Refusal:
    """Read the body of an answer that is no success; never raises."""
    try:
        data = json.loads(text)
    except ValueError:
        return Refusal(message=plain(text))
    for name, inner in data.items() if isinstance(data, Mapping) else ():
        if isinstance(inner, Mapping) and 'message' in inner:
            kind = inner.get('type') or name
            return Refusal(str(kind), plain(str(inner['message'] or '')))
        if isinstance(inner, str) and name == 'NeutronError':
            return Refusal(name, plain(inner))
    return Refusal(message=plain(text))


def plain(text: str) -> str:
    """Return a text without tags, on one line, and not too long."""
    words = ' '.join(html.unescape(_TAGS.sub(' ', text)).split())
    return words if len(words) <= QUOTED else words[:QUOTED] + '...'


def request_id(headers: Mapping[str, str]) -> str:
    """Return the id of a request, '' if the answer does not tell it."""
    small = {name.lower(): value for name, value in headers.items()}
    for name in ('x-openstack-request-id', 'x-compute-request-id'):
        if small.get(name):
            return small[name]
    return ''


def refused(service: str, what: str,
            answer: rest_values.Response) -> ServiceError:
    """Return the error for an answer that is no success.

    :param what: which request, on which object.
    """
    said = told(answer.text)
    found = request_id(answer.headers)
    kind, check = _classified(service, answer.status, said)
    words = 'HTTP %d %s' % (answer.status,
                            said.message or '(no words with it)')
    verb = ' failed' if answer.status >= 500 else ' was refused'
    return kind(what + verb, service=service, kind=said.kind,
                request_id=found, message=said.message, status=answer.status,
                answer=words + (' (%s)' % found if found else ''),
                check=check)


def _classified(service: str, status: int,
                said: Refusal) -> tuple[type[ServiceError], str]:
    """Return the class of an answer, and what to check."""
    group = GROUPS.get(service, service)
    name = said.kind.lower()
    if name in _NO_ROOM or status == 413 or (
            status == 403 and _QUOTA.search(said.message)):
        return ServiceNoRoom, 'the quota and what is left of the %s service' \
            % service
    if status in (401, 403):
        return ServiceDenied, ('user, password, project and roles in [%s]'
                               % group)
    if status == 404:
        return _missing(service, said)
    if status == 406:
        return ServiceError, ('the version of the %s service, and '
                              'api_microversion in [%s]' % (service, group))
    if status in (400, 409):
        return _in_the_way(status, said), ''
    if status in (429, 503):
        return ServiceBusy, ''
    return ServiceError, ('the endpoint of the %s service in the catalogue'
                          % service if status < 400 else '')


def _missing(service: str, said: Refusal) -> tuple[type[ServiceError], str]:
    if _NOT_ATTACHED.search(said.message):
        return NotAttached, ''
    if 'notfound' not in said.kind.lower() \
            or _NO_ROUTE in said.message.lower():
        return ServiceError, (
            'the endpoint of the %s service in the catalogue, its version, '
            'and whether a proxy answers in its place' % service)
    return ServiceNotFound, ''


def _in_the_way(status: int, said: Refusal) -> type[ServiceError]:
    """Return the class of a 400 or 409."""
    if _ATTACHED.search(said.message):
        return AlreadyAttached
    if _DETACHING.search(said.message):
        return ServiceBusy
    if status == 400:
        return ServiceError
    if said.kind.endswith('InUse') or _IN_STATE.search(said.message):
        return ServiceBusy
    return ServiceConflict

# SPDX-License-Identifier: Apache-2.0

"""What goes in and out of the simulator, free of sockets."""

from collections.abc import Mapping
import dataclasses
import json
from typing import Any
from typing import NamedTuple

Record = dict[str, Any]
Params = list[tuple[str, str]]

JSON = 'application/json'


class Request(NamedTuple):
    """One request.

    :param path: percent-decoded, without the query.
    :param headers: answers ``get('lower-case-name')``.
    """

    verb: str
    path: str
    query: str = ''
    headers: Mapping[str, str] = {}
    body: bytes = b''


class Response(NamedTuple):
    """One answer, or the lack of one.

    :param failure: '' for an answer that arrives; else how it does not:
        ``refused``, ``reset``, ``silence`` or ``cut_off`` (half of the body).
    :param delay: seconds that a front lets pass before it answers.
    """

    status: int
    body: bytes = b''
    headers: Mapping[str, str] = {}
    failure: str = ''
    delay: float = 0.0


@dataclasses.dataclass(slots=True)
class Call:
    """A request that was routed and authenticated.

    :param ident: the number in the URL, if there is one.
    :param action: the word after it (``clone``) or after the resource
        (``delete_folder``).
    :param base: the URL's part before the query, for links to other pages.
    :param body: the JSON object sent, or an empty one.
    :param scope: id of the only tenant the caller can see, or None.
    """

    verb: str
    resource: str
    ident: int | None
    action: str
    base: str
    params: Params
    body: Record
    scope: int | None

    def param(self, name: str) -> str | None:
        """The last value of a query parameter."""
        found = None
        for key, value in self.params:
            if key == name:
                found = value
        return found


def number(text: str | None) -> int | None:
    """A number as it stands in a URL; None for anything else."""
    if text and text.isascii() and text.isdecimal() and len(text) < 19:
        return int(text)
    return None


class ApiError(Exception):
    """An answer other than success.  ``body`` becomes JSON."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body


def detail(status: int, text: str) -> ApiError:
    return ApiError(status, {'detail': text})


def field_error(field: str, text: str) -> ApiError:
    return ApiError(400, {field: [text]})


def not_unique(field: str = 'name') -> ApiError:
    return field_error(field, 'This field must be unique.')


def not_found() -> ApiError:
    return detail(404, 'Not found.')


def answer(status: int, content: Any,
           headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer; None as content is an empty body."""
    if content is None:
        return Response(status, b'', headers or {})
    return Response(status, json.dumps(content).encode(),
                    {'Content-Type': JSON, **(headers or {})})

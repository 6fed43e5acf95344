# SPDX-License-Identifier: Apache-2.0

"""Requests and responses as values, free of sockets."""

from collections.abc import Mapping
import json
from typing import Any
from typing import NamedTuple

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


def number(text: str | None) -> int | None:
    """A number as it stands in a URL; None for anything else."""
    if text and text.isascii() and text.isdecimal() and len(text) < 19:
        return int(text)
    return None


def answer(status: int, content: Any,
           headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer; None as content is an empty body."""
    if content is None:
        return Response(status, b'', headers or {})
    return Response(status, json.dumps(content).encode(),
                    {'Content-Type': JSON, **(headers or {})})

# SPDX-License-Identifier: Apache-2.0

"""Calls of VMS, and answers other than success."""

import dataclasses
from typing import Any

Record = dict[str, Any]
Params = list[tuple[str, str]]

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

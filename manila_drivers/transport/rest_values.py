# SPDX-License-Identifier: Apache-2.0

"""Values that go to a REST server and come back."""

from collections.abc import Callable
from collections.abc import Mapping
import dataclasses
from typing import Any
from typing import Protocol


@dataclasses.dataclass(frozen=True)
class Endpoint:
    """Where a server is and how it proves its identity.

    :param host: name, IPv4 or IPv6 address without brackets.
    :param verify: False switches the check of certificates off.
    :param ca_file: bundle of the accepted authorities; '' = the system's.
    :param connect_timeout: seconds until a connection stands.
    :param read_timeout: seconds between two pieces of an answer.  A whole
        answer may take five times as long.
    :param scheme: ``https`` or ``http``.
    :param certificate: files of the client's own certificate and of its key,
        which may be one file; () is: none.
    :param ciphers: OpenSSL's list of them; '' leaves them to the system.
    :param least_tls: '1.2' or '1.3', the oldest TLS that is spoken; '' leaves
        it to the system.
    """

    host: str
    port: int = 443
    verify: bool = True
    ca_file: str = ''
    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    scheme: str = 'https'
    certificate: tuple[str, ...] = ()
    ciphers: str = ''
    least_tls: str = ''

    @property
    def url(self) -> str:
        host = '[%s]' % self.host if ':' in self.host else self.host
        return '%s://%s:%d' % (self.scheme, host, self.port)

    @property
    def whole_timeout(self) -> float:
        return 5 * self.read_timeout


@dataclasses.dataclass(frozen=True)
class Request:
    """One request.  ``query`` keeps its order and may repeat a name.

    ``repeatable`` says that sending it twice does what sending it once does;
    POST is taken not to be, and one that is only reads or logs in.
    ``confidential`` says that a success holds
    secrets, so that no error quotes one that cannot be read.  Bodies that are
    sent are never logged.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: Any = None
    repeatable: bool | None = None
    authenticated: bool = True
    confidential: bool = False

    @property
    def may_repeat(self) -> bool:
        if self.repeatable is None:
            return self.method != 'POST'
        return self.repeatable

    @property
    def changes(self) -> bool:
        """Tell if a dry run has to hold it back."""
        return self.method != 'GET' and not (
            self.method == 'POST' and self.repeatable)

    def __str__(self) -> str:
        query = '&'.join('%s=%s' % pair for pair in self.query)
        return '%s %s%s' % (self.method, self.path, query and '?' + query)


@dataclasses.dataclass(frozen=True)
class Response:
    """An answer.  ``data`` is the decoded JSON of a success, or None."""

    status: int
    text: str = ''
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    data: Any = None

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def brief(self) -> str:
        """Status and the start of the body, for messages."""
        text = ' '.join(self.text.split())
        if len(text) > 300:
            text = text[:300] + '...'
        return 'HTTP %d %s' % (self.status, text or '(no body)')


class Auth(Protocol):
    """How requests are authorised.  Must be safe for use by many threads."""

    def headers(self, send: Callable[[Request], Response]
                ) -> Mapping[str, str]:
        """Headers for a request; may log in through ``send``."""

    def renew(self, refused: Mapping[str, str], answer: Response,
              send: Callable[[Request], Response]) -> bool:
        """After a 401 or 403: whether one more try makes sense.

        :param refused: the headers that the refused request carried.
        """

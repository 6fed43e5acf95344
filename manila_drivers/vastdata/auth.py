# SPDX-License-Identifier: Apache-2.0

"""Ways to log in to the management service (VMS).

An expired token is answered with 403, in some versions with 401.  A body that
says ``permission_denied`` means that the role lacks the right: logging in
again cannot help then.
"""

from collections.abc import Callable
from collections.abc import Mapping

from manila_drivers import exception
from manila_drivers import flight
from manila_drivers.transport import rest
from manila_drivers.vastdata import errors

Send = Callable[[rest.Request], rest.Response]


class TokenAuth:
    """An API token (VMS 5.3 or later).  Nothing is ever renewed."""

    def __init__(self, token: str) -> None:
        self._headers = {'Authorization': 'Api-Token ' + token}

    def headers(self, send: Send) -> Mapping[str, str]:
        return self._headers

    def renew(self, refused: Mapping[str, str], answer: rest.Response,
              send: Send) -> bool:
        return False


class PasswordAuth:
    """User and password, exchanged for a token that lasts about an hour.

    However many threads find their token expired at once, one of them gets a
    new one; the others wait for it and use it, or fail with it.
    """

    def __init__(self, user: str, password: str, prefix: str) -> None:
        self._user = user
        self._password = password
        self._prefix = prefix
        self._flight: flight.SingleFlight[str] = flight.SingleFlight()
        self._access = ''
        self._refresh = ''

    def headers(self, send: Send) -> Mapping[str, str]:
        access = self._access or self._flight.do(
            lambda: self._access or self._log_in(send))
        return {'Authorization': 'Bearer ' + access}

    def renew(self, refused: Mapping[str, str], answer: rest.Response,
              send: Send) -> bool:
        if errors.PERMISSION_DENIED in answer.text.lower():
            return False
        self._flight.do(lambda: self._after(refused, send))
        return True

    def _after(self, refused: Mapping[str, str], send: Send) -> str:
        """Return a token that is another than the refused one."""
        access = self._access
        if access and refused.get('Authorization') != 'Bearer ' + access:
            return access
        self._access = ''
        return self._access if self._renewed(send) else self._log_in(send)

    def _renewed(self, send: Send) -> bool:
        if not self._refresh:
            return False
        answer = send(self._request('token/refresh/',
                                    {'refresh': self._refresh}))
        return answer.ok and self._keep(answer)

    def _log_in(self, send: Send) -> str:
        answer = send(self._request('token/', {'username': self._user,
                                               'password': self._password}))
        if answer.ok and self._keep(answer):
            return self._access
        what = 'Logging in to VMS as %r failed' % self._user
        if answer.status in (400, 401, 403):
            raise errors.LoginRefused(
                what, status=answer.status, answer=answer.brief(),
                check='vast_mgmt_user and vast_mgmt_password')
        raise exception.BackendError(what, status=answer.status,
                                     answer=_without_tokens(answer))

    def _request(self, path: str, body: Mapping[str, str]) -> rest.Request:
        # A second token does no harm, so a lost answer is asked for again.
        return rest.Request('POST', self._prefix + path, body=body,
                            repeatable=True, authenticated=False,
                            confidential=True)

    def _keep(self, answer: rest.Response) -> bool:
        data = answer.data if isinstance(answer.data, dict) else {}
        access, refresh = data.get('access'), data.get('refresh')
        if not (isinstance(access, str) and access):
            return False
        self._access = access
        self._refresh = refresh if isinstance(refresh, str) else ''
        return True


def _without_tokens(answer: rest.Response) -> str:
    """A success body may hold half a token; only failures are quoted."""
    if answer.ok:
        return 'HTTP %d without a token in it' % answer.status
    return answer.brief()

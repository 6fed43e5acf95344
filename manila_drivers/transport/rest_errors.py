# SPDX-License-Identifier: Apache-2.0

"""Errors of requests, urllib3 and ssl, as ours."""

import socket
import ssl
from typing import Any

import requests
from urllib3 import connection
from urllib3 import exceptions as urllib3_exceptions

from manila_drivers import exception
from manila_drivers.transport import rest_values


def translate(exc: Exception, request: rest_values.Request,
              endpoint: rest_values.Endpoint) -> exception.TransportError:
    """A library's error as one of ours: was the request sent or not?"""
    what = '%s at %s' % (request, endpoint.url)
    # Other TLS errors also occur when an established connection is cut, after
    # the request was sent; only this one is sure to come before.
    # urllib3 before 2.0 compares host names itself, with a class of its own.
    mismatch = getattr(connection, 'CertificateError', ssl.CertificateError)
    if _caused_by(exc, (ssl.SSLCertVerificationError, mismatch)):
        return exception.NotTrusted(
            what + ' was not sent: the certificate is not accepted',
            answer=_words(exc),
            check='the CA bundle and the name in the certificate')
    never_sent = (requests.exceptions.ConnectTimeout,
                  urllib3_exceptions.NewConnectionError,
                  urllib3_exceptions.ConnectTimeoutError,
                  urllib3_exceptions.ProxyError,
                  ConnectionRefusedError, socket.gaierror,
                  requests.exceptions.InvalidURL,
                  urllib3_exceptions.LocationValueError)
    if _caused_by(exc, never_sent):
        return exception.Unreachable(
            what + ' was not sent: no connection', answer=_words(exc),
            check='address, port, network and firewall')
    return exception.OutcomeUnknown(
        what + ' was sent and not answered', answer=_words(exc),
        check='whether the server is up and how loaded it is')


def _caused_by(exc: BaseException, kinds: tuple[type, ...]) -> bool:
    """Tell if an error, or one that it wraps, is of one of the kinds."""
    seen: list[BaseException] = []
    queue: list[Any] = [exc]
    while queue:
        one = queue.pop()
        if not isinstance(one, BaseException) or one in seen:
            continue
        if isinstance(one, kinds):
            return True
        seen.append(one)
        queue += [*one.args, getattr(one, 'reason', None), one.__cause__]
    return False


def _words(exc: Exception) -> str:
    return '%s: %s' % (type(exc).__name__, exc)

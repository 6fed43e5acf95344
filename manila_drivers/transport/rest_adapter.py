# SPDX-License-Identifier: Apache-2.0

"""Connections of the REST transport: how many, and with which TLS."""

import ssl
from typing import Any

from requests import adapters
from urllib3 import connection
from urllib3 import connectionpool

from manila_drivers.transport import rest_values

POOL_SIZE = 64

_LEAST = {'1.2': ssl.TLSVersion.TLSv1_2, '1.3': ssl.TLSVersion.TLSv1_3}


class _Unchecked(connection.HTTPSConnection):
    """A connection whose operator has said that nothing is to be verified.

    urllib3 would warn at each new connection, and its warning can only be
    silenced for the whole process, in which other drivers live as well.
    """

    def connect(self) -> None:
        super().connect()
        self.is_verified = True


class _UncheckedPool(connectionpool.HTTPSConnectionPool):
    ConnectionCls = _Unchecked


class _Tuned(adapters.HTTPAdapter):
    """Connections with less than all of the system's TLS."""

    def __init__(self, context: ssl.SSLContext, **parts: Any) -> None:
        self._context = context
        super().__init__(**parts)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        kwargs['ssl_context'] = self._context
        super().init_poolmanager(*args, **kwargs)


def made(endpoint: rest_values.Endpoint) -> adapters.HTTPAdapter:
    """Return connections to one endpoint.

    :raises ValueError: ``ciphers`` or ``least_tls`` is not understood.
    """
    parts: dict[str, Any] = {'pool_connections': 1,
                             'pool_maxsize': POOL_SIZE, 'max_retries': 0}
    adapter = (_Tuned(_context(endpoint), **parts)
               if endpoint.ciphers or endpoint.least_tls
               else adapters.HTTPAdapter(**parts))
    if not endpoint.verify:
        adapter.poolmanager.pool_classes_by_scheme = {
            **adapter.poolmanager.pool_classes_by_scheme,
            'https': _UncheckedPool}
    return adapter


def _context(endpoint: rest_values.Endpoint) -> ssl.SSLContext:
    context = ssl.create_default_context()
    # urllib3 compares the name itself then; with an address and a context that
    # would do it, it cannot before 2.0.
    context.check_hostname = False
    try:
        if endpoint.least_tls:
            context.minimum_version = _LEAST[endpoint.least_tls]
        if endpoint.ciphers:
            context.set_ciphers(endpoint.ciphers)
    except (KeyError, ssl.SSLError) as exc:
        raise ValueError('TLS %r with ciphers %r: %s' % (
            endpoint.least_tls, endpoint.ciphers, exc)) from exc
    if not endpoint.verify:
        context.verify_mode = ssl.CERT_NONE
    return context

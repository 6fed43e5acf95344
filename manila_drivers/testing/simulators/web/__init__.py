# SPDX-License-Identifier: Apache-2.0

"""Tell what simulators of REST services share: HTTP, TLS, a log, and faults.

::

    class Service(recorder.Recorder):      # has handle(), log, calls, arm()
        def respond(self, request): ...

    with server.HttpServer(Service(clock)) as served:
        ...  # https://{served.host}:{served.port}
    session.mount('https://', adapter.SimulatorAdapter(service))
"""

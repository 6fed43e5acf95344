# SPDX-License-Identifier: Apache-2.0

"""Metrics of a backend for Prometheus, served where an option asks for it.

``catalogue`` lists them.  ``recorder``, ``collector`` and ``endpoint`` need
prometheus_client; ``service`` imports them when metrics are asked for, and
nobody else does.
"""

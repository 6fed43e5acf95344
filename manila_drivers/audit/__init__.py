# SPDX-License-Identifier: Apache-2.0

"""Backends compared with what should be there.  Pure.

``manila_drivers.direct.auditing`` asks for both and repairs.
"""

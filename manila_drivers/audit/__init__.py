# SPDX-License-Identifier: Apache-2.0

"""What is on a backend against what should be there.  Pure.

``manila_drivers.direct.auditing`` asks for both and repairs.
"""

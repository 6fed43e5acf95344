# SPDX-License-Identifier: Apache-2.0


"""Share drivers for OpenStack Manila, usable with Manila and without.

Importing this package imports nothing else: what knows about Manila is in
:mod:`manila_drivers.compat`, and is only loaded by the driver classes.
"""

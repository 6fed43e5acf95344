# SPDX-License-Identifier: Apache-2.0

"""Backends that exist only in memory, on the protocols of the real ones.

Each simulator keeps state, knows who can *effectively* reach what, counts
what it is asked and can be told to fail.  They are for demonstrations, for
authors of drivers and for this library's own tests.
"""

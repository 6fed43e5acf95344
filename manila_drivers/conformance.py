# SPDX-License-Identifier: Apache-2.0

"""Older dotted path of :mod:`manila_drivers.testing.conformance`."""

from manila_drivers.testing import moved

moved.serve(__name__)

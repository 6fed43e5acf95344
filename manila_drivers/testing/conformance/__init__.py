# SPDX-License-Identifier: Apache-2.0

"""The contract of a share driver as something that runs.

The suites reach a driver only through the methods that Manila calls, and its
backend only through a
:class:`~manila_drivers.testing.conformance.lab.Lab`, the hook by which a
simulator or a real system tells what exists and who can reach what.  Nothing
here knows any vendor.

A driver adopts the suites in two files: a lab, and a test module that
inherits the classes of :mod:`manila_drivers.testing.conformance.suite`::

    from manila_drivers.testing.conformance import suite
    from somewhere import SomeLab

    class TestSome(suite.Everything):
        make_lab = SomeLab

What a driver does not advertise in the lab's ``features`` is skipped, and the
report says so.  What fails raises
:class:`~manila_drivers.testing.conformance.verdict.Violation`, which names
the check.
"""

# SPDX-License-Identifier: Apache-2.0

"""Say that a simulated service VM does not know a command."""


class NotModelledError(NotImplementedError):
    """Fail the test that runs a command which is not simulated.

    That is on purpose: a driver uses few programs, each with few switches.
    An answer made up for another one would let a test pass of which a real
    VM knows nothing.  What a driver needs next is added where this is raised.
    """

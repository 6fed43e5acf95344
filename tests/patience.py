# SPDX-License-Identifier: Apache-2.0

"""How many times as long anything may take before a test gives it up.

Limits are there for what hangs.  They are generous for a machine that is
busy; on one that does a third of its usual work besides, as hosts of many
virtual machines make them, tests that hang in nothing reach them.  So
``.ci/run``, whose stages have limits of their own, says in
``MANILA_DRIVERS_PATIENCE`` how many times as long they may take.
"""

import os

VARIABLE = 'MANILA_DRIVERS_PATIENCE'


def factor(text: str) -> float:
    """Return how many times as long something may take, 1 if nobody says.

    :raises ValueError: it is no number from 1 to 100.
    """
    try:
        found = float(text or 1)
    except ValueError:
        found = 0.0
    if not 1 <= found <= 100:
        raise ValueError(f'{VARIABLE}={text} is no number from 1 to 100')
    return found


TIMES = factor(os.environ.get(VARIABLE, ''))


def seconds(usual: float) -> float:
    """Return how long to wait here for what is usually given so long."""
    return usual * TIMES

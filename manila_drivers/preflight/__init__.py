# SPDX-License-Identifier: Apache-2.0

"""Everything that is wrong with a backend's section, found before a start.

A start of the service ends at the first thing that is wrong.  Here one
finding stops no other, unless that one cannot be looked at then.
"""

from manila_drivers import exception
from manila_drivers.direct import loading

# What is imported from here on decides about Manila.  Whoever has decided
# otherwise hears of it when a section is read.
exception.caught(loading.stand_alone)

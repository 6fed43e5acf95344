#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#         http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.

"""When a request is sent again, how often and for how long: one table.

==========================  ==========================  =====================
what happened               request may be repeated     it may not
==========================  ==========================  =====================
connection never made       again                       again
429                         again, after Retry-After    again, likewise
sent, no usable answer      again                       outcome unknown
500                         answer as it is             outcome unknown
502, 503, 504               again                       outcome unknown
any other answer            answer as it is             answer as it is
certificate not accepted    never again                 never again
==========================  ==========================  =====================

"No usable answer" is a lost connection, a timeout, or a success whose body is
cut short or is not what was asked for.
"""

from collections.abc import Callable
import dataclasses
import random

TRANSIENT = frozenset((502, 503, 504))
UNKNOWN = TRANSIENT | {500}
REFUSED = 429


@dataclasses.dataclass(frozen=True)
class Policy:
    """How persistent a transport is.

    :param retries: how often a request is sent again at the most.
    :param first: seconds before the first repetition; it doubles each time.
    :param longest: seconds that one pause lasts at the most.
    :param patience: seconds that it lasts at the most where the server asks
        for a longer one.
    :param total: seconds after which nothing is repeated any more.
    :param jitter: returns a number from 0 to 1; spreads the pauses.
    """

    retries: int = 3
    first: float = 0.5
    longest: float = 10.0
    patience: float = 60.0
    total: float = 120.0
    jitter: Callable[[], float] = random.random

    def pause(self, attempt: int, asked: str = '') -> float:
        """Seconds to wait before repetition number ``attempt`` (from 1).

        :param asked: a Retry-After header, of which only the form in
            seconds is honoured.
        """
        if asked.strip().isdigit():
            return min(float(asked), self.patience)
        ceiling = min(self.first * 2.0 ** (attempt - 1), self.longest)
        # Half fixed, half random: apart from each other, yet never at once.
        return ceiling * (0.5 + self.jitter() / 2)

    def again(self, attempt: int, spent: float) -> bool:
        """Whether repetition number ``attempt`` is still within bounds."""
        return attempt <= self.retries and spent < self.total

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

"""Which of many networks a network lies in, without looking at all of them.

A network lies in at most one network of each length, so that a look takes
one step for each length there is, however many networks there are.  Pure.
"""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Generic
from typing import TypeVar

from manila_drivers import access

Network = access.Network
V = TypeVar('V')


class Nest(Generic[V]):
    """Networks with a value each."""

    def __init__(self, items: Mapping[Network, V] | None = None) -> None:
        # By version and length, then by address.
        self._values: dict[tuple[int, int], dict[int, V]] = {}
        # The lengths of a version, the longest first.
        self._lengths: dict[int, list[int]] = {4: [], 6: []}
        for network, value in (items or {}).items():
            self.put(network, value)

    def put(self, network: Network, value: V) -> None:
        key = network.version, network.prefixlen
        if key not in self._values:
            self._values[key] = {}
            lengths = self._lengths[network.version]
            lengths.append(network.prefixlen)
            lengths.sort(reverse=True)
        self._values[key][int(network.network_address)] = value

    def around(self, network: Network) -> Iterator[V]:
        """Values of all that the network lies in, the narrowest first.

        It lies in itself.
        """
        address, bits = int(network.network_address), network.max_prefixlen
        for length in self._lengths[network.version]:
            if length <= network.prefixlen:
                rest = bits - length
                found = self._values[network.version, length]
                start = address >> rest << rest
                if start in found:
                    yield found[start]

    def holds(self, network: Network) -> bool:
        """Whether the network lies in any of them."""
        return next((True for _ in self.around(network)), False)

    def holds_all(self, networks: Iterable[Network]) -> bool:
        return all(map(self.holds, networks))

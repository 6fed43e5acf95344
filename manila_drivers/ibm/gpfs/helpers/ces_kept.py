# SPDX-License-Identifier: Apache-2.0

"""A CES export whose options are to stay as they are.  Pure."""

from collections.abc import Sequence
import dataclasses
import re

from manila_drivers import networks
from manila_drivers.ibm.gpfs.helpers import ces_list
from manila_drivers.nas import exports

# What the cluster's configuration says of clients that say nothing.
_CONFIGURED = ('protocols', 'delegations')


def kept(export: exports.Export,
         entries: Sequence[ces_list.CesClient]) -> exports.Export:
    """Return what is left of it with the options that clients have.

    Who is listed keeps theirs, since a change leaves what it does not name.
    Others have those of the client they belong to now; they get nothing if
    not all of these are told.
    """
    seen, _ = networks.first_decides(
        (network, entry) for entry in entries for network in entry.networks)
    now = {network: entry.level for network, entry in seen.items()
           if entry.level not in ('', ces_list.UNTOLD)}
    own = networks.PrefixTable({
        network: options_of(entry) for network, entry in seen.items()})
    left = export.narrowed(now)
    # Who is kept out by an entry of their own stays so.
    left = left.without((*(seen.keys() - now.keys()), *(
        network for network in left.levels
        if network not in seen and not own.level(network))))
    return dataclasses.replace(left, own={
        network: own.level(network) or () for network in left.levels})


def options_of(entry: ces_list.CesClient) -> tuple[str, ...]:
    """Return the options of a client as it is listed; none if one lacks."""
    told = {name: entry.options.get(name, '').lower().replace(',', ':')
            for name in (*ces_list.DEFAULTS, *_CONFIGURED)}
    if not all(re.fullmatch(r'-?[a-z0-9_:]+', told[name])
               for name in ces_list.DEFAULTS):
        return ()
    return tuple(f'{name}={value}' for name, value in told.items() if value)

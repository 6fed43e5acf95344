# SPDX-License-Identifier: Apache-2.0

"""Damage of each kind of backend that is seen beside a Manila."""

from tests.unit.audit import generic_planted
from tests.unit.audit import gluster_planted
from tests.unit.audit import gpfs_planted
from tests.unit.audit import planted

#: What only a registry, or the driver's notes, have; and what others mend by
#: the way, or is there once.
LEFT_OUT = {
    'snapshot lost', 'resize cut off', 'creation cut off', 'deletion cut off',
    'rule being given', 'rule being taken', 'snapshot being taken',
    'snapshot being removed', 'snapshot half deleted', 'snapshot broken',
    'snapshot in an odd state', 'snapshot without an end', 'a server owes',
    'copied and not recorded so', 'copy died', 'copy recorded as whole',
    'copy still going on', 'a line in /etc/exports', 'all shares',
    'export of nothing', 'line of fstab left', 'copy failed'}
#: What a driver knows by its notes alone, and so this audit does not.
NOTED = {'gluster': {'mark lost', 'open to all'},
         'generic': {'file of exports lost', 'not mounted by a boot',
                     # Exports of what has no volume are cleared away.
                     'volume lost'}}
#: Sizes that Manila has in the place of the backend's, which stays.
SIZES = {'generic': {'smaller': 3, 'larger': 1}}

#: Kind and target of a rule, where it is none for an address.
NETWORKS = {'gluster': ('cert', 'alice')}
#: Shares of which one command tells, where it does not tell of all.
PAGES = {'gluster': 64}


def of(kind):
    """Return the damage for a kind of backend, by its name."""
    tables = {'vast': planted.PLANTS, 'gluster': gluster_planted.PLANTS,
              'generic': generic_planted.PLANTS, **{
                  each: {**gpfs_planted.FILESETS, **table}
                  for each, table in gpfs_planted.PLANTS.items()}}
    return {name: plant for name, plant in tables[kind].items()
            if name not in LEFT_OUT | NOTED.get(kind, set())}


def rule(kind):
    """Return kind and target of the rule that all shares have."""
    return NETWORKS.get(kind, ('ip', planted.NETWORK))


def pages(kind, shares):
    """Return how many requests more than one so many shares take."""
    page = PAGES.get(kind)
    return -(-shares // page) - 1 if page else 0


def ordered(names):
    """Return names in an order in which one does not mend the other.

    Ganesha reads all of its files anew for some of them.
    """
    return sorted(names, key=lambda name: (name == 'closed') + 2 * (
        name in ('not read at a start', 'in no file')))

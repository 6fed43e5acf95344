# SPDX-License-Identifier: Apache-2.0

"""NAS servers that several drivers share: kernel NFS and NFS-Ganesha.

Text of a server becomes values, values and wishes become commands, and
several servers of which some do not answer become a decision: all of that is
pure.  ``fleet`` asks all servers at once and carries out what was planned for
each, over whatever runs commands there.  What servers still have to be told is
remembered in ``pending``, and told by ``catch_up``.
"""

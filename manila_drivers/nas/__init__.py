# SPDX-License-Identifier: Apache-2.0

"""NAS servers that several drivers share: kernel NFS and NFS-Ganesha.

Text of a server becomes values, values and wishes become commands, and
several servers of which some do not answer become a decision: all of that is
pure.  What servers still have to be told is remembered in ``pending``, and
``servers`` asks all of them at once; whoever owns the transport runs commands.
"""

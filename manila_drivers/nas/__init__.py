# SPDX-License-Identifier: Apache-2.0

"""NAS servers that several drivers share: kernel NFS and NFS-Ganesha.

Everything here is pure: text of a server becomes values, values and wishes
become commands.  Whoever owns the transport runs them.
"""

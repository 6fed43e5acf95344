# SPDX-License-Identifier: Apache-2.0

"""NFS servers that export shares: one class for each kind."""

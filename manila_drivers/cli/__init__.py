# SPDX-License-Identifier: Apache-2.0

"""The command line.  It needs no Manila."""

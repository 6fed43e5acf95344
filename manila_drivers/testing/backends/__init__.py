# SPDX-License-Identifier: Apache-2.0

"""One adapter per backend: a simulated cluster with its section for Manila.

The command line, the Manila in a process and the comparison with Manila's
drivers all use these.
"""

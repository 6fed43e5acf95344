# SPDX-License-Identifier: Apache-2.0

"""The only places where anything outside the process is reached.

Commands on this host or over SSH, and requests over HTTPS, each with
deadlines, a table of what is repeated, and no secret in what is logged.
"""

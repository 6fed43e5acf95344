# SPDX-License-Identifier: Apache-2.0

"""Test bed of the drivers: simulators, scenarios, and a Manila to run in.

`simulators` answer as storage backends do, `conformance` holds the promises
that every driver keeps, and `manila` starts Manila's own services in one
process. The drivers and the core import nothing of it.
"""

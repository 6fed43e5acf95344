# SPDX-License-Identifier: Apache-2.0

"""Neutron: networks, ports, routers, security groups."""

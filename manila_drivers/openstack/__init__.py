# SPDX-License-Identifier: Apache-2.0

"""Clients of OpenStack's own services: Nova, Cinder, Neutron and Glance.

keystoneauth1 logs in and knows the catalogue; requests go through the REST
transport, with its deadlines, its retry table and its dry run.  Answers
become frozen values, in which None stands for what was not told.
"""

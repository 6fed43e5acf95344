# SPDX-License-Identifier: Apache-2.0

"""Manila's API, read and never written, to compare backends with it.

It needs openstacksdk (extra ``openstack``), of which it uses the login of
``clouds.yaml`` and keystoneauth1's requests.  The lists are read with requests
of our own: openstacksdk pages by markers, which Manila's lists do not know,
and would hide which list was refused.
"""

# SPDX-License-Identifier: Apache-2.0

"""``tenants`` and ``qospolicies``."""

from manila_drivers.testing.simulators.vast.resources import base
from manila_drivers.testing.simulators.vast.wire import Call
from manila_drivers.testing.simulators.vast.wire import Record


class Tenants(base.Resource):
    """Made by the operator; a tenant's administrator sees only his own."""

    name = 'tenants'
    filters = {**base.COMMON, 'domain_name': 'domain_name'}

    def visible(self, call: Call, record: Record) -> bool:
        return call.scope in (None, record['id'])


class QosPolicies(base.Resource):
    """Made by the operator, attached by clients to their views."""

    name = 'qospolicies'
    tenanted = True
    filters = {**base.COMMON, **base.TENANTED, 'mode': 'mode',
               'policy_type': 'policy_type'}

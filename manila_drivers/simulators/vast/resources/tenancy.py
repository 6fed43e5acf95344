#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#         http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.

"""``tenants`` and ``qospolicies``."""

from manila_drivers.simulators.vast.resources import base
from manila_drivers.simulators.vast.wire import Call
from manila_drivers.simulators.vast.wire import Record


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

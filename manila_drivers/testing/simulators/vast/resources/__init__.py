# SPDX-License-Identifier: Apache-2.0

"""The resources of VMS, one class each."""

from collections.abc import Mapping

from manila_drivers.testing.simulators.vast.resources import snapshots
from manila_drivers.testing.simulators.vast.resources import tenancy
from manila_drivers.testing.simulators.vast.resources.base import Resource
from manila_drivers.testing.simulators.vast.resources.cluster import Clusters
from manila_drivers.testing.simulators.vast.resources.cluster import Monitors
from manila_drivers.testing.simulators.vast.resources.cluster import Versions
from manila_drivers.testing.simulators.vast.resources.folders import Folders
from manila_drivers.testing.simulators.vast.resources.network import Pools
from manila_drivers.testing.simulators.vast.resources.network import Vips
from manila_drivers.testing.simulators.vast.resources.policies import Policies
from manila_drivers.testing.simulators.vast.resources.quotas import Quotas
from manila_drivers.testing.simulators.vast.resources.streams import Streams
from manila_drivers.testing.simulators.vast.resources.tasks import Tasks
from manila_drivers.testing.simulators.vast.resources.tenancy import Tenants
from manila_drivers.testing.simulators.vast.resources.tokens import Tokens
from manila_drivers.testing.simulators.vast.resources.views import Views

RESOURCES: Mapping[str, type[Resource]] = {
    'apitokens': Tokens,
    'clusters': Clusters,
    'folders': Folders,
    'globalsnapstreams': Streams,
    'monitors': Monitors,
    'qospolicies': tenancy.QosPolicies,
    'quotas': Quotas,
    'snapshots': snapshots.Snapshots,
    'tenants': Tenants,
    'versions': Versions,
    'viewpolicies': Policies,
    'views': Views,
    'vippools': Pools,
    'vips': Vips,
    'vtasks': Tasks,
}

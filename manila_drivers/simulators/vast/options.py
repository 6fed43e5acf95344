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

"""The switches of the simulated cluster."""

import dataclasses


@dataclasses.dataclass(slots=True)
class Options:
    """How the cluster behaves where real ones differ or are not documented.

    All can be changed at any time.  Times are seconds.
    """

    # The software
    sw_version: str = '5.3.0.25'
    omit_enable_trash: bool = False    # clusters/ does not say
    versions_oldest_first: bool = False

    # Logging in
    access_token_lifetime: float = 3600.0
    refresh_token_lifetime: float = 86400.0
    refresh_rotates: bool = True       # a refresh token works once
    session_cookie: bool = True        # sent; coming back on a write: 403
    permission_denied: set[str] = dataclasses.field(default_factory=set)
    # names of resources, or 'VERB resource', that no role may use
    tenant_admin_denied: set[str] = dataclasses.field(
        default_factory=lambda: {'vippools', 'vips'})

    # Lists
    ignore_filters: bool = False       # every list is the whole list
    page_cap: int | None = None        # cut of a list without page_size
    max_page_size: int | None = None   # larger wishes are reduced to it
    link_host: str = 'vms.cluster.invalid'   # in ``next``; not reachable

    # Bodies
    refuse_unknown_fields: bool = True     # real ones ignore them

    # Access
    empty_list_means_default: bool = False            # in POST
    empty_list_means_default_on_patch: bool = False
    ipv6_host_lists: bool = False
    deny_entries: bool = True          # '~10.0.0.7'
    max_policies: int = 4096
    max_tables: int = 8000             # of each kind, address and netgroup
    table_size: int = 50               # host strings per table

    # Paths
    allow_views_on_same_path: bool = False
    duplicate_quota_status: int = 503  # second quota on a path: 503 or 400
    usage_lag: float = 0.0             # of the counters behind the writes

    # Trash
    trash_enabled: bool = True
    trash_delay: float = 60.0          # until space comes back

    # Snapshots and clones
    snapshot_delay: float = 0.0        # CREATING -> SUCCEED
    snapshot_fails: bool = False       # ... -> FAILED
    clone_init_delay: float = 0.0      # Initializing -> Syncing
    clone_delay: float = 0.0           # from the call to Completed
    clone_fails: bool = False          # ... to Suspended
    clone_needs_parent: bool = False   # of the target; else it is made
    stop_deletes_stream: bool = False
    streams_outlive_folder: bool = False   # finished ones, as records
    task_delay: float = 0.0            # stop and delete of a stream
    task_fails: bool = False

    # Metrics
    empty_samples: bool = False        # ad_hoc_query finds nothing

    # The simulator itself
    log_limit: int = 100_000           # entries kept; ``calls`` counts all

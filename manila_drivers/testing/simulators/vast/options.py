# SPDX-License-Identifier: Apache-2.0

"""The switches of the simulated cluster."""

import dataclasses


@dataclasses.dataclass(slots=True)
class Options:
    """How the cluster behaves where real ones differ or are not documented.

    All can be changed at any time.  Times are seconds.

    :param sw_version: of the cluster, as versions/ says it.
    :param omit_enable_trash: clusters/ does not say whether there is trash.
    :param versions_oldest_first: order of the list of versions.
    :param failed_upgrade: version that versions/ has as one that failed.
    :param missing_routes: paths, or "VERB path", that this version does not
        have: tenants, folders/stat_path, DELETE folders/delete_folder.
    :param missing_route_page: a missing route is told by a page of the web
        server, not in the words that a missing object is told with.
    :param null_fields: fields that are null, as views.logical_capacity.
    :param absent_fields: fields that are not told.
    :param text_fields: fields told as text, lists as one word.
    :param ignored_fields: fields that are accepted and not stored.
    :param silent_updates: a PATCH is answered without a record.
    :param partial_answers: resources of which a POST tells the id alone.
    :param pool_binding: what binds policies to VIP pools: none, vip_pools or
        permission_per_vip_pool; empty goes by the version.
    :param access_token_lifetime: of the token that requests carry.
    :param refresh_token_lifetime: of the token that gets another one.
    :param refresh_rotates: a refresh token works once.
    :param session_cookie: logging in sets a cookie, and a write that brings
        it back is refused with 403, as by a CSRF check.
    :param permission_denied: resources, or "VERB resource", that no role may
        use.
    :param tenant_admin_denied: the same for administrators of a tenant.
    :param ignore_filters: every list is the whole list.
    :param page_cap: entries of a list that was asked for without page_size.
    :param max_page_size: larger wishes are reduced to it.
    :param links: to the next page: full ones, ones that name the ``page``
        alone, none, or untold, which leaves out the number of entries too.
    :param bare_pages: a page is the bare list of its entries.
    :param link_host: host in links to the next page; it is not reachable.
    :param refuse_unknown_fields: in bodies; real clusters ignore them.
    :param empty_list_means_default: a POST with an empty list of clients
        makes the default one.
    :param empty_list_means_default_on_patch: the same for a PATCH.
    :param ipv6_host_lists: lists of clients take IPv6 addresses.
    :param deny_entries: lists of clients take "~10.0.0.7".
    :param policy_names_per_tenant: two tenants may have policies of one name.
    :param max_policies: how many view policies there can be.
    :param max_tables: of host entries, for addresses and netgroups each.
    :param table_size: host entries per table.
    :param allow_views_on_same_path: of two tenants.
    :param duplicate_quota_status: answer to a second quota on a path, 503 or
        400.
    :param in_use_status: answer to deleting what is in use: 400, 409 or 424.
    :param view_delay: from deleting a view until it is gone.
    :param folder_tasks: deleting a directory is answered with a task.
    :param usage_lag: of the usage counters behind the writes.
    :param trash_enabled: deleted directories go into the trash.
    :param trash_delay: until their space is free.
    :param snapshot_delay: until a snapshot is there.
    :param snapshot_fails: it ends as FAILED.
    :param clone_init_delay: until a clone begins to be filled.
    :param clone_delay: from the call until it is complete.
    :param clone_fails: it ends as Suspended.
    :param clone_needs_parent: the directory above a clone must exist.
    :param clone_keeps_snapshot: a snapshot that is read from is not let go.
    :param stop_deletes_stream: a stopped clone leaves no record.
    :param streams_outlive_folder: records of clones stay when their
        directory goes.
    :param task_delay: of stopping and deleting a clone.
    :param task_fails: such a task ends with an error.
    :param tasks_end_untold: tasks have no state when they have ended.
    :param empty_samples: queries of metrics find nothing.
    :param log_limit: requests that the simulator remembers.
    """

    # The software
    sw_version: str = '5.3.0.25'
    omit_enable_trash: bool = False    # clusters/ does not say
    versions_oldest_first: bool = False
    failed_upgrade: str = ''           # among the versions, with its status

    # Logging in
    access_token_lifetime: float = 3600.0
    refresh_token_lifetime: float = 86400.0
    refresh_rotates: bool = True       # a refresh token works once
    session_cookie: bool = True        # sent; coming back on a write: 403
    permission_denied: set[str] = dataclasses.field(default_factory=set)
    # names of resources, or 'VERB resource', that no role may use
    tenant_admin_denied: set[str] = dataclasses.field(
        default_factory=lambda: {'vippools', 'vips'})

    # What this version or role does not have, does not tell, does not take.
    # Fields are named ``resource.field``, as ``views.logical_capacity``.
    missing_routes: set[str] = dataclasses.field(default_factory=set)
    # ``tenants``, ``folders/stat_path``, ``DELETE folders/delete_folder``
    missing_route_page: bool = False   # told by a page of the web server,
    # not in the words that a missing object is told with
    null_fields: set[str] = dataclasses.field(default_factory=set)
    absent_fields: set[str] = dataclasses.field(default_factory=set)
    text_fields: set[str] = dataclasses.field(default_factory=set)
    # told as text, lists as one word
    ignored_fields: set[str] = dataclasses.field(default_factory=set)
    # accepted in POST and PATCH, and not stored
    silent_updates: bool = False       # PATCH is answered without a record
    partial_answers: set[str] = dataclasses.field(default_factory=set)
    # resources of which a POST tells the id alone

    # Lists
    ignore_filters: bool = False       # every list is the whole list
    page_cap: int | None = None        # cut of a list without page_size
    max_page_size: int | None = None   # larger wishes are reduced to it
    links: str = 'full'                # ``full``, ``page``, ``none``, or
    # ``untold``: neither a link nor the number of entries
    bare_pages: bool = False           # nothing but the entries of a page
    link_host: str = 'vms.cluster.invalid'   # in ``next``; not reachable

    # Bodies
    refuse_unknown_fields: bool = True     # real ones ignore them

    # Access
    empty_list_means_default: bool = False            # in POST
    empty_list_means_default_on_patch: bool = False
    pool_binding: str = ''             # what binds policies to VIP pools:
    # ``none``, ``vip_pools`` or ``permission_per_vip_pool``; '' goes by the
    # version: before 5.0, 5.0, from 5.1 on
    ipv6_host_lists: bool = False
    deny_entries: bool = True          # '~10.0.0.7'
    policy_names_per_tenant: bool = False
    max_policies: int = 4096
    max_tables: int = 8000             # of each kind, address and netgroup
    table_size: int = 50               # host strings per table

    # Paths
    allow_views_on_same_path: bool = False
    duplicate_quota_status: int = 503  # second quota on a path: 503 or 400
    usage_lag: float = 0.0             # of the counters behind the writes
    in_use_status: int = 400           # deleting what is in use: or 409, 424
    view_delay: float = 0.0            # from deleting a view until it goes
    folder_tasks: bool = False         # a task is the answer to a deletion

    # Trash
    trash_enabled: bool = True
    trash_delay: float = 60.0          # until space comes back

    # Snapshots and clones
    snapshot_delay: float = 0.0        # CREATING -> SUCCEED
    snapshot_fails: bool = False       # ... -> FAILED
    clone_init_delay: float = 0.0      # Initializing -> Syncing
    clone_delay: float = 0.0           # from the call to Completed
    clone_fails: bool = False          # ... to Suspended
    clone_keeps_snapshot: bool = True
    clone_needs_parent: bool = False   # of the target; else it is made
    stop_deletes_stream: bool = False
    streams_outlive_folder: bool = False   # finished ones, as records
    task_delay: float = 0.0            # stop and delete of a stream
    task_fails: bool = False
    tasks_end_untold: bool = False     # their state is null then

    # Metrics
    empty_samples: bool = False        # ad_hoc_query finds nothing

    # The simulator itself
    log_limit: int = 100_000           # entries kept; ``calls`` counts all

# SPDX-License-Identifier: Apache-2.0

"""The switches of the simulated cloud."""

import dataclasses


@dataclasses.dataclass(slots=True)
class CloudOptions:
    """How the cloud behaves; all can be changed at any time.

    Times are seconds, and by default those of a small real cloud (Nova 34,
    Cinder 29, Neutron 29) that had little else to do.

    :param regions: of the catalogue, in its order.  Only RegionOne answers.
    :param compute_min: oldest microversion of Nova.
    :param compute_max: newest microversion of Nova.
    :param volume_min: oldest microversion of Cinder.
    :param volume_max: newest microversion of Cinder.
    :param token_lifetime: of every new token.
    :param page_limit: entries of one answer of Nova and Cinder.
    :param network_page_limit: entries of one answer of Neutron; none sends
        all, as a real one does unless told otherwise.
    :param image_page_limit: entries of one answer of Glance, unless a limit
        is asked for.
    :param link_url: host in the links to other pages.  By default it is one
        that cannot be reached, as behind a proxy that the services do not
        know of; empty is the host of the cloud.
    :param shuffled: lists come in no useful order.
    :param zones: availability zones.
    :param host: name of the one compute host.
    :param known_hosts: other hosts that have an agent of Neutron.
    :param create_server_takes: the answer to POST /servers is so late.
    :param attach_takes: the answer to an attachment below 2.101 is so late.
    :param build_idle: a new server has no task yet.
    :param build_schedule: until a host is found.
    :param build: until it is active, from there on.
    :param build_failure: until a server that cannot be built is in error.
    :param boot: from active until the guest answers.
    :param attach: from the answer until the volume is in use.
    :param attach_async: from 2.101 on, until the volume is even reserved.
    :param attach_failure: until an attachment has failed.
    :param detach: until the volume is available.
    :param detach_stopped: likewise, of a server that is off.
    :param detach_hung: until Nova gives up with a guest that hangs.
    :param detach_again: how often it tries meanwhile.
    :param delete_server: until a deleted server is gone.
    :param soft_delete: deleted servers stay, as SOFT_DELETED.
    :param stop: until a server is off.
    :param stop_hung: likewise, of a guest that hangs.
    :param reboot: until it is on again.
    :param reboot_hung: likewise, softly, of a guest that hangs.
    :param power_sync: until Nova sees that a guest was killed.
    :param disk_slots: PCI slots for disks and network cards.
    :param cell_down: the part of Nova that has all servers cannot be asked:
        from 2.69 on servers are shown with what is known elsewhere, which
        does not include their names; before, lists leave them out.
    :param cross_az_attach: volumes of other availability zones are attached.
    :param max_disks: of one server, as Nova's max_disk_devices_to_attach;
        none is without limit.
    :param create_volume: until a volume is available.
    :param clone_volume: likewise, made of a snapshot or a volume.
    :param delete_volume: until it is gone.
    :param snapshot: until a snapshot is available.
    :param snapshot_assisted: likewise, of a volume in use on NFS.
    :param delete_snapshot: until it is gone.
    :param delete_parent_snapshot: likewise, if something was cloned of it.
    :param extend_lag: until a volume that was told to grow says so.
    :param extend: until the volume is larger.
    :param guest_resize: from there until the guest sees it.
    :param revert: until a volume is as its snapshot was.
    :param pool_gib: what each storage backend holds.
    :param dhcp: until the DHCP agent has its port in a new subnet.
    :param bind: until a bound port is ACTIVE.
    :param random_addresses: ports get any free address of a subnet, and not
        the lowest.
    :param addresses_withheld: ports tell no fixed addresses for a moment
        after they were made.
    :param log_limit: requests that the simulator remembers.
    """

    # Keystone
    regions: tuple[str, ...] = ('RegionOne',)
    token_lifetime: float = 3600.0

    # Versions
    compute_min: str = '2.1'
    compute_max: str = '2.104'
    volume_min: str = '3.0'
    volume_max: str = '3.71'

    # Lists
    page_limit: int = 1000
    network_page_limit: int | None = None
    image_page_limit: int = 25
    link_url: str = 'http://internal-api.invalid'
    shuffled: bool = True

    # Places
    zones: tuple[str, ...] = ('nova',)
    host: str = 'compute-1'
    known_hosts: tuple[str, ...] = ('controller',)

    # Nova
    create_server_takes: float = 1.0
    attach_takes: float = 0.2
    build_idle: float = 0.5
    build_schedule: float = 1.0
    build: float = 6.0
    build_failure: float = 42.0
    boot: float = 20.0
    attach: float = 1.5
    attach_async: float = 2.9
    attach_failure: float = 1.8
    detach: float = 0.8
    detach_stopped: float = 0.3
    detach_hung: float = 201.0
    detach_again: float = 20.0
    delete_server: float = 1.3
    soft_delete: bool = False
    stop: float = 3.3
    stop_hung: float = 60.0
    reboot: float = 2.0
    reboot_hung: float = 120.0
    power_sync: float = 15.5
    disk_slots: int = 28
    cell_down: bool = False
    cross_az_attach: bool = True
    max_disks: int | None = None

    # Cinder
    create_volume: float = 1.6
    clone_volume: float = 0.4
    delete_volume: float = 0.3
    snapshot: float = 1.0
    snapshot_assisted: float = 19.0
    delete_snapshot: float = 0.3
    delete_parent_snapshot: float = 6.0
    extend_lag: float = 0.0
    extend: float = 0.3
    guest_resize: float = 2.0
    revert: float = 0.1
    pool_gib: int = 1000

    # Neutron
    dhcp: float = 1.0
    bind: float = 1.0
    random_addresses: bool = True
    addresses_withheld: bool = False

    # The simulator itself
    log_limit: int = 100_000


def microversion(text: str) -> tuple[int, int]:
    """Two numbers: ``2.104`` is (2, 104)."""
    major, _, minor = text.partition('.')
    return int(major), int(minor)

# SPDX-License-Identifier: Apache-2.0

"""Options of service instances: for a backend's section.

The lists have the names that Manila's own module gives them, since drivers
import them.  Importing this module needs neither Manila nor OpenStack's
clients.
"""

from oslo_config import cfg

#: In both modes.
common_opts: list[cfg.Opt] = [
    cfg.StrOpt(
        'service_instance_user',
        help='User that logs in to service instances over SSH. It needs sudo '
             'without a password there. Required.'),
    cfg.StrOpt(
        'service_instance_password', secret=True,
        help='Password of service_instance_user. Either this or '
             'path_to_private_key is required.'),
    cfg.StrOpt(
        'path_to_private_key',
        help='Private SSH key of service_instance_user, a file on this '
             'host.'),
    cfg.IntOpt(
        'max_time_to_build_instance', default=300, min=1, max=86400,
        help='Seconds that a service instance may take to become active, '
             'again until it can be logged in to, and to be deleted.'),
    cfg.BoolOpt(
        'limit_ssh_access', default=False,
        help='Let service instances be logged in to from their service '
             'subnet alone. With driver_handles_share_servers = True.'),
    cfg.PortOpt(
        'service_instance_ssh_port', default=22,
        help='TCP port of sshd on service instances.'),
    cfg.ListOpt(
        'service_instance_known_hosts', default=[],
        help='Files with host keys of service instances, as of OpenSSH. '
             'Unset means that the key which is seen at the first login is '
             'remembered for each instance, and no other one accepted later.'),
]

#: With driver_handles_share_servers = False.
no_share_servers_handling_mode_opts: list[cfg.Opt] = [
    cfg.StrOpt(
        'service_instance_name_or_id',
        help='Name or id of the server in Nova that serves all shares. '
             'Required.'),
    cfg.StrOpt(
        'service_net_name_or_ip',
        help='How the server is reached by this host: an IP address, or the '
             'name of a network that it has an address in. Required.'),
    cfg.StrOpt(
        'tenant_net_name_or_ip',
        help='How the server is reached by users: an IP address, or the name '
             'of a network that it has an address in. Required.'),
]

#: With driver_handles_share_servers = True.
share_servers_handling_mode_opts: list[cfg.Opt] = [
    cfg.StrOpt(
        'service_image_name', default='manila-service-image',
        help='Name of the image in Glance of which service instances are '
             'made. There must be exactly one that is active.'),
    cfg.StrOpt(
        'service_instance_name_template', default='%s',
        help='Name of service instances. %s stands for the name of the '
             "backend's section and the id of the share server."),
    cfg.StrOpt(
        'manila_service_keypair_name', default='manila-service',
        help='How names of key pairs in Nova begin. A fingerprint of the key '
             'follows.'),
    cfg.StrOpt(
        'path_to_public_key', default='~/.ssh/id_rsa.pub',
        help='Public key that belongs to path_to_private_key. Nova puts it '
             'into service instances. Without the file no key is sent, and '
             'the image has to know it.'),
    cfg.StrOpt(
        'service_instance_security_group', default='manila-service',
        help='Name of the security group of service instances, which is made '
             'if there is none. Empty means that there shall be none.'),
    cfg.StrOpt(
        'service_instance_flavor_id', default='100',
        help='Id of the flavor of service instances.'),
    cfg.StrOpt(
        'service_network_name', default='manila_service_network',
        help='Name of the network between this host and service instances. '
             'It belongs to the project of the service and is made if there '
             'is none.'),
    cfg.StrOpt(
        'service_network_host',
        help='Name of this host in Neutron, to which its port of the service '
             'network is bound. Unset means the host of the service.'),
    cfg.StrOpt(
        'service_network_cidr', default='10.254.0.0/16',
        help='Addresses from which subnets of the service network are '
             'taken.'),
    cfg.IntOpt(
        'service_network_division_mask', default=28, min=1, max=30,
        help='Length of the prefix of each subnet of the service network.'),
    cfg.StrOpt(
        'interface_driver',
        default='manila.network.linux.interface.OVSInterfaceDriver',
        help='How this host is plugged into the service network: '
             'OVSInterfaceDriver, BridgeInterfaceDriver, or '
             'NoopInterfaceDriver if it is in it already. Paths of classes '
             'of Manila with these names are understood.'),
    cfg.StrOpt(
        'ovs_integration_bridge', default='br-int',
        help='Bridge of Open vSwitch that this host is plugged into.'),
    cfg.BoolOpt(
        'connect_share_server_to_tenant_network', default=False,
        help='Give service instances a port in the network of their users, '
             'instead of a way through the router of that network.'),
    cfg.StrOpt(
        'admin_network_id',
        help='Network of administrators, in which service instances get a '
             'port. Goes together with admin_subnet_id.'),
    cfg.StrOpt(
        'admin_subnet_id',
        help='Subnet of admin_network_id.'),
    cfg.BoolOpt(
        'service_instance_boot_from_volume', default=False,
        help='Boot service instances from a volume made of the image.'),
    cfg.IntOpt(
        'service_instance_boot_volume_size', default=10, min=1, max=16384,
        help='Size of that volume in GiB.'),
    cfg.StrOpt(
        'service_instance_boot_volume_type',
        help='Volume type of that volume, or of a clone of '
             'service_instance_base_boot_volume_id.'),
    cfg.StrOpt(
        'service_instance_base_boot_volume_id',
        help='Volume in Cinder, a clone of which service instances boot '
             'from. The image is not needed then.'),
    cfg.BoolOpt(
        'service_instance_boot_volume_delete_on_termination', default=True,
        help='Let Nova delete the volume that a service instance has booted '
             'from together with the instance.'),
    cfg.StrOpt(
        'service_instance_boot_volume_name_template',
        default='manila-share-%s-boot',
        help='Name of such clones. %s stands for the id of the share '
             'server.'),
]

#: All of them.
SERVICE_INSTANCE_OPTS: list[cfg.Opt] = [
    *common_opts, *no_share_servers_handling_mode_opts,
    *share_servers_handling_mode_opts]

# SPDX-License-Identifier: Apache-2.0

"""Names of what is made for service instances, and keys of their details.

Most are what Manila's own driver writes: what it made is found by them.
"""

import base64
import binascii
import hashlib

# Details of a share server, as Manila stores them.
SERVER_ID = 'server_id'
INSTANCE_ID = 'instance_id'
IP = 'ip'
PUBLIC_ADDRESS = 'public_address'
ADMIN_IP = 'admin_ip'
USERNAME = 'username'
PASSWORD = 'password'  # noqa: S105 (a name)
PK_PATH = 'pk_path'
SUBNET_ID = 'subnet_id'
ROUTER_ID = 'router_id'
SERVICE_PORT = 'service_port_id'
PUBLIC_PORT = 'public_port_id'
ADMIN_PORT = 'admin_port_id'
HOST_KEY = 'ssh_host_key'
BOOT_VOLUME = 'boot_volume_id'
#: The project and the regions of Nova that an instance was made in.
HOME = 'instance_home'

#: Parts that a port has, and the detail that names it.
PORTS = {'service': SERVICE_PORT, 'public': PUBLIC_PORT, 'admin': ADMIN_PORT}

#: Metadata in Nova and Cinder: what it is for, and who made it.
SHARE_SERVER = 'manila_share_server_id'
MADE_BY = 'manila_host'

#: Owner of ports before Nova has them.
PORT_OWNER = 'manila'
#: Owner and devices of the ports of Manila's own host.
HOST_OWNER = 'manila:share'
HOST_DEVICE = 'manila-share'
ADMIN_HOST_DEVICE = 'manila-admin-share'

_SUBNET = 'service_subnet_for_handling_of_share_server_for_tenant_subnet_'
_SSH_GROUP = 'manila-service-subnet-'


def subnet(tenant_subnet_id: str) -> str:
    """Return the name of the service subnet for a subnet of users."""
    return _SUBNET + tenant_subnet_id


def ssh_group(subnet_id: str) -> str:
    """Return the name of the group that lets one service subnet log in."""
    return _SSH_GROUP + subnet_id


def port(part: str, server_id: str) -> str:
    """Return the name of a port of a share server.

    :param part: one of :data:`PORTS`.
    """
    return f'manila-{part}-{server_id}'


def instance(template: str, section: str, server_id: str) -> str:
    """Return the name of a share server's instance in Nova."""
    whole = f'{section}_{server_id}' if section else server_id
    return template % whole


def key_pair(beginning: str, public_key: str) -> str:
    """Return a name that only this key has, so that hosts cannot fight.

    :param public_key: a line of OpenSSH.
    """
    blob = key_blob(public_key)
    return f'{beginning}-{hashlib.sha256(blob).hexdigest()[:16]}'


def key_blob(public_key: str) -> bytes:
    """Return the key itself, without its comment.

    :raises ValueError: it is no public key of OpenSSH.
    """
    words = public_key.split()
    if len(words) < 2 or not words[0][:1].isalpha():
        raise ValueError('no line with type and key')
    try:
        blob = base64.b64decode(words[1], validate=True)
    except binascii.Error as exc:
        raise ValueError(str(exc)) from exc
    kind = words[0].encode()
    # A key begins with its type, and the length of that.
    if blob[4:4 + len(kind)] != kind:
        raise ValueError('the key is not of the type that stands before it')
    return blob


def device(prefix: str, port_id: str) -> str:
    """Return the name of this host's interface for a port.

    Linux takes 15 characters; Neutron's agents look for 14.
    """
    return (prefix + port_id)[:14]

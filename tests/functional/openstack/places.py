# SPDX-License-Identifier: Apache-2.0

"""Where the cloud keeps things, and where its servers listen.

All paths and ports are those that are seen from inside its namespaces, where
they are alike for every cloud: what is kept between runs names them.
"""

import pathlib

#: What a run works in, mounted here.
HOME = pathlib.PurePosixPath('/run/cloud')

STATE = HOME / 'state'
CONFIG = HOME / 'etc'
LOGS = HOME / 'log'
PIDS = HOME / 'pid'
PROGRAMS = HOME / 'bin'
KEYS = HOME / 'keys'

HOST = 'cloud'
REGION = 'RegionOne'
ZONE = 'nova'
PASSWORD = 'cloud-only'

KEYSTONE = 16000
PLACEMENT = 16001
GLANCE = 16002
NOVA = 16003
NEUTRON = 16004
CINDER = 16005
METADATA = 16006
MANILA = 16007
DATABASE = 16010
BROKER = 16011
DISTRIBUTION = 16012
MAPPER = 16013
OPENFLOW = 16014

DATABASE_SOCKET = STATE / 'mysql' / 'socket'
SWITCH_SOCKET = STATE / 'ovs' / 'db.sock'

BROKER_URL = f'rabbit://guest:guest@127.0.0.1:{BROKER}/'

#: Of Cinder: one that extends volumes in use, and one that refuses to.
BACKENDS = ('ceph1', 'nfs1')
#: Where the latter's volumes are, instead of on a server.
VOLUMES = STATE / 'volumes'

IMAGE = 'manila-service-image'
FLAVOR = '100'


def url(port: int, path: str = '') -> str:
    return f'http://127.0.0.1:{port}{path}'


IDENTITY = url(KEYSTONE, '/v3')


def database(name: str) -> str:
    return (f'mysql+pymysql://os:{PASSWORD}@127.0.0.1:{DATABASE}/{name}'
            '?charset=utf8')


#: Type of a service: (its name, its user, where it is reached).
CATALOG = {
    'placement': ('placement', 'placement', url(PLACEMENT)),
    'image': ('glance', 'glance', url(GLANCE)),
    'compute': ('nova', 'nova', url(NOVA, '/v2.1')),
    'network': ('neutron', 'neutron', url(NEUTRON)),
    'volumev3': ('cinderv3', 'cinder', url(CINDER, '/v3/%(project_id)s')),
    'block-storage': ('cinder', 'cinder', url(CINDER, '/v3/%(project_id)s')),
    'sharev2': ('manilav2', 'manila', url(MANILA, '/v2'))}

DATABASES = ('keystone', 'placement', 'glance', 'nova_api', 'nova',
             'nova_cell0', 'cinder', 'neutron', 'manila')

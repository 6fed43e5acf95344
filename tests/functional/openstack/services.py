# SPDX-License-Identifier: Apache-2.0

"""The services of OpenStack in their room: files, schemas, processes."""

from collections.abc import Callable
from collections.abc import Iterable
from concurrent import futures
import shutil

from tests.functional.openstack import configs
from tests.functional.openstack import places
from tests.functional.openstack.room import Room

_NOVA = ('--config-file', places.CONFIG / 'nova.conf')
_CINDER = ('--config-file', places.CONFIG / 'cinder.conf')
_NEUTRON = ('--config-file', places.CONFIG / 'neutron.conf',
            '--config-file', places.CONFIG / 'ml2_conf.ini')
#: Neutron's agents, and their files.
SWITCH = 'neutron-openvswitch-agent'
_AGENTS = {SWITCH: '', 'neutron-dhcp-agent': 'dhcp.ini',
           'neutron-l3-agent': 'l3.ini',
           'neutron-metadata-agent': 'metadata.ini'}
COMPUTE = 'nova-compute'
#: Seconds of one step of a schema, beside all others.
_SCHEMA = 400.0


def together(tasks: Iterable[Callable[[], object]]) -> None:
    """Do all of these at the same time; raise what the first raised."""
    with futures.ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(task) for task in tasks]:
            done.result()


def configure(room: Room) -> None:
    """Write the configuration files, and make directories named there."""
    venv = room.venv
    files = {
        'keystone.conf': configs.keystone(),
        'placement.conf': configs.placement(),
        'glance-api.conf': configs.glance(venv),
        'nova.conf': configs.nova(venv), 'cinder.conf': configs.cinder(venv),
        'neutron.conf': configs.neutron(venv),
        'ml2_conf.ini': configs.ml2(), 'dhcp.ini': configs.dhcp(),
        'l3.ini': configs.l3(), 'metadata.ini': configs.metadata(),
        'nfs_shares': '127.0.0.1:/volumes\n',
        'cinder-rootwrap.conf': configs.rootwrap(
            (venv / 'etc/cinder/rootwrap.conf').read_text(), venv, 'cinder',
            'os-brick'),
        'manila-rootwrap.conf': configs.rootwrap(
            (venv / 'etc/manila/rootwrap.conf').read_text(), venv, 'manila'),
        'manila-policy.yaml': '', 'manila.conf': configs.manila(venv, {})}
    for name, text in files.items():
        room.write(places.CONFIG / name, text)
    shutil.copy(venv / 'etc/nova/api-paste.ini',
                room.outside(places.CONFIG / 'api-paste.ini'))
    for each in ('keystone', 'placement', 'glance/images', 'glance/staging',
                 'glance/tasks', 'nova/instances', 'nova/mnt', 'nova/locks',
                 'cinder/mnt', 'cinder/locks', 'neutron/locks',
                 'manila/locks', 'volumes'):
        room.outside(places.STATE / each).mkdir(parents=True, exist_ok=True)
    room.outside(places.VOLUMES).chmod(0o777)


def schemas(room: Room, ready: Callable[[], None]) -> None:
    """Make the tables of all services, side by side.

    :param ready: called when Keystone's are made, while others still are
    """
    def run(*words: object) -> None:
        room.run(*words, seconds=_SCHEMA)

    def identity() -> None:
        manage = ('keystone-manage', '--config-file',
                  places.CONFIG / 'keystone.conf')
        run(*manage, 'db_sync')
        for kind in ('fernet_setup', 'credential_setup'):
            run(*manage, kind, '--keystone-user', 'root', '--keystone-group',
                'root')
        run(*manage, 'bootstrap', '--bootstrap-password', places.PASSWORD,
            *(word for kind in ('admin', 'internal', 'public')
              for word in (f'--bootstrap-{kind}-url', places.IDENTITY)),
            '--bootstrap-region-id', places.REGION)
        ready()

    def compute() -> None:
        run('nova-manage', *_NOVA, 'api_db', 'sync')
        run('nova-manage', *_NOVA, 'cell_v2', 'map_cell0',
            '--database_connection', places.database('nova_cell0'))
        run('nova-manage', *_NOVA, 'cell_v2', 'create_cell', '--name',
            'cell1')
        run('nova-manage', *_NOVA, 'db', 'sync')

    def small() -> None:
        for program, file in (('placement-manage', 'placement.conf'),
                              ('glance-manage', 'glance-api.conf'),
                              ('cinder-manage', 'cinder.conf'),
                              ('manila-manage', 'manila.conf')):
            run(program, '--config-file', places.CONFIG / file, 'db', 'sync')

    together([identity, compute, small, lambda: run(
        'neutron-db-manage', *_NEUTRON, 'upgrade', 'head')])


def api(room: Room, name: str, port: int, module: str, *more: object,
        **environment: object) -> None:
    """Start an API server; it listens before it can answer."""
    room.start(
        f'{name}-api', 'uwsgi', '--http-socket', f'127.0.0.1:{port}',
        '--module', f'{module}:application', '--processes', 1, '--threads',
        4, '--enable-threads', '--master', '--lazy-apps', '--die-on-term',
        '--buffer-size', 65535, '--thunder-lock', '--need-app',
        '--add-header', 'Connection: close', *more, **environment)


def keystone(room: Room) -> None:
    api(room, 'keystone', places.KEYSTONE, 'keystone.wsgi.api',
        OS_KEYSTONE_CONFIG_DIR=places.CONFIG,
        OS_KEYSTONE_CONFIG_FILES='keystone.conf')


def apis(room: Room) -> None:
    """Start the others."""
    # Nova takes the first file for that of its paste.
    nova = {'OS_NOVA_CONFIG_DIR': places.CONFIG,
            'OS_NOVA_CONFIG_FILES': 'api-paste.ini;nova.conf'}
    api(room, 'placement', places.PLACEMENT, 'placement.wsgi.api',
        OS_PLACEMENT_CONFIG_DIR=places.CONFIG)
    api(room, 'glance', places.GLANCE, 'glance.wsgi.api',
        OS_GLANCE_CONFIG_DIR=places.CONFIG,
        OS_GLANCE_CONFIG_FILES='glance-api.conf')
    api(room, 'nova', places.NOVA, 'nova.wsgi.osapi_compute', **nova)
    api(room, 'metadata', places.METADATA, 'nova.wsgi.metadata', **nova)
    api(room, 'neutron', places.NEUTRON, 'neutron.wsgi.api',
        OS_NEUTRON_CONFIG_DIR=places.CONFIG,
        OS_NEUTRON_CONFIG_FILES='neutron.conf;ml2_conf.ini')
    api(room, 'cinder', places.CINDER, 'cinder.wsgi.api', '--pyargv',
        ' '.join(map(str, _CINDER)))


def workers(room: Room) -> None:
    """Start what serves the API servers through the broker."""
    for name in ('nova-conductor', 'nova-scheduler'):
        room.start(name, name, *_NOVA)
    room.start('neutron-rpc-server', 'neutron-rpc-server', *_NEUTRON)
    for name in ('cinder-scheduler', 'cinder-volume'):
        room.start(name, name, *_CINDER)


def agents(room: Room) -> None:
    """Start Neutron's agents, and the compute service.

    An agent that asks before somebody listens waits for a minute.
    """
    room.until('the RPC worker of Neutron', lambda: not room.box.run(
        'pgrep', '-f', 'neutron-server: rpc worker', check=False).returncode)
    room.until('its queue', lambda: _consumed(room, 'q-plugin'), pause=1)
    for name in (*_AGENTS, COMPUTE):
        again(room, name)


def again(room: Room, name: str) -> None:
    """Start one of Neutron's agents, or the compute service."""
    if name == COMPUTE:
        room.start(name, name, *_NOVA)
        return
    file = _AGENTS[name]
    room.start(name, name, *_NEUTRON, *(
        ('--config-file', places.CONFIG / file) if file else ()))


def _consumed(room: Room, queue: str) -> bool:
    """Tell if somebody takes messages out of a queue."""
    done = room.run(
        'runuser', '-u', 'rabbitmq', '--preserve-environment', '--',
        '/usr/lib/rabbitmq/bin/rabbitmqctl', '-q', '-n', 'cloud@localhost',
        'list_queues', 'name', 'consumers', '--no-table-headers',
        check=False, seconds=120, HOME=places.STATE / 'rabbit',
        ERL_EPMD_ADDRESS='127.0.0.1', ERL_EPMD_PORT=places.MAPPER)
    return any(line.split()[:1] == [queue] and line.split()[-1] != '0'
               for line in done.stdout.splitlines())

# SPDX-License-Identifier: Apache-2.0

"""Servers that the services stand on: database, broker, switch, Ceph.

Each function returns when it can be used.  ``new`` says that there is nothing
yet in the state directory.
"""

import shutil
import uuid

from tests.functional.openstack import configs
from tests.functional.openstack import places
from tests.functional.openstack.room import Room

_MYSQL = places.STATE / 'mysql'
_RABBIT = places.STATE / 'rabbit'
_CEPH = places.STATE / 'ceph'


def database(room: Room, new: bool) -> None:
    """Start MariaDB; when it is new, make everybody's database."""
    data = _MYSQL / 'data'
    room.outside(_MYSQL).mkdir(exist_ok=True)
    shutil.chown(room.outside(_MYSQL), 'mysql', 'mysql')
    if new:
        room.run('mariadb-install-db', '--no-defaults', '--user=mysql',
                 f'--datadir={data}',
                 '--auth-root-authentication-method=normal',
                 '--skip-test-db', '--innodb-log-file-size=32M', seconds=240)
    room.start('mariadb', 'mariadbd', '--no-defaults', '--user=mysql',
               f'--datadir={data}', '--bind-address=127.0.0.1',
               f'--port={places.DATABASE}',
               f'--socket={places.DATABASE_SOCKET}',
               '--innodb-flush-log-at-trx-commit=0', '--max-connections=600',
               '--innodb-buffer-pool-size=128M', '--performance-schema=off',
               '--innodb-log-file-size=32M')
    room.until('MariaDB', lambda: room.listens(places.DATABASE))
    if new:
        statements = [
            *(f'create database {name} character set utf8mb3;'
              for name in places.DATABASES),
            f"create user os@'127.0.0.1' identified by '{places.PASSWORD}';",
            "grant all on *.* to os@'127.0.0.1';"]
        room.run('mariadb', '-uroot', '-S', places.DATABASE_SOCKET,
                 stdin='\n'.join(statements))


def broker(room: Room) -> None:
    """Start RabbitMQ, which remembers nothing of earlier runs."""
    home = room.outside(_RABBIT)
    shutil.rmtree(home, ignore_errors=True)
    for each in (home, home / 'mnesia', home / 'log'):
        each.mkdir()
        shutil.chown(each, 'rabbitmq', 'rabbitmq')
    room.start(
        'rabbitmq', 'runuser', '-u', 'rabbitmq', '--preserve-environment',
        '--', '/usr/lib/rabbitmq/bin/rabbitmq-server',
        HOME=_RABBIT, ERL_EPMD_ADDRESS='127.0.0.1',
        ERL_EPMD_PORT=places.MAPPER,
        RABBITMQ_NODENAME='cloud@localhost',
        RABBITMQ_NODE_IP_ADDRESS='127.0.0.1',
        RABBITMQ_NODE_PORT=places.BROKER,
        RABBITMQ_DIST_PORT=places.DISTRIBUTION,
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=(
            '-kernel inet_dist_use_interface {127,0,0,1}'),
        RABBITMQ_MNESIA_BASE=_RABBIT / 'mnesia',
        RABBITMQ_LOG_BASE=_RABBIT / 'log',
        RABBITMQ_ENABLED_PLUGINS_FILE=_RABBIT / 'plugins',
        # Those of the machine's own broker are no business of ours.
        RABBITMQ_CONF_ENV_FILE=_RABBIT / 'none.env',
        RABBITMQ_CONFIG_FILE=_RABBIT / 'none.conf',
        RABBITMQ_ADVANCED_CONFIG_FILE=_RABBIT / 'none.config')
    room.until('RabbitMQ', lambda: room.listens(places.BROKER))


def switch(room: Room) -> None:
    """Start Open vSwitch, all in user space, with no bridge yet."""
    state = places.STATE / 'ovs'
    shutil.rmtree(room.outside(state), ignore_errors=True)
    room.outside(state).mkdir()
    room.run('ovsdb-tool', 'create', state / 'conf.db',
             '/usr/share/openvswitch/vswitch.ovsschema')
    room.start('ovsdb-server', 'ovsdb-server', state / 'conf.db',
               f'--remote=punix:{places.SWITCH_SOCKET}',
               '--remote=db:Open_vSwitch,Open_vSwitch,manager_options',
               f'--unixctl={state}/ovsdb.ctl', '--no-chdir')
    room.until('ovsdb-server', room.outside(places.SWITCH_SOCKET).exists)
    # Packets of tap devices have half a checksum, which it then completes.
    room.run('ovs-vsctl', '--no-wait', '--', 'init', '--', 'set',
             'Open_vSwitch', '.', 'other_config:userspace-tso-enable=true',
             f'external_ids:system-id={places.HOST}')
    room.start('ovs-vswitchd', 'ovs-vswitchd', f'unix:{places.SWITCH_SOCKET}',
               f'--unixctl={state}/vswitchd.ctl', '--no-chdir',
               '--disable-system')


#: Directory of machines, that of logs.
_KEEPS = """
while sleep 3; do
    for each in "$0"/*/console.log; do
        name=${each%/console.log}
        [ ! -e "$each" ] || ln -f "$each" "$1/console-${name##*/}.log"
    done
done
"""


def hypervisor(room: Room) -> None:
    """Start libvirt; its guests are emulated, and root's."""
    for name, text in (('libvirtd.conf', configs.LIBVIRTD),
                       ('qemu.conf', configs.QEMU)):
        room.write(places.STATE / 'libvirt' / name, text)
    room.start('virtlogd', 'virtlogd')
    # What a machine has said outlives it.
    room.start('console-keeper', 'sh', '-c', _KEEPS, places.STATE
               / 'nova' / 'instances', places.LOGS)
    room.start('libvirtd', 'libvirtd', '-f', '/etc/libvirt/libvirtd.conf')
    room.until('libvirt', lambda: not room.run(
        'virsh', '-c', 'qemu:///system', 'version', check=False,
        seconds=120).returncode, pause=0.5)


def ceph(room: Room, new: bool) -> None:
    """Start a cluster of one monitor and one disk, with a pool."""
    as_root = ('--setuser', 'root', '--setgroup', 'root')
    if new:
        _new_monitor(room)
    room.start('ceph-mon', 'ceph-mon', '-f', '-i', 'a', *as_root)
    room.until('the monitor of Ceph', lambda: _asked(room, '-s') is not None,
               pause=0.5)
    room.start('ceph-mgr', 'ceph-mgr', '-f', '-i', 'a', *as_root)
    if new:
        disk = str(uuid.uuid4())
        room.run('ceph', 'osd', 'new', disk, seconds=120)
        room.run('ceph-osd', '-i', '0', '--mkfs', '--osd-uuid', disk,
                 *as_root, seconds=240)
    room.start('ceph-osd', 'ceph-osd', '-f', '-i', '0', *as_root)
    room.until('the disk of Ceph', lambda: '1 up' in (
        _asked(room, 'osd', 'stat') or ''), pause=0.5)
    if new:
        room.run('ceph', 'osd', 'pool', 'create', 'volumes', '16', '16',
                 seconds=120)
        room.run('ceph', 'osd', 'pool', 'application', 'enable', 'volumes',
                 'rbd', seconds=120)


def _asked(room: Room, *words: str) -> str | None:
    done = room.run('timeout', '20', 'ceph', *words, check=False)
    return None if done.returncode else done.stdout


def _new_monitor(room: Room) -> None:
    room.write(_CEPH / 'etc' / 'ceph.conf', configs.ceph())
    for each in ('mon/ceph-a', 'mgr/ceph-a', 'osd/ceph-0'):
        room.outside(_CEPH / 'lib' / each).mkdir(parents=True)
    keys, admin = _CEPH / 'keyring', _CEPH / 'etc/ceph.client.admin.keyring'
    room.run('ceph-authtool', '--create-keyring', keys, '--gen-key', '-n',
             'mon.', '--cap', 'mon', 'allow *')
    room.run('ceph-authtool', '--create-keyring', admin, '--gen-key', '-n',
             'client.admin', '--cap', 'mon', 'allow *', '--cap', 'osd',
             'allow *', '--cap', 'mgr', 'allow *')
    room.run('ceph-authtool', keys, '--import-keyring', admin)
    room.run('monmaptool', '--create', '--fsid', configs.CEPH_ID, '--addv',
             'a', '[v2:127.0.0.1:3300,v1:127.0.0.1:6789]', _CEPH / 'map')
    room.run('ceph-mon', '--mkfs', '-i', 'a', '--monmap', _CEPH / 'map',
             '--keyring', keys, seconds=120)

# SPDX-License-Identifier: Apache-2.0

"""The servers of a run, started in order and stopped in reverse."""

from collections.abc import Iterator
from collections.abc import Sequence
import contextlib
import fcntl
import getpass
import os
import pathlib
import shutil
import subprocess
import sys

from tests.tempest import configs
from tests.tempest import processes
from tests.tempest import registration
from tests.tempest.layout import Layout
from tests.tempest.layout import PASSWORD

PACKAGES = ('rabbitmq-server', 'mariadb-server')
ENVIRONMENTS = {
    'keystone': ('keystone', 'PyMySQL', 'uwsgi'),
    # python-subunit writes JUnit files only beside junitxml.
    'tempest': ('tempest', 'manila-tempest-plugin', 'junitxml')}


POLICY = pathlib.Path('/usr/sbin/policy-rc.d')
DENY = '#!/bin/sh\n# Left by a tempest run that was killed.\nexit 101\n'


@contextlib.contextmanager
def _nothing_started() -> Iterator[None]:
    """Have Debian start no server that it installs meanwhile.

    ``policy-rc.d`` is how an administrator says so; one that is there stays
    as it is and decides.
    """
    if POLICY.exists() and POLICY.read_text() != DENY:
        yield
        return
    POLICY.write_text(DENY)
    try:
        POLICY.chmod(0o755)
        yield
    finally:
        POLICY.unlink()


def install(layout: Layout) -> None:
    """Provide the servers from Debian and the environments from PyPI."""
    if not (shutil.which('mariadbd')
            and pathlib.Path('/usr/lib/rabbitmq').is_dir()):
        print('Installing', *PACKAGES, flush=True)
        with _nothing_started():
            for command in (['apt-get', 'update', '-q'],
                            ['apt-get', 'install', '-q', '-y',
                             '--no-install-recommends', *PACKAGES]):
                processes.run(command, layout.logs / 'apt.log', {
                    'DEBIAN_FRONTEND': 'noninteractive'})
    for name, packages in ENVIRONMENTS.items():
        home = layout.home / name
        complete, wanted = home / 'complete', ' '.join(packages)
        if complete.exists() and complete.read_text() == wanted:
            continue
        print('Installing', name, flush=True)
        shutil.rmtree(home, ignore_errors=True)
        log = layout.logs / 'pip.log'
        processes.run([sys.executable, '-m', 'venv', home], log)
        processes.run([home / 'bin' / 'pip', 'install', '-q', *packages],
                      log)
        complete.write_text(wanted)


def _owned(path: pathlib.Path, user: str) -> pathlib.Path:
    path.mkdir(parents=True, exist_ok=True)
    shutil.chown(path, user, user)
    return path


@contextlib.contextmanager
def database(layout: Layout) -> Iterator[None]:
    """MariaDB on loopback with a database for each service."""
    data = _owned(layout.work / 'mysql', 'mysql') / 'data'
    processes.run(
        ['mariadb-install-db', '--no-defaults', '--user=mysql',
         '--datadir=%s' % data, '--auth-root-authentication-method=normal',
         '--skip-test-db'], layout.logs / 'mariadb.log')
    command = [
        'mariadbd', '--no-defaults', '--user=mysql', '--datadir=%s' % data,
        '--bind-address=127.0.0.1', '--port=%d' % layout.database_port,
        '--socket=%s' % layout.socket, '--max-connections=400',
        '--innodb-flush-log-at-trx-commit=0']
    with processes.server(
            command, layout.logs / 'mariadb.log',
            port=layout.database_port,
            ready=lambda: processes.listening(layout.database_port)):
        for statement in (
                'create database manila character set utf8mb3',
                'create database keystone character set utf8mb3',
                "create user os@'127.0.0.1' identified by '%s'" % PASSWORD,
                "grant all on *.* to os@'127.0.0.1'"):
            processes.run(['mariadb', '-uroot', '-S', layout.socket, '-e',
                           statement], layout.logs / 'mariadb.log')
        yield


@contextlib.contextmanager
def broker(layout: Layout) -> Iterator[None]:
    """RabbitMQ on loopback, its port mapper included."""
    home = _owned(layout.work / 'rabbit', 'rabbitmq')
    for name in ('mnesia', 'log'):
        _owned(home / name, 'rabbitmq')
    variables = {
        'HOME': home, 'ERL_EPMD_ADDRESS': '127.0.0.1',
        'ERL_EPMD_PORT': layout.mapper_port,
        'RABBITMQ_NODENAME': 'tempest@localhost',
        'RABBITMQ_NODE_IP_ADDRESS': '127.0.0.1',
        'RABBITMQ_NODE_PORT': layout.broker_port,
        'RABBITMQ_DIST_PORT': layout.distribution_port,
        'RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS':
            '-kernel inet_dist_use_interface {127,0,0,1}',
        'RABBITMQ_MNESIA_BASE': home / 'mnesia',
        'RABBITMQ_LOG_BASE': home / 'log',
        'RABBITMQ_ENABLED_PLUGINS_FILE': home / 'plugins',
        # Those of the machine's own broker are no business of ours.
        'RABBITMQ_CONF_ENV_FILE': home / 'none.env',
        'RABBITMQ_CONFIG_FILE': home / 'none.conf',
        'RABBITMQ_ADVANCED_CONFIG_FILE': home / 'none.config'}
    command: list[object] = ['/usr/lib/rabbitmq/bin/rabbitmq-server']
    if getpass.getuser() == 'root':
        command = ['runuser', '-u', 'rabbitmq', '--preserve-environment',
                   '--', *command]
    try:
        with processes.server(
                command, layout.logs / 'rabbitmq.log', environment=variables,
                port=layout.broker_port,
                ready=lambda: processes.listening(layout.broker_port)):
            yield
    finally:
        # It refuses while it knows of a living node.
        _end_port_mapper(layout)


def _end_port_mapper(layout: Layout) -> None:
    """End the mapper of this run; a daemon, it is in no session of ours.

    Where RabbitMQ was never installed there is none.
    """
    if shutil.which('epmd') is None:
        return
    subprocess.run(['epmd', '-port', str(layout.mapper_port), '-kill'],
                   check=False, capture_output=True)


def _uwsgi(where: pathlib.Path, port: int, module: str,
           *more: object, count: int = 2) -> list[object]:
    return [where / 'uwsgi', '--http-socket', '127.0.0.1:%d' % port,
            '--module', module, '--processes', str(count), '--threads', '8',
            '--enable-threads', '--master', '--lazy-apps', '--die-on-term',
            '--buffer-size', '65535', '--add-header', 'Connection: close',
            *more]


@contextlib.contextmanager
def keystone(layout: Layout) -> Iterator[None]:
    """Keystone with the service user and the endpoint of Manila."""
    file = layout.work / 'keystone.conf'
    file.write_text(configs.keystone(layout))
    manage = [layout.keystone / 'keystone-manage', '--config-file', file]
    log = layout.logs / 'keystone-manage.log'
    user = getpass.getuser()
    processes.run([*manage, 'db_sync'], log)
    for kind in ('fernet_setup', 'credential_setup'):
        processes.run([*manage, kind, '--keystone-user', user,
                       '--keystone-group', user], log)
    root = layout.keystone_url
    processes.run([*manage, 'bootstrap', '--bootstrap-password', PASSWORD,
                   '--bootstrap-admin-url', root,
                   '--bootstrap-internal-url', root,
                   '--bootstrap-public-url', root,
                   '--bootstrap-region-id', 'RegionOne'], log)
    command = _uwsgi(layout.keystone, layout.keystone_port,
                     'keystone.wsgi.api:application', count=1)
    with processes.server(
            command, layout.logs / 'keystone-uwsgi.log',
            port=layout.keystone_port,
            environment={'OS_KEYSTONE_CONFIG_DIR': layout.work,
                         'OS_KEYSTONE_CONFIG_FILES': 'keystone.conf'},
            ready=lambda: processes.listening(layout.keystone_port)):
        registration.Administrator(layout).register()
        yield


@contextlib.contextmanager
def manila(layout: Layout, backends: configs.Backends) -> Iterator[None]:
    """API, scheduler and share service as processes of their own."""
    (layout.work / 'state' / 'locks').mkdir(parents=True)
    (layout.work / 'policy.yaml').touch()
    file = layout.work / 'manila.conf'
    file.write_text(configs.manila(layout, backends))
    file.chmod(0o600)
    options = ['--config-file', file]
    processes.run([layout.manila / 'manila-manage', *options, 'db', 'sync'],
                  layout.logs / 'manila-manage.log')
    api = _uwsgi(layout.manila, layout.manila_port,
                 'manila.wsgi.api:application', '--pyargv',
                 '--config-file %s' % file)
    # Manila's own programs, such as rootwrap, are beside it.
    found = [*backends.programs, layout.manila,
             os.environ.get('PATH', os.defpath)]
    variables = {'PATH': os.pathsep.join(map(str, found))}
    with contextlib.ExitStack() as stack:
        for name in ('manila-scheduler', 'manila-share'):
            stack.enter_context(processes.server(
                [layout.manila / name, *options], layout.logs / (name
                                                                 + '.out'),
                ready=lambda: True, environment=variables))
        stack.enter_context(processes.server(
            api, layout.logs / 'manila-api.out', port=layout.manila_port,
            ready=lambda: processes.listening(layout.manila_port)))
        processes.wait_until('manila-share', lambda: _initialised(
            layout, len(backends.sections)), seconds=300)
        registration.Administrator(layout).make_default_type(backends)
        yield


def _initialised(layout: Layout, count: int) -> bool:
    log = layout.logs / 'manila-share.log'
    text = log.read_text(errors='replace') if log.exists() else ''
    return text.count('Finished initialization of driver') >= count


@contextlib.contextmanager
def everything(layout: Layout, backends: configs.Backends,
               ) -> Iterator[None]:
    """All servers of a run."""
    steps: Sequence[tuple[str, object]] = (
        ('MariaDB', database(layout)), ('RabbitMQ', broker(layout)),
        ('Keystone', keystone(layout)), ('Manila', manila(layout, backends)))
    with contextlib.ExitStack() as stack:
        for name, server in steps:
            print('Starting', name, flush=True)
            stack.enter_context(server)  # type: ignore[arg-type]
        yield


@contextlib.contextmanager
def alone(layout: Layout) -> Iterator[None]:
    """Hold the work directory, emptied, for one run.

    What a killed run left is ended first.  Servers of other users may pass
    through the directory.

    :raises processes.ServerFailure: another run is using it.
    """
    work = layout.work
    work.parent.mkdir(parents=True, exist_ok=True)
    with work.with_name(work.name + '.lock').open('w') as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise processes.ServerFailure(
                '%s: another run is using it' % work) from None
        if processes.end_left_over(processes.sessions(work)):
            _end_port_mapper(layout)
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        os.chmod(work, 0o755)
        yield

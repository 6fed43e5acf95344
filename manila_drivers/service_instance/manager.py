# SPDX-License-Identifier: Apache-2.0

"""Service instances: made, found, logged in to, and removed."""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import MutableMapping
from contextlib import AbstractContextManager
import logging
import threading
import time
from typing import Any

from oslo_config import cfg

from manila_drivers import compat
from manila_drivers import exception
from manila_drivers import model
from manila_drivers.driver import options
from manila_drivers.openstack import cloud as openstack_cloud
from manila_drivers.openstack import polling
from manila_drivers.openstack import records
from manila_drivers.service_instance import adopting
from manila_drivers.service_instance import by_manilas_names
from manila_drivers.service_instance import common
from manila_drivers.service_instance import instances
from manila_drivers.service_instance import login
from manila_drivers.service_instance import names
from manila_drivers.service_instance import network
from manila_drivers.service_instance import opts
from manila_drivers.service_instance import pins
from manila_drivers.service_instance import settings
from manila_drivers.service_instance import share_servers
from manila_drivers.transport import local
from manila_drivers.transport import script
from manila_drivers.transport import ssh

LOG = logging.getLogger(__name__)

#: Holds a lock of a name for so many seconds of waiting: ``driver.lock``.
Lock = Callable[[str, float], AbstractContextManager[None]]
Details = Mapping[str, Any]
HostRegistry = login.HostRegistry

def _pass() -> None:
    """Nobody has to know of a dead instance."""


#: What ends the wait for a login at once: it will not be otherwise later.
_FINAL = (exception.NotTrusted, exception.ConfigurationError)


class ServiceInstanceManager(by_manilas_names.ManilasNames):
    """Servers in Nova that serve shares.

    :param driver_config: the backend's section; without one options are
        those of [DEFAULT].
    :param cloud: clients of OpenStack's services; without it those that
        [nova], [cinder], [neutron] and [glance] name.
    :param hosts: connections over SSH.
    :param make_runner: makes them in place of ``hosts``.
    :param lock: as ``driver.lock``.
    :param execute: runs commands on this host.
    :param private_storage: Manila's, for host keys of instances whose details
        have none.

    The constructor does no I/O but to look at key files.

    :raises ConfigurationError: naming the option at fault.
    """

    #: Is told of what Manila has done here, for metrics.
    observer: Any = None
    #: What makes the network helper.
    make_network_helper: network.MakeHelper = network.NeutronNetworkHelper

    def __init__(self, driver_config: Any = None, *,
                 cloud: openstack_cloud.Cloud | None = None,
                 hosts: HostRegistry | None = None,
                 make_runner: Callable[[ssh.Target], script.Runner]
                 | None = None,
                 lock: Lock = compat.lock,
                 clock: Callable[[], float] = time.monotonic,
                 sleep: Callable[[float], object] = time.sleep,
                 execute: script.Runner | None = None,
                 private_storage: Any = None) -> None:
        self.driver_config = driver_config
        self._register()
        read = settings.read(self.get_config_option, section=self._section())
        self.cloud = cloud or openstack_cloud.Cloud(cfg.CONF, clock=clock,
                                                    sleep=sleep)
        self.execute = execute or local.Local(compat.root_helper())
        self._lock = lock
        self._clock = clock
        self._sleep = sleep
        probe = None
        if hosts is None:
            hosts = login.MadeRunners(make_runner) if make_runner \
                else ssh.Hosts()
            probe = getattr(make_runner, 'probe', None) if make_runner \
                else login.connect
        self._common = None if read.common is None else (
            common.CommonServer(lambda: self.cloud.compute, read.common,
                                login.own_details(read.login),
                                private_storage, self._section()))
        made = instances.Instances(self.cloud, read.patience, clock=clock,
                                   sleep=sleep)
        super().__init__(read, made, login.Logins(
            read.login, hosts, pins.Pins(private_storage), clock=clock,
            probe=probe, lost=self._common.doubt if self._common else _pass))
        self.once = made.once
        self._helper: Any = None
        self._helping = threading.Lock()

    def _register(self) -> None:
        if self.driver_config is not None:
            options.register_opts(self.driver_config,
                                  opts.SERVICE_INSTANCE_OPTS)
            return
        for each in opts.SERVICE_INSTANCE_OPTS:
            cfg.CONF.register_opt(options.tolerant(each))

    def _section(self) -> str:
        return str(getattr(self.driver_config, 'config_group', None) or '')

    def get_config_option(self, key: str) -> Any:
        """Return the value of an option, None if it is not set.

        Of the backend's section, else of [DEFAULT].
        """
        if self.driver_config is not None:
            found = self.driver_config.safe_get(key)
            if found is not None:
                return found
        return getattr(cfg.CONF, key, None)

    def locked(self, name: str) -> AbstractContextManager[None]:
        """Hold a lock; others in front may each take their time."""
        return self._lock(name, max(60.0, 2 * self.settings.patience))

    @property
    def network_helper(self) -> Any:
        """Networks of instances, see ``helper.BaseNetworkhelper``."""
        with self._helping:
            if self._helper is None:
                # Looked up on the class: a plain function would be bound.
                self._helper = type(self).make_network_helper(self)
            return self._helper

    # -- start -----------------------------------------------------------

    def check(self) -> None:
        """Raise an error for what is configured and not there.

        Image, flavor and networks, or the common server with a login.  A
        Glance that is down is logged: it may be back when it is needed.
        """
        if self._common is not None:
            self.require(self.common(refresh=True))
            return
        for _, look in self.looks():
            look()
        self.network_helper.neutron_api.check()

    def looks(self) -> list[tuple[str, Callable[[], None]]]:
        """Return what is looked for before instances are made, none where
        there is one server for all; with the group of the service that is
        asked.
        """
        return [] if self._common is not None else [
            ('nova', self._look_for_flavor), ('glance', self._look_for_image)]

    def _look_for_flavor(self) -> None:
        conf = self.instance_settings()
        try:
            self.cloud.compute.flavor(conf.flavor)
        except exception.NotFound as exc:
            raise exception.ConfigurationError(
                'service_instance_flavor_id', f'Nova has no flavor with id '
                f'{conf.flavor}', answer=exc.answer) from exc

    def _look_for_image(self) -> None:
        conf = self.instance_settings()
        if not conf.image:
            return
        _, error = exception.caught(lambda: self.instances.image(conf))
        if isinstance(error, exception.ConfigurationError):
            raise error
        if error is not None:
            LOG.warning('Image %s could not be looked for: %s', conf.image,
                        error)

    def instance_settings(self) -> settings.InstanceSettings:
        if self.settings.instances is None:
            raise exception.InvalidRequest(
                'This backend makes no service instances',
                check='driver_handles_share_servers')
        return self.settings.instances

    # -- share servers ---------------------------------------------------

    def create(self, request: model.ServerRequest,
               made: MutableMapping[str, Any]) -> None:
        """Make an instance for a share server, or find what there is of it.

        No lock is held while it boots.

        :param made: gets the details, each as soon as it is known.
        :raises DriverError: what was made is in ``made``, and is removed by
            :meth:`delete`.
        """
        share_servers.create(self, request, made)

    def delete(self, details: Details) -> None:
        """Remove an instance with all that belongs to it.

        :param details: what :meth:`create` entered, or Manila's own driver;
            any of them may be missing.
        """
        share_servers.delete(self, details)

    def adopt(self, server_id: str, ident: str) -> dict[str, Any]:
        """Take over an instance that is there; return its details.

        Its ports, its boot volume and itself say from then on that they are
        of this share server.  Repetition does nothing.

        :param server_id: of the share server in Manila.
        :param ident: of the server in Nova.
        :raises NotManageable: it is no service instance of such a backend,
            does not run, or nobody has made it for a share server.
        :raises Unreachable: it cannot be logged in to.
        """
        return adopting.adopt(self, server_id, ident)

    def addresses(self, server_id: str, ident: str) -> list[str]:
        """Return addresses of an instance that :meth:`adopt` would take."""
        return adopting.addresses(self, server_id, ident)

    def running(self) -> tuple[list[dict[str, Any]], set[str]]:
        """Return how share servers' instances of this backend that run are
        logged in to, and the ids of all servers that run.

        Manila's own driver does not write whose an instance is: those that it
        made are among the latter alone.  Two requests, however many there
        are.
        """
        return share_servers.running(self)

    def until_reachable(self, details: Details) -> None:
        """Wait until an instance can be logged in to.

        :raises Unreachable: it could not in time; says why.
        """
        def look() -> bool:
            self.logins.ask_again(details)
            return self._test_server_connection(details)

        def done(works: bool) -> bool:
            error = self.logins.trouble(details)
            if not works and isinstance(error, _FINAL):
                raise error
            return works

        limit = self.settings.patience
        try:
            polling.until(look, done, limit=limit, what='Login',
                          clock=self._clock, sleep=self._sleep)
        except exception.Busy as exc:
            server = self.instances.find(str(details[names.INSTANCE_ID]))
            state = server.status if server else 'gone'
            raise exception.Unreachable(
                f'Service instance {details[names.INSTANCE_ID]} could not be '
                f'logged in to at {details[names.IP]} within {limit:g} s; '
                f'in Nova it is {state}', answer=self.last_trouble(details),
                check='its console log; the way from this host: '
                'service_network_host, interface_driver and the port of this '
                'host; service_instance_user and its key or password; '
                'security groups') from exc

    # -- use -------------------------------------------------------------

    def common(self, *, refresh: bool = False) -> dict[str, Any]:
        """Return the details of the one server of a backend without share
        servers.

        Asked for once; again with ``refresh``, and after it could not be
        logged in to.

        :raises NotFound: there is no such server (any more).
        :raises ConfigurationError: it has no such address, or there are
            several of that name.
        """
        if self._common is None:
            raise exception.InvalidRequest(
                'This backend makes share servers, and has no server for all '
                'shares', check='driver_handles_share_servers')
        return self._common.details(refresh=refresh)

    def runner(self, details: Details) -> script.Runner:
        """Return what runs commands on an instance.

        A dead one is waited for once, for some seconds, whatever is run.

        :raises NotTrusted: from the runner: it has another host key than the
            one it was first seen with.
        """
        return self.logins.runner(details)

    def alive(self, details: Details) -> bool:
        """Tell if commands can be run on an instance now.

        A login that works is proof enough.  A dead instance costs a few
        seconds, and for half a minute more nothing.
        """
        return self._why_not(details) is None

    def require(self, details: Details) -> None:
        """Raise an error that says why an instance cannot be used.

        :raises NotFound: Nova does not have it any more.
        :raises Unreachable: it is not active, or cannot be logged in to.
        """
        error = self._why_not(details)
        if error is not None:
            raise error

    def _why_not(self, details: Details) -> exception.DriverError | None:
        ident = str(details.get(names.INSTANCE_ID) or '')
        if not ident:
            return exception.NotFound(
                'The share server has no service instance',
                check='its details: its set-up did not come to its end')
        if self._test_server_connection(details):
            return None
        server, error = exception.caught(lambda: self.instances.find(ident))
        trouble = self.last_trouble(details)
        if error is None and server is None:
            return exception.NotFound(
                f'Service instance {ident} is gone: Nova has no such server',
                check='who has deleted it; volumes of its shares may be '
                'there')
        state = f'in Nova it is {server.status}' if server else \
            f'Nova does not tell its state: {error}'
        if server and server.task_state:
            state += f' ({server.task_state})'
        found = self.logins.trouble(details)
        kind = exception.NotTrusted if isinstance(
            found, exception.NotTrusted) else exception.Unreachable
        return kind(
            f'Service instance {ident} cannot be logged in to at '
            f'{details.get(names.IP)}; {state}', answer=trouble,
            check=getattr(found, 'check', '') or 'service_instance_password '
            'or path_to_private_key; its console, and sshd on it')

    def reboot(self, details: Details, hard: bool = False) -> None:
        """Reboot an instance and wait until it can be logged in to.

        A hard one starts an instance that does not run.
        """
        ident = str(details[names.INSTANCE_ID])
        self.cloud.compute.reboot(ident, hard=hard)
        self.logins.hang_up(details)

        def done(server: records.Server | None) -> bool:
            return server is not None and server.status == 'ACTIVE' \
                and not server.task_state
        try:
            polling.until(lambda: self.instances.find(ident), done,
                          limit=self.settings.patience,
                          what=f'Reboot of service instance {ident}',
                          clock=self._clock, sleep=self._sleep)
        except exception.Busy as exc:
            exc.check = 'its console, and nova-compute on its host'
            raise
        self.until_reachable(details)

    def close(self) -> None:
        """Let go of connections."""
        self.logins.close()

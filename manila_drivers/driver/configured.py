# SPDX-License-Identifier: Apache-2.0

"""A driver with its section of manila.conf, and the backend made of it."""

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any
from typing import Generic
from typing import TypeVar

from oslo_config import cfg

from manila_drivers import compat
from manila_drivers import exception
from manila_drivers import locks
from manila_drivers import model
from manila_drivers.driver import backend
from manila_drivers.driver import call
from manila_drivers.driver import options
from manila_drivers.driver import storage

B = TypeVar('B', bound=backend.BackendParts)


class Configured(compat.BaseShareDriver, Generic[B]):
    """Read options, and lend a backend what it needs of the host.

    :param driver_handles_share_servers: the mode, or a tuple of the modes,
        that the driver supports; those of the class unless given.
    :param configuration: the backend's section.
    :param private_storage: key-value pairs that outlive the process.
    :param config_opts: lists of options to register in the section.
    :param service_host: in whose place this driver is looking, without
        Manila.
    :param coordinator: keeps locks for several hosts, in place of Manila's: a
        started one of tooz, say.

    The constructor does no I/O and starts nothing: Manila makes the driver
    in one process and uses it in a forked child.
    """

    #: Values of driver_handles_share_servers that the driver supports.
    MODES: bool | tuple[bool, ...] = False
    OPTS: Sequence[cfg.Opt] = ()
    #: Arguments of the constructor that are kept for the backend, such as a
    #: simulator's transport.
    INJECTED: tuple[str, ...] = ('transport', 'clock', 'sleep')
    #: Whether rules for IPv6 are honoured or refused.  Otherwise Manila drops
    #: them before they get here, and shows them as active.
    IPV6 = False
    #: Whether each operation shows its plan in a dry run; see
    #: :mod:`manila_drivers.plan`.  Others would be carried out in one.
    SHOWS_PLANS = False
    #: Whether at least its check of shares does so, which an audit needs.
    SHOWS_REPAIRS = False
    #: Whether a share may be away or closed while it gets another size, or is
    #: brought back to a snapshot.
    AWAY_MEANWHILE = False

    _made: B | None = None

    def __init__(self, driver_handles_share_servers: Any = None,
                 *args: Any, **kwargs: Any) -> None:
        # Not left to Manila's constructor, which registers them between its
        # own options and trips over any name that occurs in both.
        config_opts = kwargs.pop('config_opts', ())
        self._coordinator = kwargs.pop('coordinator', None)
        self._service_host = str(kwargs.pop('service_host', ''))
        self.injected: dict[str, Any] = {
            name: kwargs.pop(name) for name in self.INJECTED
            if name in kwargs}
        given = kwargs.get('private_storage')
        # Manila's constructor keeps it as well.
        self.private_storage = kwargs['private_storage'] = (
            None if given is None else storage.PrivateStorage(given))
        self._options: list[cfg.Opt] = []
        super().__init__(
            self.MODES if driver_handles_share_servers is None
            else driver_handles_share_servers, *args, **kwargs)
        self.ipv6_implemented = self.IPV6
        for opts in (self.OPTS, *config_opts):
            self.register_options(opts)

    @property
    def service_host(self) -> str:
        """Name of the host of the share service, '' where there is none."""
        return self._service_host or compat.service_host()

    def register_options(self, opts: Iterable[cfg.Opt]) -> None:
        """Add options to the section; existing names are kept as they are."""
        opts = list(opts)
        self._options += opts
        if self.configuration:
            options.register_opts(self.configuration, opts)

    def option(self, name: str) -> Any:
        """Return the value of an option of the section, None if none."""
        return (self.configuration.safe_get(name)
                if self.configuration else None)

    @property
    def backend_name(self) -> str:
        """The name of this backend in errors and in the log."""
        return str(self.option('share_backend_name')
                   or getattr(self.configuration, 'config_group', None)
                   or type(self).__name__)

    @property
    def root_helper(self) -> str:
        """Return what goes before commands of this host that need root."""
        return str(self.option('root_helper') or compat.root_helper())

    def lock(self, name: str,
             timeout: float = 60.0) -> AbstractContextManager[None]:
        """Hold a lock between all processes that may serve this backend.

        Reach: :attr:`lock_reach`.

        :raises Busy: it was not free within ``timeout`` seconds.
        :raises Unreachable: the coordinator does not answer.
        """
        return compat.lock(name, timeout, self.option('lock_path'),
                           self._coordinator)

    @property
    def lock_reach(self) -> locks.Reach:
        """How far locks reach: to other hosts, if there is a coordinator."""
        return (compat.lock_reach() if self._coordinator is None
                else locks.Reach.HOSTS)

    def extra_specs(self, share: Any) -> dict[str, str]:
        """Return the extra specs of a share's type, as text."""
        return compat.extra_specs(share,
                                  self.option('share_type_extra_specs'))

    def get_configured_ip_versions(self) -> Any:
        """Return IP versions of export locations.

        Must not ask the backend: statistics call it.
        """
        return [4, 6] if self.ipv6_implemented else [4]

    # -- the backend -----------------------------------------------------

    def build_backend(self) -> B:
        """Return a backend as the options say; do no I/O yet."""
        # Not abstract: a driver without a backend writes the calls itself.
        raise NotImplementedError()

    @classmethod
    def has_backend(cls) -> bool:
        """Say whether the class leaves its work to a backend."""
        return cls.build_backend is not Configured.build_backend

    @property
    def _backend(self) -> B:
        """The backend that do_setup made.

        :raises NotImplementedError: the class has none.
        :raises DriverError: do_setup did not come to its end, and Manila
            still tries.
        """
        if not self.has_backend():
            # Manila takes it for a call that the driver does not have.
            raise NotImplementedError()
        if self._made is None:
            raise exception.DriverError(
                'The driver has not been set up',
                check='the errors logged when the service started')
        return self._made

    # -- Manila's rows as values -----------------------------------------

    def _call(self, share: Any, server: Any = None,
              context: Any = None) -> call.Call:
        """Read what Manila says of a share that a call is about."""
        return call.Call(
            model.Share.of(share),
            model.ShareServer.of(server) if server is not None else None,
            self._specs(share), context)

    def _calls(self, shares: Iterable[Any], context: Any = None,
               ) -> list[call.Call]:
        """Read many shares at once, and each share type once.

        Manila sends them as dictionaries with their share servers inside.
        """
        types: dict[str, call.TypeSpecs] = {}
        calls = []
        for row in shares:
            kind = str(row.get('share_type_id') or '')
            if not kind or row.get('share_type_extra_specs') is not None:
                specs = self._specs(row)
            else:
                specs = types.setdefault(kind, self._specs(row))
            server = (row.get('share_server') if isinstance(row, Mapping)
                      else None)
            calls.append(call.Call(
                model.Share.of(row),
                model.ShareServer.of(server) if server is not None else None,
                specs, context))
        return calls

    def _specs(self, share: Any) -> call.TypeSpecs:
        return call.TypeSpecs(lambda: self.extra_specs(share),
                               str(share.get('id') or ''))

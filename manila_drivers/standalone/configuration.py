# SPDX-License-Identifier: Apache-2.0

"""One backend's section of an ini file, without Manila.

Looks like ``manila.share.configuration.Configuration`` to a driver, but
reads through an oslo.config object of its own: several may stand side by
side, and none touches the global one.
"""

from collections.abc import Iterable
from collections.abc import Sequence
import os
from typing import Any

from oslo_concurrency import lockutils
from oslo_config import cfg

from manila_drivers import exception
from manila_drivers.standalone import options

Opts = Sequence[cfg.Opt]


class Configuration:
    """Options of one section.

    :param share_opts: options to register at once.
    :param config_group: the section; None for [DEFAULT].
    :param conf: a parsed ``ConfigOpts``; without it all options have their
        defaults.

    There is no fall-back to [DEFAULT], as in Manila: an option counts only
    in the backend's own section.  ``default_get`` reads the few that Manila
    looks up in [DEFAULT] as well.
    """

    def __init__(self, share_opts: Opts = (), config_group: str | None = None,
                 *, conf: cfg.ConfigOpts | None = None) -> None:
        if conf is None:
            conf = cfg.ConfigOpts()
            conf([], project='manila_drivers', default_config_files=[],
                 default_config_dirs=[])
        self._conf = conf
        self.config_group = config_group
        self._section: cfg.ConfigOpts.GroupAttr | None = None
        conf.register_opts(options.GLOBAL_OPTS)
        conf.register_opts(options.SHARE_OPTS)
        self.append_config_values(options.OWN_OPTS)
        self.append_config_values(share_opts)

    @classmethod
    def from_file(cls, path: str | os.PathLike[str], section: str,
                  opts: Opts = ()) -> 'Configuration':
        """Read one section of an ini file such as manila.conf.

        :raises ConfigurationError: no such file, no such section, or the
            file cannot be parsed.
        """
        conf = cfg.ConfigOpts()
        try:
            conf([], project='manila_drivers', default_config_dirs=[],
                 default_config_files=[os.fspath(path)])
        except (cfg.ConfigFilesNotFoundError,
                cfg.ConfigFilesPermissionDeniedError,
                cfg.ConfigFileParseError) as exc:
            raise exception.ConfigurationError(
                'config_file', f'{path} cannot be read',
                answer=str(exc)) from exc
        if section != 'DEFAULT' and section not in conf.list_all_sections():
            raise exception.ConfigurationError(
                'section', f'{path} has no section [{section}]')
        return cls(opts, None if section == 'DEFAULT' else section,
                   conf=conf)

    def append_config_values(self, share_opts: Iterable[cfg.Opt]) -> None:
        """Register more options; the same definition twice is fine."""
        self._conf.register_opts(list(share_opts), group=self.config_group)

    def safe_get(self, value: str) -> Any:
        """The option's value, or None if there is no such option."""
        try:
            return getattr(self, value)
        except cfg.NoSuchOptError:
            return None

    def default_get(self, value: str) -> Any:
        """The option's value in [DEFAULT], or None."""
        return self._conf.get(value)

    def is_said(self, value: str) -> bool:
        """Tell if [DEFAULT] has an option, and not its default alone."""
        found = self._conf.get_location(value)
        return found is not None and found.location.is_user_controlled

    def __getattr__(self, value: str) -> Any:
        if value.startswith('_'):
            raise AttributeError(value)
        if self.config_group is None:
            return getattr(self._conf, value)
        if self._section is None:
            # A view, which shows what is registered and set later as well.
            self._section = self._conf[self.config_group]
        return getattr(self._section, value)

    @property
    def state_path(self) -> str:
        """Directory for what has to outlive the process."""
        return os.path.expanduser(str(self._conf.state_path))

    @property
    def root_helper(self) -> str:
        """Return what is put before commands that need root."""
        return str(self._conf.root_helper)

    @property
    def lock_path(self) -> str:
        """Directory of the lock files.

        ``[oslo_concurrency] lock_path``, as for Manila: name the same one
        that a running service uses, and both wait for each other.
        """
        configured: str | None = lockutils.get_lock_path(self._conf)
        return configured or os.path.join(self.state_path, 'locks')


# SPDX-License-Identifier: Apache-2.0

"""manila.conf for one process: values in, text out, nothing is touched."""

import dataclasses
import pathlib
import typing as ty

Section = ty.Mapping[str, object]
Sections = ty.Mapping[str, Section]

# Only what one process without Keystone needs of the paste file.  One text
# does for every release: the files of the older ones name stages that lack
# this way of authentication and refuse to load.
PASTE = """\
[composite:osapi_share]
use = call:manila.api:root_app_factory
/: versions
/v2: shares

[pipeline:versions]
pipeline = faultwrap osshareversionapp

[composite:shares]
use = call:manila.api.middleware.auth:pipeline_factory
noauthv2 = request_id faultwrap noauthv2 apiv2

[filter:request_id]
paste.filter_factory = oslo_middleware.request_id:RequestId.factory

[filter:faultwrap]
paste.filter_factory = manila.api.middleware.fault:FaultWrapper.factory

[filter:noauthv2]
paste.filter_factory = \
manila.api.middleware.auth:NoAuthMiddlewarev2_60.factory

[app:apiv2]
paste.app_factory = manila.api.v2.router:APIRouter.factory

[app:osshareversionapp]
paste.app_factory = manila.api.versions:VersionsRouter.factory
"""


@dataclasses.dataclass(frozen=True)
class Settings:
    """Hold what the configuration is made of.

    work: an absolute directory that holds state, logs and configuration;
    backends: section name -> options of the backend (`share_driver` at
    least); options: what to change or add in [DEFAULT]; extra: further
    sections, for options such as `network_config_group` that name one.
    """

    work: pathlib.Path
    backends: Sections
    options: Section = dataclasses.field(default_factory=dict)
    extra: Sections = dataclasses.field(default_factory=dict)
    host: str = 'solo'

    @property
    def state(self) -> pathlib.Path:
        return self.work / 'state'

    @property
    def logs(self) -> pathlib.Path:
        return self.work / 'log'

    @property
    def database(self) -> pathlib.Path:
        return self.state / 'manila.sqlite'

    @property
    def file(self) -> pathlib.Path:
        return self.work / 'manila.conf'

    @property
    def paste(self) -> pathlib.Path:
        return self.work / 'api-paste.ini'


def render(settings: Settings) -> str:
    """The text of manila.conf."""
    sections: dict[str, Section] = {
        'DEFAULT': {**_defaults(settings), **settings.options},
        'database': {'connection': 'sqlite:///%s?plugin=one_at_a_time'
                                   % settings.database,
                     'sqlite_synchronous': False},
        'oslo_concurrency': {'lock_path': settings.state / 'locks'},
        'coordination': {'backend_url': 'file://%s' % settings.state},
        'oslo_policy': {'policy_file': settings.work / 'policy.yaml'},
        **settings.extra,
        **{name: _backend(name, options)
           for name, options in settings.backends.items()},
    }
    return '\n'.join(_section(name, options)
                     for name, options in sections.items())


def _defaults(settings: Settings) -> dict[str, object]:
    return {
        'debug': True,
        'host': settings.host,
        'my_ip': '127.0.0.1',
        'state_path': settings.state,
        'log_dir': settings.logs,
        'log_file': 'manila.log',
        'auth_strategy': 'noauthv2',
        'transport_url': 'fake://',
        'enabled_share_backends': ','.join(settings.backends),
        'enabled_share_protocols': 'NFS,CIFS,GLUSTERFS',
        # Production's periods would make a test wait: statistics and the
        # poll of unfinished clones, the heartbeat, the random first delay.
        'periodic_interval': 1,
        'periodic_fuzzy_delay': 0,
        'report_interval': 1,
        'service_down_time': 15,
        'graceful_shutdown_timeout': 5,
    }


def _backend(name: str, options: Section) -> Section:
    return {'share_backend_name': name, 'driver_handles_share_servers': False,
            **options}


def _section(name: str, options: Section) -> str:
    lines = ['[%s]' % name]
    lines += ['%s = %s' % (key, _value(key, options[key]))
              for key in options if options[key] is not None]
    return '\n'.join(lines) + '\n'


def _value(key: str, value: object) -> str:
    """An option's text; oslo.config would expand a plain `$`.

    Not doubled, which means something else behind a backslash.
    """
    if isinstance(value, (list, tuple)):
        value = ','.join(str(item) for item in value)
    text = str(value)
    if '\n' in text or '\r' in text:
        raise ValueError('option %s cannot hold a line break' % key)
    return text.replace('$', r'\$')

# SPDX-License-Identifier: Apache-2.0

"""Options of the groups [nova], [cinder], [neutron] and [glance].

The names, types and defaults are those of Manila, which registers them too if
its own driver, or its network plug-in, is loaded in the same process.  Options
of the login and of its connections are keystoneauth1's.
"""

from collections.abc import Mapping
from collections.abc import Sequence
import logging

from keystoneauth1 import loading
from oslo_config import cfg

from manila_drivers import registration

LOG = logging.getLogger(__name__)

INTERFACES = ('publicURL', 'internalURL', 'adminURL', 'public', 'internal',
              'admin')

#: Plug-ins whose options a sample shows; any other works too.
SHOWN = ('password', 'v3applicationcredential')


def _place(region: str | None = None) -> list[cfg.Opt]:
    return [
        cfg.StrOpt('endpoint_type', default='publicURL',
                   choices=list(INTERFACES),
                   help='Which of the endpoints in the catalogue is used.'),
        cfg.StrOpt('region_name', default=region,
                   help='Region whose endpoint is used. Needed if the '
                        'catalogue has the service in several.')]


NOVA_OPTS = [
    cfg.StrOpt('api_microversion', default='2.10',
               help='Microversion of the compute API, from 2.1 to the newest '
                    'that the cloud has. If it is not set, 2.79 is spoken, '
                    'or what the cloud has below it.'),
    *_place()]

CINDER_OPTS = [
    cfg.BoolOpt('cross_az_attach', default=True,
                help='Has no effect.'),
    cfg.IntOpt('http_retries', default=3,
               help='Has no effect: for how long a request is repeated is '
                    'counted in seconds.'),
    *_place()]

NEUTRON_OPTS = [
    cfg.StrOpt('url',
               help='Address of the network service, in place of the one in '
                    'the catalogue.'),
    cfg.IntOpt('url_timeout', default=30, deprecated_for_removal=True,
               deprecated_reason='It has no effect.',
               help='Has no effect.'),
    cfg.StrOpt('auth_strategy', default='keystone',
               deprecated_for_removal=True,
               deprecated_reason='It has no effect.',
               help='Has no effect.'),
    *_place()]

GLANCE_OPTS = [
    cfg.StrOpt('api_microversion', default='2',
               help='Has no effect: version 2 of the image API is spoken.'),
    *_place('RegionOne')]

GROUPS: Mapping[str, Sequence[cfg.Opt]] = {
    'nova': NOVA_OPTS, 'cinder': CINDER_OPTS, 'neutron': NEUTRON_OPTS,
    'glance': GLANCE_OPTS}


def register(conf: cfg.ConfigOpts) -> None:
    """Have the four groups in a configuration; repetition does nothing.

    Options that are there are kept, and do not keep others from defining
    them again.  Those of a login's plug-in follow when it is loaded.
    """
    for group, opts in GROUPS.items():
        for opt in (*opts, *loading.get_session_conf_options(),
                    *loading.get_auth_common_conf_options()):
            _register(conf, opt, group)
        section = conf[group].auth_section
        if section:
            for opt in loading.get_auth_common_conf_options():
                _register(conf, opt, section)


def _register(conf: cfg.ConfigOpts, opt: cfg.Opt, group: str) -> None:
    try:
        conf.register_opt(registration.tolerant(opt), group=group)
    except cfg.DuplicateOptError:
        LOG.debug('Option %s in [%s] was defined before; that one is used',
                  opt.name, group)


def list_opts() -> list[tuple[str, list[cfg.Opt]]]:
    """Return all options by group, with those of two plug-ins."""
    listed = []
    for group, opts in GROUPS.items():
        found = [*opts, *loading.get_session_conf_options(),
                 *loading.get_auth_common_conf_options()]
        for plugin in SHOWN:
            names = {opt.dest for opt in found}
            found += [opt for opt in loading.get_auth_plugin_conf_options(
                plugin) if opt.dest not in names]
        listed.append((group, found))
    return listed

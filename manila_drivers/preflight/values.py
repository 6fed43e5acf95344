# SPDX-License-Identifier: Apache-2.0

"""Names and values of a section, before anybody reads them as a whole."""

from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
import difflib
from typing import Any

from oslo_config import cfg

from manila_drivers.driver import options
from manila_drivers.preflight.findings import Finding
from manila_drivers.preflight.findings import WARNING

#: Options that Manila itself, or its network plug-ins, read in the section of
#: a backend, and nothing here does.
MANILAS = frozenset({
    'network_api_class', 'backend_url', 'suppress_post_requisite_checks',
    'unmanage_remove_access_rules', 'automatic_share_server_cleanup',
    'unused_share_server_cleanup_interval', 'driver_updatable_subnet_metadata',
    'enable_gathering_share_usage_size'})


def wrong_names(configuration: Any, known: Collection[str],
                own: Iterable[cfg.Opt]) -> list[Finding]:
    """Return names that have no effect where they stand.

    :param known: all names that are read in the section.
    :param own: the options of the driver, which have no effect elsewhere.
    """
    section = configuration.config_group
    written: Mapping[str, set[str]] = options.written(configuration)
    here = {name.replace('-', '_') for name in written.get(
        section.lower(), ())}
    found = []
    for name in sorted(here - set(known) - MANILAS - options.OTHERS):
        near = difflib.get_close_matches(name, sorted(known), 1)
        found.append(Finding(
            name, f'is no option of [{section}], and has no effect',
            do=f'is {near[0]} meant?' if near else
            'see the names of options in the configuration reference'))
    there = {name.replace('-', '_') for name in written.get('default', ())}
    return found + [Finding(
        name, f'stands in [DEFAULT], where it has no effect on the backend '
        f'[{section}]', do=f'write it into [{section}]')
        for name in sorted(there & options.known(own))]


def wrong_values(configuration: Any) -> list[Finding]:
    """Return options whose values are none of theirs.

    Their defaults are put in their place, so that one can go on.
    """
    found = []
    group = configuration.config_group
    section: Mapping[str, Any] = configuration._conf[group]
    for name in list(section):
        try:
            section[name]
        except (ValueError, cfg.Error) as exc:
            found.append(Finding(
                name, 'has a value that it cannot have',
                answered=why(exc),
                do='what the option takes: see its help'))
            replace(configuration, name, default(configuration, name))
    return found


def why(error: Exception) -> str:
    """Return what oslo.config says of a value, without where it stands."""
    text = ' '.join(str(error).split())
    return text.partition(' is not valid: ')[2] or text


def old_names(configuration: Any, own: Iterable[cfg.Opt]) -> list[Finding]:
    """Return options that will not be there for ever."""
    here = {name.replace('-', '_') for name in options.written(
        configuration).get(configuration.config_group.lower(), ())}
    return [Finding(option.dest, 'will be removed',
                    do=str(option.deprecated_reason or ''), severity=WARNING)
            for option in own
            if option.deprecated_for_removal and option.dest in here]


def default(configuration: Any, name: str) -> Any:
    """Return the default of an option, None if it has none."""
    group = configuration.config_group
    conf = configuration._conf
    found = conf._get_opt_info(name, group)['opt']
    # What replaces a value is read without its section, where it may refer
    # to other options.
    return conf._substitute(found.default, conf._get_group(group))


def replace(configuration: Any, name: str, value: Any) -> None:
    """Give an option another value, for this look alone."""
    configuration._conf.set_override(name, value,
                                     group=configuration.config_group)

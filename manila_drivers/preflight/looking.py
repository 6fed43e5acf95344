# SPDX-License-Identifier: Apache-2.0

"""Look at one backend of a configuration file, in the order that helps."""

from collections.abc import Callable
from collections.abc import Collection
import dataclasses
import functools
import os
import re
from typing import Any

from manila_drivers import exception
from manila_drivers.direct import loading
from manila_drivers.driver import options
from manila_drivers.preflight import asking
from manila_drivers.preflight import programs
from manila_drivers.preflight import reading
from manila_drivers.preflight import times
from manila_drivers.preflight import values
from manila_drivers.preflight.findings import Finding
from manila_drivers.preflight.findings import Report
from manila_drivers.transport import clocks
from manila_drivers.transport import retry

#: Options without which a backend is not reached, or another one is.
REACHING = re.compile(
    r'_(ip|hosts?|port|user|login|password|token|private_key|cert\w*|servers'
    r'|targets|tenant_name|api_version|sudo|server_type|server_list'
    r'|mount_point_base|known_hosts|command_directory)$|^is_gpfs_node$')


def look(config_file: str | os.PathLike[str], section: str, *,
         ask: bool = True, driver: str = '') -> Report:
    """Return all that is wrong with a backend's section.

    :param ask: look at the backend as well; else at the section alone.
    :param driver: the class of a driver, in the place of the section's.
    :raises ConfigurationError: there is no such file or section.
    """
    conf = loading.section(config_file, section)
    if section == 'DEFAULT':
        raise exception.ConfigurationError(
            'section', '[DEFAULT] is no section of a backend')
    found_class, error = exception.caught(lambda: loading.driver_class(
        driver or str(conf.safe_get('share_driver') or '')))
    if found_class is None:
        found = [Finding.of(error)] if error is not None else []
        return Report(section, tuple(found), (
            'everything else, since it is not known what reads it',))
    kind: Any = found_class
    found = _mode(conf, kind, functools.partial(
        loading.section, config_file, section))
    made = kind(configuration=conf)
    own = list(made._options)
    found += values.wrong_names(
        conf, set(conf._conf[section]) | options.known(own), own)
    wrong = values.wrong_values(conf)
    with asking.warned() as told:
        read = reading.Reading(made, {one.option for one in wrong})
    found += [*wrong, *read.findings]
    exchanged = {*read.exchanged, *(one.option for one in wrong)}
    found += [one for one in values.old_names(conf, own)
              if one.option not in exchanged]
    found += [one for one in map(asking.warning, dict.fromkeys(told.lines))
              if one.option not in exchanged]
    found += [one for one in _trusting(made)
              if one.option not in exchanged]
    found += programs.look(made, exchanged)
    unseen = [f'the backend, without a value for {name}'
              for name in sorted({*read.invented, *filter(
                  REACHING.search, exchanged)})]
    if ask and not unseen:
        more, unseen = _asked(made)
        found += more
    names = {opt.dest for opt in own}
    return Report(section, tuple(dict.fromkeys(
        _named(one, names) for one in found)), tuple(unseen))


def _named(finding: Finding, names: Collection[str]) -> Finding:
    """Return a finding with the option that its words name first."""
    if finding.option:
        return finding
    words = re.findall(r'[a-z][a-z0-9_]+', f'{finding.tried} {finding.do}')
    return dataclasses.replace(finding, option=next(
        (word for word in words if word in names), ''))


def _mode(conf: Any, kind: Any,
          again: Callable[[], Any]) -> list[Finding]:
    """Find what is wrong with driver_handles_share_servers, and mend it.

    :param again: reads the section anew, to be tried with.
    """
    name = 'driver_handles_share_servers'
    modes = kind.MODES if isinstance(kind.MODES, tuple) else (kind.MODES,)
    chosen, error = exception.caught_any(lambda: conf.safe_get(name))
    if error is None and chosen in modes and chosen is not None:
        return []
    # What is not said may be guessed from what else the section says.
    values.replace(conf, name, min(
        reversed(modes), key=lambda mode: _complaints(again(), kind, mode)
    ) if len(modes) > 1 else modes[0])
    return [Finding(
        name, 'is not set' if error is None and chosen is None else
        f'is {chosen}' if error is None else 'has a value that it cannot have',
        answered='' if error is None else values.why(error),
        do='this driver takes ' + ' or '.join(map(str, modes)))]


def _complaints(conf: Any, kind: Any, mode: bool) -> int:
    """Count what a driver would refuse in a mode."""
    values.replace(conf, 'driver_handles_share_servers', mode)
    made = kind(configuration=conf)
    values.wrong_values(conf)
    return len(reading.Reading(made).findings)


def _trusting(driver: Any) -> list[Finding]:
    return [asking.warning(f'{name} = {value}: {told}')
            for name, (value, told) in driver.trusting.items()
            if driver.option(name) == value]


def _asked(driver: Any) -> tuple[list[Finding], list[str]]:
    backend, error = exception.caught(driver.build_backend)
    if backend is None:
        return ([Finding.of(error)] if error is not None else []), []
    try:
        with retry.patience(retry.PERIODIC), clocks.listen() as heard:
            found, unseen = asking.ask(backend)
            times.ask(backend)
        return found + times.findings(heard, type(driver)), unseen
    finally:
        exception.caught_any(backend.close)

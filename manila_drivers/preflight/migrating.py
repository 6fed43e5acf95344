# SPDX-License-Identifier: Apache-2.0

"""From a section of Manila's driver to one of ours."""

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import os
import pathlib
import re
from typing import Any

from oslo_config import cfg

from manila_drivers import exception
from manila_drivers.direct import driving
from manila_drivers.direct import ensuring
from manila_drivers.direct import loading
from manila_drivers.direct import preview
from manila_drivers.preflight import decisions
from manila_drivers.preflight import looking
from manila_drivers.preflight.findings import Finding

#: Severities of what has to be decided, and of what a start will change.
DECIDE, CHANGE = 'decide', 'change'
_HIDDEN = '(as it is)'
# What option names of secrets end in, also of drivers that are not ours.
_SECRET = re.compile(r'(password|token|secret|passwd)$')


@dataclasses.dataclass(frozen=True)
class MigrationAdvice:
    """Everything that it takes to go over to our driver.

    ``section`` is what to put into the file, without secrets; ``findings``
    are decisions that have to be taken, and what would be wrong then.
    """

    driver: str
    section: str
    findings: tuple[Finding, ...]
    unseen: tuple[str, ...] = ()


def migrate(config_file: str | os.PathLike[str], name: str, *,
            ask: bool = True) -> MigrationAdvice:
    """Return what it takes to have our driver serve a backend.

    :raises ConfigurationError: there is no such file or section, or no
        driver of ours for what it names.
    """
    conf = loading.section(config_file, name)
    written = values(config_file, name)
    path = decisions.counterpart(str(conf.safe_get('share_driver') or ''))
    if not path:
        raise exception.ConfigurationError(
            'share_driver', f'{conf.safe_get("share_driver")} has no '
            'counterpart here', check='there are those for '
            + ', '.join(decisions.UPSTREAM + tail
                        for tail in decisions.DRIVERS))
    chosen = decisions.DRIVERS[path.removeprefix(decisions.OURS)]
    still = [one for one in chosen if one.is_open(written)]
    report = looking.look(config_file, name, ask=ask, driver=path)
    taken = {option for one in still for option in one.options}
    return MigrationAdvice(
        path, section(config_file, name, path, still),
        (*(_decide(one) for one in still),
         *(Finding('', text, severity=CHANGE) for text in
           decisions.AT_START.get(path.removeprefix(decisions.OURS), ())),
         *(one for one in report.findings if one.option not in taken)),
        report.unseen)


def _decide(decision: decisions.MigrationDecision) -> Finding:
    return Finding(
        decision.options[0], decision.why, severity=DECIDE,
        do='; or '.join(f'{line} ({meaning})'
                        for line, meaning in decision.choices))


def values(config_file: str | os.PathLike[str], name: str) -> dict[str, str]:
    """Return what is written in a section, by the names of options."""
    sections: dict[str, dict[str, list[str]]] = {}
    cfg.ConfigParser(os.fspath(config_file), sections).parse()
    return {option.replace('-', '_'): found[-1].strip()
            for option, found in sections.get(name, {}).items() if found}


def section(config_file: str | os.PathLike[str], name: str, driver: str,
            still: Iterable[decisions.MigrationDecision]) -> str:
    """Return the lines of a section with another driver.

    Comments stay; secrets are left out; open decisions stand at the end, to
    be chosen from.
    """
    text = pathlib.Path(config_file).read_text(encoding='utf-8')
    lines: list[str] = []
    inside = hidden = False
    for line in text.splitlines():
        header = re.fullmatch(r'\s*\[(.+)\]\s*', line)
        if header:
            inside = header[1] == name
        if inside and not (hidden and line[:1] in (' ', '\t')):
            lines.append(_line(line, driver))
            # What goes on in the next lines is hidden as well.
            hidden = lines[-1].endswith(_HIDDEN)
    while lines and not lines[-1].strip():
        lines.pop()
    for decision in still:
        lines += ['', f'# Decide: {decision.why}.']
        for line, meaning in decision.choices:
            lines += [f'# {meaning}:', f'#{line}']
    return '\n'.join(lines) + '\n'


def _line(line: str, driver: str) -> str:
    # Comments as well: they may have the password of before.
    option = re.match(r'([#;\s]*)([\w-]+)\s*[=:]', line)
    if option is None:
        return line
    before, name = option[1], option[2].replace('-', '_')
    if name == 'share_driver' and not before:
        return f'share_driver = {driver}'
    return f'{before}{option[2]} = {_HIDDEN}' if _SECRET.search(name) else line


def first_start(config_file: str | os.PathLike[str], name: str,
                rows: Sequence[Mapping[str, Any]]) -> preview.Preview:
    """Return what the first start would change on the backend.

    :param rows: shares as Manila has them: ``id`` of the instance, ``name``,
        ``size``, ``share_proto``, ``export_locations``.
    :raises Unsupported: the driver cannot tell.
    :raises DriverError: the backend cannot be asked.
    """
    conf = loading.section(config_file, name)
    path = decisions.counterpart(str(conf.safe_get('share_driver') or ''))
    if conf.safe_get('driver_handles_share_servers'):
        raise exception.Unsupported(
            f'What a start changes of shares of {name} is not known, since '
            'their share servers are told by nobody but Manila')
    kind = loading.driver_class(path)
    made = driving.Driving(lambda: kind(configuration=conf))
    try:
        return ensuring.foreseen(made, 'start', name,
                                 [dict(row) for row in rows])
    finally:
        made.close()

# SPDX-License-Identifier: Apache-2.0

"""Options of a backend's section: registered beside others, or misspelt.

Manila's base classes, upstream's drivers and ours all register options in a
backend's section, and oslo.config refuses two definitions that differ in as
little as their help text.

oslo.config takes any name in a file without a word, so that an option with a
slip in its name leaves the default in force.  The names are read from the
configuration files again, since only those that were registered can be asked
for.
"""

from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
import difflib
import glob
import logging
import os
from typing import Any

from oslo_config import cfg

from manila_drivers import registration

LOG = logging.getLogger(__name__)

#: What Manila's GlusterFS driver for NFS reads, beginning as ours do.
OTHERS = frozenset({
    'glusterfs_target', 'glusterfs_nfs_server_type',
    'glusterfs_ganesha_server_ip', 'glusterfs_ganesha_server_username',
    'glusterfs_ganesha_server_password'})
#: How alike a name without a known beginning must be to one of ours.
ALIKE = 0.9


tolerant = registration.tolerant


def register_opts(configuration: Any, opts: Iterable[cfg.Opt]) -> None:
    """Add options to a backend's section; existing ones are kept.

    :param configuration: Manila's Configuration or the stand-alone one.
    """
    for opt in opts:
        try:
            configuration.append_config_values([tolerant(opt)])
        except cfg.DuplicateOptError:
            LOG.debug('Option %s was defined before; that one is used',
                      opt.name)


def warnings(configuration: Any, opts: Iterable[cfg.Opt]) -> list[str]:
    """Return a sentence for each name that has no effect where it stands.

    :param configuration: Manila's Configuration or the stand-alone one.
    :param opts: all options of the driver.
    """
    section = getattr(configuration, 'config_group', None)
    if not isinstance(section, str):
        return []
    found = _sections(config_of(configuration))
    names = known(opts)
    told = [_unread(section, name, near) for name, near in unread(
        found.get(section.lower(), ()), names).items()]
    return told + [
        f'{name} in [DEFAULT] has no effect on the backend [{section}]; it '
        f'belongs into that section'
        for name in sorted(set(found.get('default', ())) & names)]


def _unread(section: str, name: str, near: str) -> str:
    told = (f'{name} in [{section}] is no option of this driver and has no '
            f'effect')
    return told + (f'. Did you mean {near}?' if near else '')


def known(opts: Iterable[cfg.Opt]) -> set[str]:
    """Return all names of options, older ones included."""
    return {name for opt in opts for name in (
        opt.dest, *(old.name for old in opt.deprecated_opts if old.name))}


def unread(written: Iterable[str], names: Collection[str]) -> dict[str, str]:
    """Return what looks like an option of the driver and is none.

    :param names: the options that there are.
    :returns: the nearest option of each, '' if none is near.  Names of other
        drivers and of Manila are left alone.
    """
    beginnings = {name.partition('_')[0] + '_' for name in names
                  if name.partition('_')[0] in (
                      'vast', 'glusterfs', 'gpfs', 'knfs', 'generic',
                      'metrics')}
    found = {}
    for name in sorted({one.replace('-', '_') for one in written}):
        if name in names or name in OTHERS:
            continue
        ours = name.startswith(tuple(beginnings))
        near = difflib.get_close_matches(name, names, 1,
                                         0.6 if ours else ALIKE)
        if ours or near:
            found[name] = near[0] if near else ''
    return found


def written(configuration: Any) -> Mapping[str, set[str]]:
    """Return the names that files have in each section, written small."""
    return _sections(config_of(configuration))


def config_of(configuration: Any) -> Any:
    """Return the ConfigOpts that a section belongs to."""
    inside = vars(configuration)
    return inside.get('_conf') or getattr(
        inside.get('local_conf'), '_conf', cfg.CONF)


def _sections(conf: Any) -> Mapping[str, set[str]]:
    """The names in each section, which is written small."""
    found: dict[str, set[str]] = {}
    for path in _files(conf):
        sections: dict[str, dict[str, Any]] = {}
        try:
            cfg.ConfigParser(path, sections).parse()
        except (OSError, ValueError, cfg.ParseError) as exc:
            LOG.debug('%s cannot be looked through: %s', path, exc)
        for section, options in sections.items():
            found.setdefault(section.lower(), set()).update(options)
    return found


def _files(conf: Any) -> list[str]:
    try:
        files, directories = conf.config_file, conf.config_dir
    except (AttributeError, cfg.Error):
        return []
    return [path for path in (
        *(files or ()), *(path for directory in directories or () for path in
                          sorted(glob.glob(os.path.join(directory, '*.conf')))
                          )) if isinstance(path, str)]

# SPDX-License-Identifier: Apache-2.0

"""Writes what one release, or the stand-alone half, looks like, as JSON.

Run in a process of its own, because only one Manila fits into a process::

    PYTHONPATH=<unpacked wheel>:<repository> python -m tests.compat.describe

With MANILA_DRIVERS_STANDALONE=1 it describes the stand-alone half.
"""

import inspect
import json
import re
import sys
import tempfile
from typing import Any

CLASSES = ('ShareDriver', 'ExecuteMixin', 'GaneshaMixin')


def surface(cls: type) -> dict[str, Any]:
    """Signature of each method, None for each property."""
    found: dict[str, Any] = {}
    for name in dir(cls):
        if name.startswith('__') and name != '__init__':
            continue
        member = inspect.getattr_static(cls, name)
        if isinstance(member, property):
            found[name] = None
        elif inspect.isfunction(member):
            found[name] = parameters(getattr(cls, name))
    return found


def parameters(function: Any) -> list[list[Any]]:
    """Name, kind and default of each parameter; [] is "no default"."""
    return [[item.name, item.kind.name,
             [] if item.default is item.empty else [repr(item.default)]]
            for item in inspect.signature(function).parameters.values()]


def options(opts: Any) -> dict[str, list[str]]:
    """Type and default of each option."""
    return {opt.name: [type(opt.type).__name__, repr(opt.default)]
            for opt in opts}


def errors(module: Any, names: Any) -> dict[str, Any]:
    """Ancestry, code, template fields and behaviour of the exceptions."""
    return {name: error(getattr(module, name)) for name in names
            if hasattr(module, name)}


def error(cls: Any) -> dict[str, Any]:
    fields = sorted(set(re.findall(r'%\((\w+)\)s', str(cls.message))))
    given = cls(**{field: 'x' for field in fields if field != 'code'},
                detail_data={'a': 1})
    plain = cls('Own text..')
    unfilled = cls(surplus=ValueError('was an exception'))
    return {
        'ancestors': [base.__name__ for base in cls.__mro__],
        'code': cls.code, 'fields': fields,
        'filled': all('%(' not in text for text in (given.msg, str(given))),
        'detail_data': given.detail_data, 'kwargs': given.kwargs,
        'own': [plain.msg, str(plain), plain.detail_data, plain.kwargs],
        'unfilled': [unfilled.msg == str(cls.message) % {'code': cls.code}
                     if fields in ([], ['code']) else
                     unfilled.msg == str(cls.message),
                     unfilled.kwargs]}


def describe() -> dict[str, Any]:
    """Everything the tests compare."""
    from manila_drivers import compat
    from manila_drivers import driver
    from manila_drivers.standalone import constants
    from manila_drivers.standalone import errors as own_errors
    from tests.compat import made
    names = [name for name, value in vars(own_errors).items()
             if isinstance(value, type)
             and issubclass(value, own_errors.ManilaException)]
    base = sys.modules[compat.BaseShareDriver.__module__]
    opts = base if compat.MANILA else base.options
    with tempfile.TemporaryDirectory() as state:
        with_theirs, with_ours = made.pair(state)
        stats = {'theirs': sorted(made.stats(with_theirs)),
                 'ours': sorted(made.stats(with_ours))}
        behaviour = made.behaviour(with_theirs)
        attributes = {'theirs': made.attributes(with_theirs),
                      'ours': made.attributes(with_ours)}
    return {
        'manila': compat.MANILA,
        'theirs': {name: surface(getattr(compat, f'Base{name}'))
                   for name in CLASSES},
        'ours': {name: surface(getattr(driver, name)) for name in CLASSES},
        'drivers': {path: surface(cls) for path, cls in made.drivers()},
        'stats': stats, 'attributes': attributes, 'behaviour': behaviour,
        'options': {kind: options(getattr(opts, kind.lower() if compat.MANILA
                                          else kind.upper()))
                    for kind in ('share_opts', 'ssh_opts', 'ganesha_opts')},
        'errors': errors(compat.errors, names),
        'constants': {
            name: getattr(compat.constants, name) for name in vars(constants)
            if name.isupper() and isinstance(getattr(constants, name), str)
            and hasattr(compat.constants, name)},
        'extra_specs': {
            name: getattr(compat.constants.ExtraSpecs, name)
            for name in vars(constants.ExtraSpecs) if name.isupper()
            and hasattr(compat.constants.ExtraSpecs, name)},
        'supports': {name: compat.supports(name)
                     for name in sorted(compat.FEATURES)}}


if __name__ == '__main__':
    json.dump(describe(), sys.stdout)

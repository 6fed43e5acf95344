# SPDX-License-Identifier: Apache-2.0

"""The command as a manual has it, written from its parsers.

For the pages: ``doc/source/conf.py`` puts this into the reference page and the
man page.
"""

import argparse
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
import re
import textwrap
from typing import Any

from manila_drivers.cli import main
from manila_drivers.cli.operate import app
from manila_drivers.cli.operate import base

#: Options that every command has and that say nothing of it.
_HELP = frozenset({'-h', '--help'})
_WIDTH = 72
# Of reStructuredText, inside a line.
_MARKUP = re.compile(r'([\\*`|]|_\b)')
# Two hyphens would become a dash.
_OPTION = re.compile(r'(?<![\w`-])--[a-z][a-z-]*')


def global_options() -> str:
    """Return what goes before the command's first word."""
    return _options(_operate().parser, main.PROGRAM, frozenset())


def output_options() -> str:
    """Return the options of all commands that print something.

    There is a section for those that print a table, and one for those that
    print an object.
    """
    return '\n'.join('\n'.join([
        title, '-' * len(title), '', f'.. program:: {title}', '',
        *_lines(parser._actions, _HELP)]) for title, parser in zip(
            ('Tables', 'Objects'), _printing(), strict=True))


def commands() -> str:
    """Return a section for each command."""
    passed = output_names()
    return '\n'.join(_section(name, parser, passed)
                     for name, parser in sorted(parsers().items()))


def output_names() -> frozenset[str]:
    """Return the names of options that :func:`output_options` has."""
    return frozenset(name for parser in _printing()
                     for action in parser._actions
                     for name in action.option_strings)


def parsers() -> Mapping[str, argparse.ArgumentParser]:
    """Return the parser of each command, by its words."""
    found = {}
    application: Any = _operate()
    for name in application.command_manager.commands:
        kind, _, _ = application.command_manager.find_command(name.split())
        found[name] = kind(application, None, cmd_name=name).get_parser(
            f'{main.PROGRAM} {name}')
    return found | {
        words: parser for words, parser in _subparsers(main.parser(), '')
        if words.partition(' ')[0] in main.COMMANDS}


def _operate() -> app.Operate:
    made = app.Operate()
    made.parser.prog = main.PROGRAM
    return made


def _printing() -> tuple[argparse.ArgumentParser, argparse.ArgumentParser]:
    application = _operate()
    return (_List(application, None).get_parser(''),
            _Show(application, None).get_parser(''))


class _List(base.Listing):
    """A command without arguments of its own that prints a table."""

    def take_action(self, parsed_args: argparse.Namespace) -> base.Output:
        return (), ()


class _Show(base.Showing):
    """One that prints an object."""

    def take_action(self, parsed_args: argparse.Namespace) -> base.Output:
        return self.fields({})


def _subparsers(parser: argparse.ArgumentParser, words: str,
                ) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Yield parsers that have no sub-commands, by their words."""
    inner = [action for action in parser._actions
             if isinstance(action, argparse._SubParsersAction)]
    if not inner:
        yield words, parser
    for action in inner:
        for name, sub in action.choices.items():
            yield from _subparsers(sub, f'{words} {name}'.strip())


def _section(name: str, parser: argparse.ArgumentParser,
             passed: frozenset[str]) -> str:
    told = textwrap.dedent(parser.description or '').strip()
    prints = passed - _HELP & {text for action in parser._actions
                               for text in action.option_strings}
    return '\n'.join([
        name, '-' * len(name), '', _escaped(told), '',
        _options(parser, f'{main.PROGRAM} {name}', passed,
                 more=' [output options]' if prints else '')])


def _options(parser: argparse.ArgumentParser, prog: str,
             passed: frozenset[str], more: str = '') -> str:
    """Return the usage of a parser, and its arguments.

    :param passed: names of options that are told elsewhere.
    """
    usage = _usage(parser, prog, passed)
    if more and len(usage.splitlines()[-1] + more) > _WIDTH:
        more = f'\n{" " * len(prog)}{more}'
    return '\n'.join([
        f'.. program:: {prog}', '', '.. code-block:: text', '',
        textwrap.indent(usage + more, '   '), '',
        *_lines(parser._actions, passed | _HELP)])


def _usage(parser: argparse.ArgumentParser, prog: str,
           passed: frozenset[str]) -> str:
    chosen = [action for action in parser._actions
              if passed.isdisjoint(action.option_strings or ('',))
              and _HELP.isdisjoint(action.option_strings)]
    formatter = argparse.HelpFormatter(prog, width=_WIDTH)
    formatter.add_usage(parser.usage, chosen,
                        parser._mutually_exclusive_groups, prefix='')
    return formatter.format_help().strip()


def _lines(actions: Iterable[argparse.Action],
           passed: frozenset[str]) -> Iterator[str]:
    for action in actions:
        if action.help == argparse.SUPPRESS or passed.intersection(
                action.option_strings):
            continue
        yield '.. option:: ' + ', '.join(_spellings(action))
        yield ''
        for line in textwrap.wrap(_escaped(_help(action)), _WIDTH,
                                  break_on_hyphens=False):
            yield '   ' + line
        yield ''


def _spellings(action: argparse.Action) -> list[str]:
    value = '' if action.nargs == 0 else _value(action)
    if not action.option_strings:
        return [value]
    return [f'{name} {value}'.strip() for name in action.option_strings]


def _value(action: argparse.Action) -> str:
    if isinstance(action.metavar, str):
        return action.metavar
    if action.choices is not None:
        return '{' + ','.join(map(str, action.choices)) + '}'
    return action.dest.upper() if action.option_strings else action.dest


def _help(action: argparse.Action) -> str:
    """Return the help of an argument with its defaults filled in."""
    expand: Callable[[argparse.Action], str] = argparse.HelpFormatter(
        main.PROGRAM)._expand_help
    return expand(action) if action.help else ''


def _escaped(text: str) -> str:
    return _OPTION.sub(r'``\g<0>``', _MARKUP.sub(r'\\\1', text))

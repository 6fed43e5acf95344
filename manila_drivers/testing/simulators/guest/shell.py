# SPDX-License-Identifier: Apache-2.0

"""Runs a shell's script as dash does, on a simulated system.

Differences are told by ``tests/unit/generic/test_guest_shell.py``, which has
dash run the same.
"""

from collections.abc import Callable
from collections.abc import Sequence
import contextlib
import copy
import fnmatch
import functools
from typing import Any

from manila_drivers.testing.simulators.guest import shell_builtins
from manila_drivers.testing.simulators.guest import shell_fields
from manila_drivers.testing.simulators.guest import shell_streams
from manila_drivers.testing.simulators.guest import shell_text
from manila_drivers.transport import command

Node = shell_text.Node
ScriptError = shell_text.ScriptError
Source = shell_streams.Source
Sink = shell_streams.Sink
Exit = shell_builtins.Exit
Builtin = Callable[[Any, Sequence[str]], int]


#: What runs a node, by its kind.
_METHODS = {kind: '_' + kind.replace('-', '_') for kind in (
    'simple', 'pipe', 'and-or', 'list', 'group', 'subshell', 'if', 'while',
    'until', 'for', 'case', 'function')}


class Shell(shell_fields.WordFields):
    """One shell.

    :param arguments: ``$0``, ``$1`` and so on.
    """

    def __init__(self, system: shell_streams.ShellHost,
                 arguments: Sequence[str] = ('sh',), *,
                 root: bool = False, source: Source | None = None,
                 out: Sink | None = None, err: Sink | None = None) -> None:
        self.system = system
        self.root = root
        self.name, *self.arguments = arguments
        self.variables: dict[str, str] = {}
        self.functions: dict[str, Node] = {}
        self.options: set[str] = set()
        self.traps: dict[str, str] = {}
        self.status = 0
        self.streams: dict[int, Any] = {
            0: source or Source(), 1: out or Sink(), 2: err or Sink()}
        # Above 0 where a failure is looked at, so that -e says nothing.
        self._looked_at = 0

    # Whole scripts

    def script(self, text: str) -> int:
        """Run a script to its end; return its exit code."""
        try:
            tree = shell_text.parse(text)
        except (ScriptError, IndexError, ValueError) as exc:
            self.streams[2].write(f'sh: Syntax error: {exc}\n')
            return 2
        return self.ended(lambda: self.run(tree))

    def ended(self, work: Callable[[], object]) -> int:
        """Run something as all of this shell, with its trap at the end."""
        try:
            work()
        except Exit as exc:
            self.status = exc.status
        trap = self.traps.pop('EXIT', '')
        if trap:
            status = self.status
            try:
                self.run(shell_text.parse(trap))
                self.status = status
            except Exit as exc:
                self.status = exc.status
        return self.status

    def child(self) -> 'Shell':
        """Return a subshell: all is copied, traps are not."""
        made = copy.copy(self)
        made.variables = dict(self.variables)
        made.functions = dict(self.functions)
        made.options = set(self.options)
        made.arguments = list(self.arguments)
        made.streams = dict(self.streams)
        made.traps = {}
        return made

    # Nodes

    def run(self, node: Node) -> int:
        """Run one node; its exit code is the shell's status then.

        :raises Exit: the shell ends.
        """
        work = getattr(self, _METHODS[node.kind])
        if node.redirections and node.kind != 'function':
            with self._redirected(node) as opened:
                if opened:
                    work(node)
        else:
            work(node)
        if node.kind in ('simple', 'pipe', 'subshell') and self.status \
                and 'e' in self.options and not self._looked_at:
            raise Exit(self.status)
        return self.status

    @contextlib.contextmanager
    def _redirected(self, node: Node) -> Any:
        before = dict(self.streams)
        try:
            try:
                for one in node.redirections:
                    self._redirect(one)
            except OSError as exc:
                before[2].write(f'sh: cannot open {exc.filename}: '
                                f'{exc.strerror}\n')
                self.status = 2
                # A failed redirection ends no shell but of some builtins.
                yield False
            else:
                yield True
        finally:
            self.streams = before

    def _redirect(self, one: shell_text.Redirection) -> None:
        target = self.text(one.target)
        if one.operator in ('>&', '<&'):
            if target == '-':
                self.streams.pop(one.number, None)
            else:
                self.streams[one.number] = self.streams[int(target)]
        elif one.operator == '<':
            self.streams[one.number] = Source(
                '' if target == '/dev/null' else self.system.text(target))
        elif target == '/dev/null':
            self.streams[one.number] = shell_streams.Null()
        else:
            self.system.put(target, '', more=one.operator == '>>',
                            root=self.root)
            self.streams[one.number] = shell_streams.File(self.system, target,
                                             root=self.root)

    def _list(self, node: Node) -> None:
        for each, background in node.parts:
            if background:
                self._background(each)
            else:
                self.run(each)

    def _background(self, node: Node) -> None:
        """Only what sleeps first, and does something then."""
        body = node.parts[0] if node.kind in ('subshell', 'group') else None
        first = body.parts[0][0] if body is not None else None
        words = self.fields(first.parts[1]) if first is not None \
            and first.kind == 'simple' else []
        if words[:1] != ['sleep'] or body is None:
            raise ScriptError('a job in the background that does not sleep')
        if self.streams.get(1) is not None and not {
                one.number for one in node.redirections} >= {0, 1, 2}:
            raise ScriptError('a job in the background that keeps a '
                             'connection open')
        shell = self.child()
        shell.streams = {0: Source(), 1: shell_streams.Null(),
                         2: shell_streams.Null()}
        rest = Node('list', body.parts[1:])
        self.system.later(float(words[1]),
                          lambda: shell.ended(lambda: shell.run(rest)))
        self.status = 0

    def _look(self, node: Node) -> None:
        """Run a node whose failure is looked at."""
        self._looked_at += 1
        try:
            self.run(node)
        finally:
            self._looked_at -= 1

    def _and_or(self, node: Node) -> None:
        parts = node.parts
        last = len(parts) - 1
        wanted = True
        for at in range(0, len(parts), 2):
            if at:
                wanted = (self.status == 0) == (parts[at - 1] == '&&')
            if not wanted:
                continue
            if at == last:
                self.run(parts[at])
            else:
                self._look(parts[at])

    def _pipe(self, node: Node) -> None:
        negated, parts = node.parts
        self._looked_at += bool(negated)
        try:
            self._joined(parts)
        finally:
            self._looked_at -= bool(negated)
        if negated:
            self.status = int(self.status == 0)

    def _joined(self, parts: Sequence[Node]) -> None:
        if len(parts) == 1:
            self.run(parts[0])
            return
        source = self.streams.get(0)
        for each in parts:
            shell, sink = self.child(), Sink()
            shell.streams[0] = source
            if each is not parts[-1]:
                shell.streams[1] = sink
            self.status = shell.ended(functools.partial(shell.run, each))
            source = Source(sink.text)

    def _subshell(self, node: Node) -> None:
        shell = self.child()
        self.status = shell.ended(lambda: shell.run(node.parts[0]))

    def _group(self, node: Node) -> None:
        self.run(node.parts[0])

    def _if(self, node: Node) -> None:
        clauses, otherwise = node.parts
        for condition, body in clauses:
            self._look(condition)
            if not self.status:
                self.run(body)
                return
        self.status = 0
        if otherwise is not None:
            self.run(otherwise)

    def _while(self, node: Node, *, until: bool = False) -> None:
        condition, body = node.parts
        status = 0
        while True:
            self._look(condition)
            if (self.status == 0) == until:
                break
            try:
                self.run(body)
            except shell_builtins.Loop as exc:
                self.status = 0
                if exc.kind == 'break':
                    status = 0
                    break
            status = self.status
        self.status = status

    def _until(self, node: Node) -> None:
        self._while(node, until=True)

    def _for(self, node: Node) -> None:
        name, words, body = node.parts
        values = self.arguments if words is None else self.fields(words)
        self.status = 0
        for value in list(values):
            self.variables[name] = value
            try:
                self.run(body)
            except shell_builtins.Loop as exc:
                self.status = 0
                if exc.kind == 'break':
                    break

    def _case(self, node: Node) -> None:
        word, clauses = node.parts
        value = self.text(word)
        for patterns, body in clauses:
            if any(fnmatch.fnmatchcase(value, self._pattern(each))
                   for each in patterns):
                # It still sees how the command before has ended.
                if body.parts:
                    self.run(body)
                    return
                break
        self.status = 0

    def _function(self, node: Node) -> None:
        name, body = node.parts
        self.functions[name] = body
        self.status = 0

    def _simple(self, node: Node) -> None:
        assignments, words = node.parts
        self.substituted = 0
        fields = self.fields(words)
        values = {}
        for name, word in assignments:
            values[name] = self.text(word)
            if not fields:
                self.variables[name] = values[name]
        if not fields:
            self.status = self.substituted
            return
        name = fields[0]
        builtin = shell_builtins.COMMANDS.get(name)
        if name in self.functions or builtin is not None:
            before = dict(self.variables) if values else {}
            self.variables.update(values)
            try:
                if name in self.functions:
                    self._call(self.functions[name], fields[1:])
                else:
                    assert builtin is not None
                    self._builtin(builtin, fields)
            finally:
                for changed in values:
                    if changed in before:
                        self.variables[changed] = before[changed]
                    else:
                        self.variables.pop(changed, None)
            return
        source = self.streams.get(0)
        result = self.system.execute(
            fields, source.rest if source else str, root=self.root)
        self._answered(name, result)

    def _answered(self, name: str, result: command.Result) -> None:
        self.status = result.status
        try:
            for number, text in (1, result.stdout), (2, result.stderr):
                if text and number in self.streams:
                    self.streams[number].write(text)
        except OSError as exc:
            self._unwritten(name, exc)

    def _builtin(self, builtin: Builtin, fields: Sequence[str]) -> None:
        try:
            self.status = builtin(self, fields[1:])
        except OSError as exc:
            self._unwritten(fields[0], exc)

    def _unwritten(self, name: str, exc: OSError) -> None:
        self.status = 1
        self.streams[2].write(f'{name}: write error: {exc.strerror}\n')

    def _call(self, body: Node, arguments: Sequence[str]) -> None:
        before, self.arguments = self.arguments, list(arguments)
        try:
            self.run(body)
        except shell_builtins.Return as exc:
            self.status = exc.status
        finally:
            self.arguments = before

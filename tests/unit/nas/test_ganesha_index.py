# SPDX-License-Identifier: Apache-2.0

"""The index of Ganesha's exports, which all shares have in common.

With real files and the real commands: several shares are made and deleted at
the same time, as by several threads or hosts.
"""

from concurrent import futures
import re
import subprocess

from manila_drivers.nas import ganesha
from manila_drivers.nas import ganesha_facts
from tests.unit.nas import world

MANY = 24


def facts(layout, present):
    return ganesha.Facts(
        live={}, shown={}, asked=False,
        files=dict.fromkeys(present, ()), pending=frozenset(),
        index=frozenset(layout.file(name) for name in present),
        methods=frozenset())


def carried_out(commands):
    for cmd in commands:
        if cmd.words()[0] != 'dbus-send':
            subprocess.run(cmd.words(), input=cmd.input() or '', text=True,
                           check=True, capture_output=True)


def test_shares_come_and_go_at_once(tmp_path):
    layout = ganesha.Layout(str(tmp_path))
    old = [f'old-{number}' for number in range(MANY)]
    new = [f'new-{number}' for number in range(MANY)]
    index = tmp_path / ganesha_facts.INDEX
    index.write_text(''.join(f'%include {layout.file(name)}\n'
                             for name in old))
    for name in old:
        (tmp_path / f'{name}.conf').touch()
    before = facts(layout, old)
    plans = [plan for one, other in zip(old, new, strict=True) for plan in (
        ganesha.plan(before, world.export({}, path=f'/{one}', name=one),
                     1, layout),
        ganesha.plan(before, world.export(
            {'10.0.0.1': 'rw'}, path=f'/{other}', name=other), 1, layout))]
    with futures.ThreadPoolExecutor(12) as pool:
        list(pool.map(carried_out, plans))
    named = re.findall(r'^%include (.*)$', index.read_text(), re.MULTILINE)
    assert sorted(named) == sorted(map(layout.file, new))
    assert {path.name for path in tmp_path.iterdir()} == {
        ganesha_facts.INDEX, *(f'{name}.conf' for name in new)}

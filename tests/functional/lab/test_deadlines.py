# SPDX-License-Identifier: Apache-2.0

"""Nothing in the lab is waited for without a limit."""

import contextlib
import fcntl
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import pytest

from tests.functional.gluster.waiting import eventually
from tests.functional.lab import box
from tests.functional.lab import image
from tests.functional.lab import kept
from tests.functional.lab import need
from tests.functional.lab import recipe
from tools.service_image import debian

ROOT = pathlib.Path(__file__).parents[3]


@pytest.fixture
def process():
    started = []

    def start(script):
        started.append(subprocess.Popen(
            ['sh', '-c', script], text=True, start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE))
        return started[-1]

    yield start
    for each in started:
        box.end(each)


class TestAnswers:
    def test_a_line_is_returned(self, process):
        assert box.said(process('echo one; read x'), 30) == 'one\n'

    def test_a_line_may_come_in_pieces(self, process):
        slow = process('printf on; sleep 0.2; echo e; read x')
        assert box.said(slow, 30) == 'one\n'

    def test_an_end_is_no_line(self, process):
        assert box.said(process('exit'), 30) == ''

    def test_silence_has_an_end(self, process):
        with pytest.raises(box.Silent, match=r'within 0\.2 s'):
            box.said(process('printf half; sleep 600'), 0.2)


def test_all_boxes_are_closed_although_one_does_not_end(monkeypatch):
    need.programs(*need.BOXES)
    outer = box.Box('outer')
    inner, other = (box.Box(name, outer) for name in ('inner', 'other'))
    inner._init.send_signal(signal.SIGSTOP)
    os.kill(inner.pid, signal.SIGSTOP)
    monkeypatch.setattr(box, 'SECONDS', 1.0)
    monkeypatch.setattr(box, 'LEAVING', 1.0)
    started = time.monotonic()
    with contextlib.suppress(subprocess.TimeoutExpired):
        outer.close()
    assert time.monotonic() - started < 30
    for each in (outer, inner, other):
        assert each._init.poll() is not None, each.name


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv('MANILA_DRIVERS_LAB_CACHE', str(tmp_path / 'cache'))
    (tmp_path / 'cache').mkdir()
    monkeypatch.setattr(debian, 'source',
                        lambda: debian.Source('any', 'no'))
    return tmp_path / 'cache'


def unpacked(made):
    """A build that takes no time."""
    for name in ('disk', 'kernel', 'initrd', 'key', 'host_key.pub'):
        (made / name).write_text(name)


class TestImages:
    GUEST = recipe.Recipe('guest', ('one',))

    @pytest.fixture(autouse=True)
    def _quick(self, monkeypatch, cache):
        self.built = []

        def build(what, made):
            self.built.append(what)
            unpacked(made)

        monkeypatch.setattr(image, '_build', build)

    def test_one_is_made_and_kept(self):
        first, second = image.build(self.GUEST), image.build(self.GUEST)
        assert (first, len(self.built)) == (second, 1)
        assert first.host_key == 'host_key.pub'

    def test_another_recipe_is_another_image(self):
        image.build(self.GUEST)
        other = image.build(recipe.Recipe('guest', ('one', 'two')))
        assert other.disk != image.build(self.GUEST).disk
        assert len(self.built) == 2

    def test_the_ones_used_last_are_kept(self, cache):
        made = []
        for number in range(kept.OTHERS + 2):
            made.append(image.build(recipe.Recipe('guest', (str(number),))))
            os.utime(made[-1].disk.parent, (number, number))
        assert [each.disk.exists() for each in made] == [
            False, *[True] * (kept.OTHERS + 1)]

    def test_what_fails_leaves_nothing(self, cache, monkeypatch):
        def fail(what, made):
            (made / 'root').mkdir()
            raise RuntimeError('no packages')

        monkeypatch.setattr(image, '_build', fail)
        with pytest.raises(RuntimeError, match='no packages'):
            image.build(self.GUEST)
        assert [each.name for each in cache.iterdir()] == ['guest.lock']

    @pytest.mark.parametrize('removed', ['building', 'disk'])
    def test_what_was_half_removed_is_made_anew(self, cache, monkeypatch,
                                                removed):
        def half(path, **_):
            if path.exists():
                (path / removed).unlink()
                raise KeyboardInterrupt

        def fail(what, made):
            unpacked(made)
            raise RuntimeError('no packages')

        with monkeypatch.context() as killed:
            killed.setattr(image, '_build', fail)
            killed.setattr(shutil, 'rmtree', half)
            with pytest.raises(KeyboardInterrupt):
                image.build(self.GUEST)
        assert not image.ready(self.GUEST)
        assert image.build(self.GUEST).disk.exists()
        assert self.built == [self.GUEST]
        assert {each.name for each in cache.iterdir()} == {
            'guest.lock', image.build(self.GUEST).disk.parent.name}

    def test_who_builds_for_too_long_is_named(self, cache, monkeypatch):
        monkeypatch.setattr(kept, 'PATIENCE', 0.3)
        with (cache / 'guest.lock').open('w') as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            lock.write('4711')
            lock.flush()
            with pytest.raises(kept.Busy, match='process 4711'):
                image.build(self.GUEST)

    def test_what_a_killed_build_has_left_is_removed(self, cache):
        need.programs(*need.BOXES)
        script = (
            'import pathlib\n'
            'from tests.functional.lab import box, image, recipe\n'
            'from tools.service_image import debian\n'
            'def build(what, made_in):\n'
            '    with box.Box("image", namespaces=box.OWN_FILES) as made:\n'
            '        made.shell(\'mkdir "$1"; mount -t tmpfs it "$1";'
            ' echo 1 > "$1/file"\', str(made_in / "root"))\n'
            '        made.popen(["sleep", "4321"])\n'
            '        print(made.pid, flush=True)\n'
            '        made.run("sleep", "600", seconds=600)\n'
            'image._build = build\n'
            'debian.source = lambda: debian.Source("any", "no")\n'
            'image.build(recipe.Recipe("guest", ("one",)))\n')
        killed = subprocess.Popen(
            [sys.executable, '-c', script], text=True, cwd=ROOT,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        with killed:
            pid = int(box.said(killed, 60))
            assert list(cache.glob('guest-*/root'))
            assert not image.ready(recipe.Recipe('guest', ('one',)))
            killed.kill()
        assert eventually(lambda: not pathlib.Path(f'/proc/{pid}').exists())
        made = image.build(self.GUEST)
        assert {each.name for each in cache.iterdir()} == {
            'guest.lock', made.disk.parent.name}

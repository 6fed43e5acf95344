# SPDX-License-Identifier: Apache-2.0

"""Fetching wheels, with a stand-in for pip that is a real process."""

import pathlib
import sys
import zipfile

import pytest

from manila_drivers.testing.manila import environment
from manila_drivers.testing.manila import releases

OLD = releases.named('20.0')

# Answers `-m pip download ... --dest DIR manila==VERSION`.
PIP = """#!%s
import pathlib, sys
calls = pathlib.Path(__file__).with_name('calls')
calls.open('a').write(' '.join(sys.argv[1:]) + chr(10))
if pathlib.Path(__file__).with_name('offline').exists():
    sys.exit('there is no network')
where = pathlib.Path(sys.argv[sys.argv.index('--dest') + 1])
made = pathlib.Path(__file__).with_name('made.whl')
(where / 'manila-1-py3-none-any.whl').write_bytes(made.read_bytes())
"""


@pytest.fixture
def place(tmp_path: pathlib.Path) -> environment.Environment:
    python = tmp_path / 'python'
    python.write_text(PIP % sys.executable)
    python.chmod(0o755)
    with zipfile.ZipFile(tmp_path / 'made.whl', 'w') as wheel:
        wheel.writestr('manila/__init__.py', '')
    return environment.Environment(python, tmp_path / 'cache', '23.0.1')


def _calls(place: environment.Environment) -> list[str]:
    file = place.python.with_name('calls')
    return file.read_text().splitlines() if file.exists() else []


def test_the_installed_release_needs_nothing(
        place: environment.Environment) -> None:
    assert place.path(releases.NEWEST) == []
    assert _calls(place) == []


def test_a_wheel_is_fetched_once(place: environment.Environment) -> None:
    (path,) = place.path(OLD)
    assert (pathlib.Path(path) / 'manila' / '__init__.py').exists()
    assert place.path(OLD) == [path]
    (call,) = _calls(place)
    assert '--no-deps' in call
    assert call.endswith('manila==20.0.3')


def test_a_failed_fetch_leaves_nothing(
        place: environment.Environment) -> None:
    offline = place.python.with_name('offline')
    offline.touch()
    with pytest.raises(environment.EnvironmentFailure,
                       match=r'manila==20.0.3 failed.*no network'):
        place.path(OLD)
    assert list(place.cache.iterdir()) == []
    offline.unlink()
    assert place.path(OLD)


def test_the_cache_can_be_put_elsewhere(
        monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    monkeypatch.delenv(environment.CACHE_VARIABLE, raising=False)
    assert environment.cache_directory() == tmp_path / 'manila_drivers'
    monkeypatch.setenv(environment.CACHE_VARIABLE, str(tmp_path / 'own'))
    assert environment.cache_directory() == tmp_path / 'own'

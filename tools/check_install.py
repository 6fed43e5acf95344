#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0


"""Installs the wheel into the environment of each supported Manila release.

For every release: a fresh virtual environment with that Manila from the
package index, then this package's wheel.  Nothing that was there may be
moved, ``pip check`` may say nothing it did not say before, the driver class
must load on Manila's base class, the options must be listed without Manila,
and the rootwrap filters must lie beside Manila's own.  The same holds with the
extras for shares without Manila, whose command must run.

Then, in an environment without Manila, the installed command leads a share of
each driver through its life on a simulator (``tools/live_installed.py``).

    python -m tools.check_install [--wheel FILE_OR_DIRECTORY] [release ...]

``alone`` is the release that stands for the environment without Manila.

Without a wheel one is built.  The wheel is always installed by pip; where
`.ci/run` has found uv, that installs the Manila that was there before.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import venv

from tools.ci import quicker

ROOT = pathlib.Path(__file__).resolve().parent.parent

# The last release of each series: 2025.1, 2025.2, 2026.1, 2026.2.
RELEASES = ('20.0.3', '21.0.3', '22.0.2', '23.0.1')

FILTERS = 'etc/manila/rootwrap.d/manila_drivers.filters'
DASHBOARD = 'share/manila-drivers/manila_drivers.json'

# The environment without Manila.
ALONE = 'alone'

# All that is meant for people; ``rig`` is for the tests of this repository,
# and takes one Manila alone.
EXTRAS = 'cli,conformance,demo,metrics,openstack,registry'
#: Where the demonstration is shown as well: it takes a minute.
SHOWN = RELEASES[-1]
WALKED = re.compile(r'\d+ steps, \d+ requests to the cluster')

LOADS = """
import sys
import manila_drivers.opts
assert manila_drivers.opts.list_opts()
loaded = [m for m in sys.modules if m.partition('.')[0] == 'manila']
assert not loaded, 'list_opts() loads %s' % loaded
from oslo_utils import importutils
path = 'manila_drivers.vastdata.driver.VASTShareDriver'
cls = importutils.import_class(path)
import manila.share.driver
assert issubclass(cls, manila.share.driver.ShareDriver)
"""


METRICS = """
from manila_drivers.metrics import collector, facts, recorder, service
made = service.MetricsService(lambda: 'one', {}.get, facts.BackendFacts)
made._prepare()
assert made.recorder is not None
"""


class Failed(Exception):
    """A command failed, or an installation is not as it should be."""


def run(*command: str | pathlib.Path, ok: tuple[int, ...] = (0,),
        **variables: str) -> str:
    """Run a command; return its output, standard error after it."""
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True,
        env=os.environ | variables, check=False)
    output = done.stdout + done.stderr
    if done.returncode not in ok:
        raise Failed('{} answers {}:\n{}'.format(
            ' '.join(map(str, command)), done.returncode, output[-3000:]))
    return output


def pip(python: pathlib.Path, *words: str | pathlib.Path,
        ok: tuple[int, ...] = (0,)) -> str:
    return run(sys.executable, '-m', 'pip', '--python', python,
               '--disable-pip-version-check', *words, ok=ok)


def install(python: pathlib.Path, *what: str | pathlib.Path) -> None:
    """Install packages, of which only a few modules are going to run."""
    pip(python, 'install', '--no-compile', *what)


def install_manila(python: pathlib.Path, release: str) -> None:
    """Install what was there before this package."""
    uv = quicker.program()
    if uv is None:
        install(python, f'manila=={release}')
    else:
        run(uv, 'pip', 'install', '--python', python, f'manila=={release}',
            **quicker.variables(run(
                sys.executable, '-m', 'pip', 'config', 'list')))


def frozen(python: pathlib.Path) -> set[str]:
    return set(pip(python, 'list', '--format=freeze').split())


def complaints(python: pathlib.Path) -> set[str]:
    """Return what pip check says; 1 is its exit code when it complains."""
    return set(pip(python, 'check', ok=(0, 1)).splitlines())


def build(directory: pathlib.Path) -> pathlib.Path:
    run(sys.executable, '-m', 'pip', '--disable-pip-version-check', 'wheel',
        '--no-deps', '--wheel-dir', directory, ROOT)
    [wheel] = directory.glob('manila_drivers-*.whl')
    return wheel


def found(place: pathlib.Path) -> pathlib.Path:
    """Return the wheel that is meant, the only one where it is a directory."""
    if place.is_file():
        return place
    [wheel] = place.glob('manila_drivers-*.whl')
    return wheel


def check(release: str, wheel: pathlib.Path, home: pathlib.Path) -> str:
    """Install and look; return a line that says what was seen."""
    begin = time.monotonic()
    venv.create(home, with_pip=False)
    python = home / 'bin' / 'python'
    install_manila(python, release)
    before, said = frozen(python), complaints(python)
    install(python, wheel)
    after, says = frozen(python), complaints(python)
    moved = before - after
    if moved:
        raise Failed(f'manila {release}: the wheel moves {sorted(moved)}')
    if says - said:
        raise Failed(f'manila {release}: pip check says {sorted(says - said)}')
    for name in (FILTERS, DASHBOARD):
        if not (home / name).is_file():
            raise Failed(f'manila {release}: {name} is missing')
    run(python, '-W', 'ignore', '-c', LOADS)
    run(home / 'bin' / 'manila-drivers', '--help')
    run(home / 'bin' / 'oslo-config-generator', '--namespace',
        'manila_drivers', '--output-file', home / 'sample.conf')
    if 'vast_mgmt_host' not in (home / 'sample.conf').read_text():
        raise Failed(f'manila {release}: the sample has no VAST options')
    _check_extras(release, wheel, home, after)
    added = sorted(line for line in after - before)
    return 'manila {}: {} packages unmoved, added {}, {:.0f} s'.format(
        release, len(before), ', '.join(added), time.monotonic() - begin)


def live(wheel: pathlib.Path, home: pathlib.Path) -> str:
    """Have the command lead shares through their lives without Manila."""
    begin = time.monotonic()
    venv.create(home, with_pip=False)
    python = home / 'bin' / 'python'
    install(python, f'{wheel}[cli]')
    says = complaints(python) - {'No broken requirements found.'}
    if says:
        raise Failed(f'{ALONE}: pip check says {sorted(says)}')
    seen = run(python, ROOT / 'tools' / 'live_installed.py').splitlines()
    return '{}: {}, {:.0f} s'.format(
        ALONE, '; '.join(seen), time.monotonic() - begin)


def _check_extras(release: str, wheel: pathlib.Path, home: pathlib.Path,
                  before: set[str]) -> None:
    """Add what works on shares without Manila, beside Manila."""
    python = home / 'bin' / 'python'
    said = complaints(python)
    install(python, '%s[%s]' % (wheel, EXTRAS))
    moved = before - frozen(python)
    says = complaints(python) - said
    if moved or says:
        raise Failed(f'manila {release}: with [{EXTRAS}] the wheel moves '
                     f'{sorted(moved)}, and pip check says {sorted(says)}')
    run(python, '-W', 'ignore', '-c', METRICS)
    conf = home / 'shares.conf'
    conf.write_text('[DEFAULT]\nstate_path = %s\n[vast]\n'
                    'share_driver = manila_drivers.vastdata.driver.'
                    'VASTShareDriver\n' % (home / 'state'))
    shown = run(home / 'bin' / 'manila-drivers', '--config-file', conf,
                'share', 'list', '-f', 'json')
    if shown.strip() != '[]':
        raise Failed(f'manila {release}: shares are listed as {shown}')
    if release == SHOWN and not WALKED.search(
            run(home / 'bin' / 'manila-drivers', 'demo')):
        raise Failed(f'manila {release}: the demonstration shows nothing')


def main(releases: tuple[str, ...], given: pathlib.Path | None) -> int:
    failures = 0
    with tempfile.TemporaryDirectory() as scratch:
        directory = pathlib.Path(scratch)
        wheel = found(given) if given else build(directory)
        print('installing', wheel.name, flush=True)
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            results = {
                (pool.submit(live, wheel, directory / release)
                 if release == ALONE else pool.submit(
                     check, release, wheel, directory / release)):
                release for release in releases}
            for result in concurrent.futures.as_completed(results):
                try:
                    print(result.result(), flush=True)
                except Failed as failure:
                    failures += 1
                    print(failure, flush=True)
    print(f'{len(releases) - failures} passed, {failures} failed')
    return 1 if failures else 0


if __name__ == '__main__':
    parser = argparse.ArgumentParser()
    parser.add_argument('--wheel', type=pathlib.Path)
    parser.add_argument('releases', nargs='*')
    wanted = parser.parse_args()
    sys.exit(main(tuple(wanted.releases) or (*RELEASES, ALONE), wanted.wheel))

# SPDX-License-Identifier: Apache-2.0

"""Installs what the stages need, so that none of them has to.

    python3 -m tools.ci.prepare [--tox NAME] [--manila RELEASE] [--cloud]

Packages of Debian are installed beside all others: one wheel of this commit,
then all virtual environments, two at a time.  What is there already is left as
it is.
"""

import argparse
from collections.abc import Callable
from collections.abc import Iterable
from concurrent import futures
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

from tools.ci import quicker
from tools.ci import stages
from tools.ci import turns

ROOT = pathlib.Path(__file__).resolve().parents[2]
LOGS = ROOT / '.tox' / 'ci'
DIST = LOGS / 'dist'
TOX = quicker.HOME / 'python'

# Profiles of bindep.txt; a line without any is needed by everybody.
PROFILES = ('functional', 'lab')

# Seconds: for a lock that another apt holds, and for all attempts of one
# command of apt together.
LOCK, PATIENCE = 300, 420

FETCH = """
import pathlib, sys
from manila_drivers.testing.manila import environment, releases
# "installed" is empty, as compat looks at unpacked releases alone.
place = environment.Environment(
    pathlib.Path(sys.executable), environment.cache_directory(), installed='')
for name in sys.argv[1:]:
    place.path(releases.named(name))
"""


class Failed(Exception):
    """Something could not be installed; the text says what and why."""


def packages(bindep: str, profiles: Iterable[str] = PROFILES) -> list[str]:
    """Return the packages that Debian has to have for these profiles."""
    found = []
    for line in bindep.splitlines():
        name, _, rest = line.partition('#')[0].strip().partition(' ')
        selectors = rest.strip(' []').split()
        wanted = [one for one in selectors if ':' not in one]
        if name and (not wanted or set(wanted) & set(profiles)):
            found.append(name)
    return found


def installed(package: str) -> bool:
    done = subprocess.run(
        ['dpkg-query', '--show', '--showformat', '${db:Status-Status}',
         package], capture_output=True, text=True, check=False)
    return done.returncode == 0 and done.stdout == 'installed'


def persistent(attempt: Callable[[], None], seconds: float = PATIENCE,
               pause: float = 5.0) -> None:
    """Try until it works or the time is over.

    :raises Failed: the last attempt's.
    """
    end = time.monotonic() + seconds
    while True:
        try:
            attempt()
            return
        except Failed as failure:
            if time.monotonic() + pause > end:
                raise
            print(f'again in {pause:g} s: {str(failure)[-500:]}', flush=True)
            time.sleep(pause)
            pause = min(2 * pause, 60.0)


def run(*command: str | pathlib.Path, **variables: str) -> str:
    """Run a command and return its output.

    :raises Failed: it fails; with the end of what it said.
    """
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words, cwd=ROOT, env={**os.environ, **variables}, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, errors='replace', check=False)
    except OSError as error:
        raise Failed(f'{words[0]}: {error}') from error
    if done.returncode:
        raise Failed(f'"{" ".join(words)}" answers {done.returncode}:\n'
                     f'{done.stdout[-4000:]}')
    return done.stdout


def apt(*words: str) -> None:
    run('apt-get', '-q', '-y', '-o', f'DPkg::Lock::Timeout={LOCK}',
        '-o', 'Acquire::Retries=3', *words)


def debian() -> list[str]:
    """Install the packages of bindep.txt that are missing; say how long.

    :raises Failed: they cannot be installed, or only root may do that.
    """
    if shutil.which('dpkg-query') is None:
        print('no Debian: packages are left as they are')
        return []
    missing = [package for package in packages(
        (ROOT / 'bindep.txt').read_text()) if not installed(package)]
    if not missing:
        return []
    if os.geteuid():
        raise Failed(f'missing packages: {" ".join(missing)}')
    begin = time.monotonic()
    # A run that was killed while it installed leaves some half configured.
    run('dpkg', '--configure', '-a')
    persistent(lambda: apt('update'))
    persistent(lambda: apt('install', '--no-install-recommends', *missing))
    print('installed:', ' '.join(missing), flush=True)
    return [f'{len(missing)} packages ({time.monotonic() - begin:.0f} s)']


def wheel() -> pathlib.Path:
    """Build the wheel of this commit from an archive of it.

    An archive has no history, from which pbr would know the version; and
    building in the checkout would leave files there while others read it.
    """
    shutil.rmtree(DIST, ignore_errors=True)
    with tempfile.TemporaryDirectory() as scratch:
        tree = pathlib.Path(scratch) / 'tree'
        tree.mkdir()
        archive = pathlib.Path(scratch) / 'tree.tar'
        turns.git(ROOT, 'archive', '--output', str(archive), 'HEAD')
        run('tar', '-xf', archive, '-C', tree)
        run(TOX, '-m', 'pip', 'wheel', '--no-deps', '--wheel-dir', DIST, tree,
            PBR_VERSION=version())
    [made] = DIST.glob('*.whl')
    return made


def version() -> str:
    """Return what pbr would say in a clone."""
    try:
        return f'0.0.1.dev{turns.count(ROOT)}'
    except ValueError:
        return '0.0.1.dev1'


def pip(*words: str) -> str:
    """Run the pip that has tox beside it."""
    return run(TOX, '-m', 'pip', '--disable-pip-version-check', *words)


def sources() -> dict[str, str]:
    """Have tox use uv; return what uv has to be told, nothing without it."""
    if not quicker.wanted():
        return {}
    try:
        pip('install', '--quiet', quicker.PLUGIN)
        return quicker.variables(pip('config', 'list'))
    except Failed as failure:
        print(f'pip installs, as uv is not to be had: {failure}', flush=True)
        without_uv()
        return {}


def without_uv() -> None:
    """Have tox use pip, for environments that uv has made as well."""
    pip('uninstall', '--quiet', '--yes', 'tox-uv', 'tox-uv-bare', 'uv')


def tox(made: pathlib.Path, told: dict[str, str], *names: str) -> None:
    """Make environments of tox, with the wheel in each."""
    run(sys.executable, 'tools/run.py', 'test', '--notest', '--installpkg',
        made, '-e', ','.join(names), **stages.UNCOMPILED, **told)


def manila(made: pathlib.Path, told: dict[str, str],
           releases: list[str]) -> None:
    """Make the environment with Manila, and unpack the other releases."""
    tox(made, told, 'manila')
    run(ROOT / '.tox' / 'manila' / 'bin' / 'python', '-c', FETCH, *releases,
        MANILA_DRIVERS_WHEELS=str(ROOT / '.tox' / 'manila-wheels'))


def cloud() -> None:
    """Install what the real cloud is made of, and make its first state.

    That is kept outside of the checkout, for all that come later.
    """
    run(ROOT / '.tox' / 'openstack' / 'bin' / 'python', '-m',
        'tests.functional.openstack', 'prepare')


def timed(name: str, work: Callable[[], object]) -> str:
    begin = time.monotonic()
    work()
    return f'{name} ({time.monotonic() - begin:.0f} s)'


def environments(wanted: argparse.Namespace) -> list[str]:
    """Make all environments; return their names, with how long they took.

    :raises Failed: one of them could not be made.
    """
    run(sys.executable, 'tools/run.py', 'test', '--version')
    made = wheel()
    print('built', made.name, flush=True)
    told = sources()
    try:
        return installed_in(wanted, made, told)
    except Failed as failure:
        if not told:
            raise
        print(f'pip installs, as uv does not: {failure}', flush=True)
        without_uv()
        return installed_in(wanted, made, {})


def installed_in(wanted: argparse.Namespace, made: pathlib.Path,
                 told: dict[str, str]) -> list[str]:
    """Make the environments with the wheel, two at a time.

    told: what uv is told; nothing where pip installs.
    """
    others = [name for name in wanted.tox if name != 'manila']
    tasks: list[tuple[str, Callable[[], object]]] = []
    if 'manila' in wanted.tox:
        tasks.append(('manila', lambda: manila(made, told, wanted.manila)))
    for number in range(2):
        names = others[number::2]
        if names:
            tasks.append((' '.join(names),
                          lambda names=names: tox(made, told, *names)))
    with futures.ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda task: timed(*task), tasks))


def together(*works: Callable[[], Iterable[str]]) -> tuple[list[str], int]:
    """Do all of it side by side; return what was told, and what failed."""
    told: list[str] = []
    failed = 0
    with futures.ThreadPoolExecutor(len(works)) as pool:
        for done in [pool.submit(work) for work in works]:
            try:
                told += done.result()
            except (Failed, ValueError) as failure:
                failed += 1
                print(failure, flush=True)
    return told, failed


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog='prepare')
    for option in ('--tox', '--manila'):
        parser.add_argument(option, action='append', default=[])
    parser.add_argument('--cloud', action='store_true')
    wanted = parser.parse_args(arguments)
    print(sys.version, flush=True)
    if turns.git(ROOT, 'status', '--porcelain', '--untracked-files=no'):
        print('changes that are not committed are tested, but are not in the '
              'wheel', flush=True)
    done, failed = together(debian, lambda: environments(wanted))
    if wanted.cloud and not failed:
        clouds, failed = together(lambda: [timed('cloud', cloud)])
        done += clouds
    if failed:
        return 1
    print('prepared:', ', '.join(done) or 'nothing to do', flush=True)
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0

"""The two commands of a newcomer, from nothing but Python.

    python3 tools/run.py demo [arguments of the demo, such as --keep]
    python3 tools/run.py test [arguments of tox, such as -e pep8]

Each command has a virtual environment of its own below .venv, made the first
time and again whenever the files that say what goes into it have changed.
Nothing outside the checkout is touched.

Only the standard library is used, and only syntax that older Pythons can
read, so that they can say what is wrong with them.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time

OLDEST = (3, 11)
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
HOME = os.path.join(ROOT, '.venv')

# What decides which packages an environment holds.
INGREDIENTS = ('setup.cfg', 'setup.py', 'pyproject.toml', 'requirements.txt')

# name -> (what pip installs, the command that is run with bin/python)
COMMANDS = {
    'demo': (['-e', '.[rig]'], ['-m', 'manila_drivers.testing.manila.demo']),
    'test': (['tox>=4.6'], ['-m', 'tox', 'run']),
}


class Stop(Exception):
    """The text tells the user what to do."""


def check_python(version):
    if tuple(version[:2]) < OLDEST:
        raise Stop(
            'This needs Python %d.%d or newer, and %s is Python %d.%d. '
            'Debian 12 and Ubuntu 24.04 have one: run "python3 %s".'
            % (OLDEST + (sys.executable,) + tuple(version[:2])
               + (os.path.relpath(__file__),)))


def venv_package(version):
    """The Debian package that completes the venv module of this Python."""
    return 'python%d.%d-venv' % tuple(version[:2])


def can_make_venvs():
    try:
        import ensurepip  # noqa: F401 (Debian splits it off)
        import venv  # noqa: F401
    except ImportError:
        return False
    return True


def missing_venv(version, is_root, has_apt):
    """Return what helps a Python without venv: (commands to run, or advice).

    Exactly one of the two is empty.
    """
    package = venv_package(version)
    install = ['apt-get', 'install', '-y', package]
    if not has_apt:
        return [], ('This Python has no "venv" or no "ensurepip". Install '
                    'them with the package manager of your distribution.')
    if not is_root:
        return [], ('This Python cannot make virtual environments yet. Run\n'
                    '\n    sudo %s\n\nand start again.' % ' '.join(install))
    return [['apt-get', 'update'], install], ''


def need_venvs():
    if can_make_venvs():
        return
    commands, advice = missing_venv(
        sys.version_info, os.geteuid() == 0, bool(shutil.which('apt-get')))
    if advice:
        raise Stop(advice)
    for command in commands:
        say('running "%s"' % ' '.join(command))
        logged(command, os.path.join(HOME, 'apt.log'),
               env=dict(os.environ, DEBIAN_FRONTEND='noninteractive'))


def say(text):
    print('run.py: ' + text, flush=True)


def clean_environment():
    """The user's environment without what would leak other packages in."""
    env = dict(os.environ)
    for name in ('PYTHONPATH', 'PYTHONHOME', 'VIRTUAL_ENV'):
        env.pop(name, None)
    # pbr reads the version from git: let it, also where root looks at another
    # user's clone, and give it one where the source came without git.
    env.update(GIT_CONFIG_COUNT='1', GIT_CONFIG_KEY_0='safe.directory',
               GIT_CONFIG_VALUE_0=ROOT)
    # Where the rig keeps the Manila releases that it is asked for.
    env.setdefault('MANILA_DRIVERS_WHEELS',
                   os.path.join(ROOT, '.tox', 'manila-wheels'))
    if not os.path.exists(os.path.join(ROOT, '.git')):
        env.setdefault('PBR_VERSION', '0.0.1')
    return env


def logged(command, log, env):
    """Run a command with its output in a file, shown only when it fails."""
    os.makedirs(os.path.dirname(log), exist_ok=True)
    with open(log, 'ab+') as output:
        begin = output.seek(0, os.SEEK_END)
        process = subprocess.Popen(
            command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL,
            stdout=output, stderr=subprocess.STDOUT)
        wait_aloud(process)
        if process.returncode == 0:
            return
        output.seek(begin)
        tail = output.read().decode('utf-8', 'replace').splitlines()[-30:]
    raise Stop('"%s" failed with exit code %d. The end of %s:\n\n%s'
               % (' '.join(command), process.returncode,
                  os.path.relpath(log, ROOT), '\n'.join(tail)))


def wait_aloud(process, every=10):
    """Wait for a process, with a sign of life every ten seconds."""
    begin = time.monotonic()
    while True:
        try:
            process.wait(timeout=every)
            return
        except subprocess.TimeoutExpired:
            say('    ... %d s' % (time.monotonic() - begin))
        except BaseException:
            process.kill()
            process.wait()
            raise


def recipe(packages):
    """A text that changes when the environment has to be made again."""
    digest = hashlib.sha256()
    digest.update(repr((sys.version_info[:3], ROOT, packages)).encode())
    for name in INGREDIENTS:
        with open(os.path.join(ROOT, name), 'rb') as ingredient:
            digest.update(ingredient.read())
    return digest.hexdigest()


def make_room():
    """Let .venv be a directory.

    Newer versions of tox leave a file of that name, which says where an
    environment of theirs is; nothing is lost with it.
    """
    if os.path.isfile(HOME):
        if not (read(HOME) or '').startswith('.tox'):
            raise Stop('%s is a file, and has to be a directory. Move it '
                       'away.' % HOME)
        os.unlink(HOME)


def environment(name):
    """Make the named environment unless it is there; return its Python."""
    packages = COMMANDS[name][0]
    home = os.path.join(HOME, name)
    python = os.path.join(home, 'bin', 'python')
    stamp = os.path.join(home, 'made-from')
    wanted = recipe(packages)
    if os.path.exists(python) and read(stamp) == wanted:
        return python
    need_venvs()
    make_room()
    begin = time.monotonic()
    say('making %s (only this first time)' % os.path.relpath(home, ROOT))
    shutil.rmtree(home, ignore_errors=True)
    log = home + '.log'
    env = clean_environment()
    logged([sys.executable, '-m', 'venv', home], log, env)
    say('installing %s' % ' '.join(p for p in packages if p != '-e'))
    logged([python, '-m', 'pip', 'install', '--disable-pip-version-check']
           + packages, log, env)
    with open(stamp, 'w') as made:
        made.write(wanted)
    say('ready after %.0f s' % (time.monotonic() - begin))
    return python


def read(path):
    try:
        with open(path) as f:
            return f.read()
    except OSError:
        return None


def main(arguments):
    check_python(sys.version_info)
    if not arguments or arguments[0] not in COMMANDS:
        print(__doc__.strip())
        return 0 if arguments and arguments[0] in ('-h', '--help') else 2
    name = arguments[0]
    python = environment(name)
    sys.stdout.flush()
    os.chdir(ROOT)
    # The command takes this process's place: its exit code, its terminal and
    # the user's Ctrl-C are its own.
    os.execve(python, [python] + COMMANDS[name][1] + arguments[1:],
              clean_environment())
    return 1  # not reached


if __name__ == '__main__':
    try:
        sys.exit(main(sys.argv[1:]))
    except (Stop, OSError) as stop:
        sys.exit('run.py: %s' % stop)
    except KeyboardInterrupt:
        sys.exit(130)

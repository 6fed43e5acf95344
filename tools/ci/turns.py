# SPDX-License-Identifier: Apache-2.0

"""Reads from git what moves with the commit."""

import os
import pathlib
import subprocess

from tools.ci import stages


def git(root: pathlib.Path, *words: str) -> str:
    """Return what git says.

    :raises ValueError: it cannot say that.
    """
    try:
        done = subprocess.run(
            ['git', '-c', f'safe.directory={root}', *words], cwd=root,
            capture_output=True, text=True, check=False, timeout=60)
    except OSError as error:
        raise ValueError(f'git is needed: {error}') from error
    if done.returncode:
        raise ValueError(f'git {" ".join(words)}: {done.stderr.strip()}')
    return done.stdout.strip()


def count(root: pathlib.Path) -> int:
    """Return how many commits there are up to this one.

    :raises ValueError: git does not know all of them.
    """
    if git(root, 'rev-parse', '--is-shallow-repository') != 'false':
        raise ValueError('a shallow clone does not know how many')
    return int(git(root, 'rev-list', '--count', 'HEAD'))


def read(root: pathlib.Path) -> stages.Turn:
    """Return what this commit plays; ``MANILA_DRIVERS_SLICE`` goes first.

    Where the commits cannot be counted, the digits of the commit's name
    choose: another slice for most commits, but in no order.

    :raises ValueError: there is no commit, or no such slice.
    """
    chosen = stages.chosen_slice(os.environ.get('MANILA_DRIVERS_SLICE', ''))
    commit = git(root, 'rev-parse', 'HEAD')
    try:
        number = count(root)
        source = f'commit {number}, {commit[:12]}'
    except ValueError:
        number = int(commit[:8], 16)
        source = f'commit {commit[:12]} of a shallow clone'
    return stages.Turn(source, number, chosen)

# SPDX-License-Identifier: Apache-2.0

"""The recipe for an image, as far as it can be tried without building one.

What kolla-build would put into the image is laid out in a directory, and the
recipe's own command runs there, with paths below that directory.
"""

import os
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[3]
PAGE = (ROOT / 'doc/source/admin/installation.rst').read_text(
    encoding='utf-8')
FILTERS = 'etc/manila/rootwrap.d/manila_drivers.filters'
VENV = 'var/lib/kolla/venv'

PIP = """#!/bin/sh
for last; do :; done
test -f "$last" || { echo "no wheel: $last" >&2; exit 1; }
mkdir -p {venv}/etc/manila/rootwrap.d
cp {filters} {venv}/etc/manila/rootwrap.d/
"""


def command(image):
    """Return the command of the recipe, in an image at that directory."""
    block = re.search(r'ADD additions-archive /\n   RUN (.*?)\n   {% endblock',
                      PAGE, re.DOTALL).group(1)
    text = re.sub(r'\\\n\s*', ' ', block)
    if os.geteuid():
        text = text.replace('-o root -g root ', '')
    return re.sub(r'(?<=[ (])/', f'{image}/', ' ' + text)


def test_the_recipe_for_kolla_installs_wheel_and_filters(tmp_path):
    location = re.search(r'location = (\S+)', PAGE).group(1)
    # A directory goes below additions/ under its own name.
    added = tmp_path / 'additions' / pathlib.PurePosixPath(location).name
    added.mkdir(parents=True)
    (added / 'manila_drivers-1.0-py3-none-any.whl').touch()
    pip = tmp_path / VENV / 'bin' / 'pip'
    pip.parent.mkdir(parents=True)
    pip.write_text(PIP.replace('{venv}', str(tmp_path / VENV)).replace(
        '{filters}', str(ROOT / FILTERS)))
    pip.chmod(0o755)
    done = subprocess.run(['sh', '-c', command(tmp_path)], check=False,
                          capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, '')
    there = tmp_path / FILTERS
    assert there.read_text() == (ROOT / FILTERS).read_text()
    assert there.stat().st_mode & 0o777 == 0o644

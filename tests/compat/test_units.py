# SPDX-License-Identifier: Apache-2.0

"""The tests of the driver base once more, inside each release."""

import os
import subprocess
import sys

from tests.compat import conftest


def test_the_driver_base_works_inside(release):
    path = os.pathsep.join([str(conftest.unpacked(release)),
                            str(conftest.ROOT)])

    done = subprocess.run(
        [sys.executable, '-m', 'pytest', '-q', '-p', 'no:cacheprovider',
         '-W', 'ignore',
         'tests/unit/driver'], cwd=conftest.ROOT, capture_output=True,
        text=True, timeout=300,
        env={**os.environ, 'PYTHONPATH': path,
             'PYTHONDONTWRITEBYTECODE': '1'})

    assert done.returncode == 0, done.stdout[-3000:]
    assert ' passed' in done.stdout
    assert 'skipped' not in done.stdout

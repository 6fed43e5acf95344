#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#         http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.

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

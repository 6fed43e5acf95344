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

"""What holds for the tests of every directory."""

import hypothesis

# By default an example may take 200 ms of the clock on the wall and many may
# not be slow to make, which a busy machine makes any test fail.
hypothesis.settings.register_profile(
    'steady', deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile('steady')

# The last lines of a run say what the suites have shown, on several workers
# too. Whatever hangs ends, and what a killed run has left is ended.
pytest_plugins = [
    'manila_drivers.conformance.summary', 'tests.ending',
    'tests.plugins.order', 'tests.plugins.played', 'tests.plugins.recording',
    'tests.plugins.stacks']

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

"""Small changes to decisions that some test has to notice.

``python -m tools.mutation [MODULE ...]`` makes each change that mutmut's
operators make of the functions of a module, runs the tests that call the
function, the quickest first, and tells which changes none of them noticed.
Those are held against ``tests/mutation/survivors.txt``, where each has its
reason.
"""

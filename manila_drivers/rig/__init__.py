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

"""A real Manila in one process, to try a driver on.

API, scheduler and share service of a released Manila run together in one
process with a SQLite file and an in-process message bus: no root, no broker,
no Keystone, about three seconds from start to serving.  Any driver can be
tried, ours or another, by its dotted path:

* `releases`: which Manila releases, from which wheels;
* `environment`: an interpreter that has Manila, and the wheels' contents;
* `config`: values in, manila.conf out;
* `launcher` (with `sqlite` and `web`): what runs inside the process;
* `process`: start, wait, restart, kill, stop from outside; `python -m
  manila_drivers.rig` does so for the backend sections of a file;
* `client`: Manila's REST API with waits;
* `journal`, `life`, `outage`: the life of a share as steps, for any driver;
* `vast`: the VAST driver on its simulator; `demo`: all of it to look at.

Only `launcher`, which has a process of its own, imports Manila.
"""

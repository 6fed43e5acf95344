# SPDX-License-Identifier: Apache-2.0

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
  manila_drivers.testing.manila` does so for the backend sections of a file;
* `client`: Manila's REST API with waits;
* `journal`, `life`, `outage`: the life of a share as steps, for any driver;
* `vast`: the VAST driver on its simulator; `demo`: all of it to look at.

Only `launcher`, which has a process of its own, imports Manila.
"""

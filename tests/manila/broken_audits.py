# SPDX-License-Identifier: Apache-2.0

"""Audits that are wrong in one way each: ``broken_audits NAME WORDS...``."""

import sys

from manila_drivers.audit import comparing
from manila_drivers.cli import main
from manila_drivers.direct import manila_auditing

Audit = manila_auditing.ManilaAudit


def blind():
    """Do not look at who gets in."""
    comparing._ShareAudit.access = lambda self: iter(())


def idle():
    """Say that all has been repaired."""
    Audit.repair = lambda self, report, remove=(), *, widen: []


def curious():
    """Ask Manila for each share instance."""
    described = Audit._described

    def asking(self, view, unseen):
        for one in view.here:
            self._lists.instance(one.id)
        return described(self, view, unseen)
    Audit._described = asking


def nosy():
    """Ask the backend once more for each ten shares."""
    placed = Audit._placed

    def asking(self, view, unseen):
        for number in range(0, len(view.here), 10):
            self._driving.call(lambda driver, number=number:
                               driver.take_inventory([view.here[number].id]))
        return placed(self, view, unseen)
    Audit._placed = asking


if __name__ == '__main__':
    {'blind': blind, 'idle': idle, 'curious': curious,
     'nosy': nosy}[sys.argv[1]]()
    sys.exit(main.main(sys.argv[2:]))

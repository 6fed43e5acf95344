# SPDX-License-Identifier: Apache-2.0
"""Binds the policies of shares that exist to the VIP pool."""

import logging

from manila_drivers import exception
from manila_drivers.vastdata import binding as binding_module
from manila_drivers.vastdata import objects as objects_module
from manila_drivers.vastdata import records
from manila_drivers.vastdata import view_policies

LOG = logging.getLogger(__name__)


class Binder:
    """Binds policies to the VIP pool, and tells of those it could not bind.

    Shares that could not be bound are reached as before, through every pool:
    that is reported, and no reason to call them broken.
    """

    def __init__(self, objects: objects_module.Objects,
                 binding: binding_module.Binding) -> None:
        self._objects = objects
        self._binding = binding
        self._failed: list[str] = []
        self._why: exception.DriverError | None = None

    def holds(self, policy: records.Policy | None) -> bool:
        """Tell if nothing has to be done, or can be."""
        if policy is None or self._binding.holds(policy):
            return True
        if self._why is not None:
            self._failed.append(policy.name)
        return self._why is not None

    def bind(self, policy: records.Policy | None) -> None:
        """Bind one policy, unless that is refused.

        :raises DriverError: VMS cannot work now; it is to be tried again.
        """
        if policy is None:
            return
        try:
            LOG.warning('Share %s is repaired: bind policy', policy.name)
            self._objects.view_policies.bind(policy.name, policy,
                                             self._binding)
        except view_policies.NotBound as exc:
            self._why = exc
            self._failed.append(policy.name)

    def report(self) -> None:
        if self._why is not None:
            LOG.error('%d shares can be reached through every VIP pool, '
                      'beginning with %s: %s', len(self._failed),
                      ', '.join(self._failed[:5]), self._why)

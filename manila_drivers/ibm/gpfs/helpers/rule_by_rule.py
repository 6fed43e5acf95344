# SPDX-License-Identifier: Apache-2.0

"""Helpers' calls about single rules, as Manila's own helpers have them.

The driver has no need of them: it says what all rules are.  They are for
programs that have a helper in their hands.  A rule comes as a dictionary, or
as its type and whom it is for; then whoever it is for may write.

What is not mentioned stays as every server has it by now.
"""

import abc
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

from manila_drivers import compat
from manila_drivers import exception
from manila_drivers import model
from manila_drivers import networks
from manila_drivers.access import ip_grants
from manila_drivers.access import Network
from manila_drivers.access import Rule
from manila_drivers.access import rules_of
from manila_drivers.ibm.gpfs import paths
from manila_drivers.nas import exports


class RuleByRule(abc.ABC):
    """What :class:`~.helper.NASHelperBase` has beside its own calls."""

    configuration: Any

    survey: Callable[..., exports.Found]
    reconcile: Callable[..., Mapping[str, exports.Outcome]]
    options: Callable[..., tuple[str, ...]]
    refused: Callable[..., Mapping[Network, str]]

    def create_export(self, local_path: str) -> str:
        """Where clients find a directory; nobody can reach it by that."""
        address = str(self.configuration.gpfs_share_export_ip)
        return f'{paths.bracketed(address)}:{local_path}'

    def allow_access(self, local_path: str, share: Any, access_type: Any,
                     access: str | None = None) -> None:
        """Let somebody in; also if they are in already.

        :param access_type: ``ip`` with ``access``, or the rule.
        :raises DriverError: it is not so on every server.
        """
        network, level = self._only(_rule(access_type, access))

        def change(levels: dict[Network, str]) -> None:
            levels[network] = level

        self._changed(local_path, share, change)

    def deny_access(self, local_path: str, share: Any, access_type: Any,
                    access: str | None = None, force: bool = False) -> None:
        """Let somebody in no more; a rule that never was is passed over.

        :param force: accepted for the sake of old callers.
        :raises DriverError: some server may still let them in.
        """
        rule = _rule(access_type, access)
        denied = ip_grants([rule]).levels
        if not denied:
            return

        def change(levels: dict[Network, str]) -> None:
            for network in denied:
                levels.pop(network, None)

        self._changed(local_path, share, change)

    def remove_export(self, local_path: str, share: Any) -> None:
        """Let nobody in any more.

        :raises DriverError: some server may still let them in.
        """
        self._apply(local_path, share, {})

    def resync_access(self, local_path: str, share: Any,
                      access_rules: Any) -> None:
        """Make access what these rules say, whatever it was.

        :raises InvalidRule: one of them cannot be honoured, and no other
            was changed.
        :raises DriverError: it is not so on every server.
        """
        levels = {}
        for rule in rules_of(access_rules):
            network, level = self._only(rule)
            levels[network] = level
        self._apply(local_path, share, levels)

    @staticmethod
    def _only(rule: Rule) -> tuple[Network, str]:
        """:raises InvalidRule: it cannot be honoured."""
        grants = ip_grants([rule])
        for why in grants.errors.values():
            raise exception.InvalidRule(rule.access_id, why)
        return next(iter(grants.levels.items()))

    def _changed(self, path: str, share: Any,
                 change: Callable[[dict[Network, str]], None]) -> None:
        levels: dict[Network, str] | None = None
        errors = {}
        for server, found in self.survey([path]).items():
            if isinstance(found, exception.DriverError):
                errors[server] = found
                continue
            here = found.levels.get(path, {})
            levels = dict(here) if levels is None else networks.meet(
                levels, here)
        if levels is None:
            raise exports.report(errors, f'It is not known who may reach '
                                 f'{path}: no answer')
        change(levels)
        self._apply(path, share, levels)

    def _apply(self, path: str, share: Any,
               levels: Mapping[Network, str]) -> None:
        value = model.Share.of(share)
        export = exports.Export(
            path, value.name, value.id, levels,
            self.options(compat.extra_specs(share)) if levels else ())
        for network, why in self.refused(export).items():
            raise exception.InvalidRule(str(network), why)
        errors = exports.failed(self.reconcile([export]))
        if errors:
            raise exports.report(errors,
                                 f'Access to {path} could not be changed')


def _rule(access_type: Any, access: str | None) -> Rule:
    if access is None:
        return Rule.of(access_type)
    return Rule('', str(access_type).lower(), access.strip())

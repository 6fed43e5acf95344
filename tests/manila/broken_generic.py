# SPDX-License-Identifier: Apache-2.0

"""Generic drivers that are wrong in one way each, as in ``broken``."""

from manila_drivers.generic import driver


class Hoarder(driver.GenericShareDriver):
    """A deleted share keeps its volume."""

    def delete_share(self, context, share, **kwargs):
        super().update_access(context, share, [], **kwargs)


class Forgetful(driver.GenericShareDriver):
    """A set-up that fails does not say what it has made."""

    def _setup_server(self, *args, **kwargs):
        try:
            return super()._setup_server(*args, **kwargs)
        except Exception as exc:
            raise type(exc)(str(exc)) from None


class Untidy(driver.GenericShareDriver):
    """A tear-down that removes nothing."""

    def _teardown_server(self, *args, **kwargs):
        return None

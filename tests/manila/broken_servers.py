# SPDX-License-Identifier: Apache-2.0

"""Drivers that are wrong about share servers, in one way each."""

from manila_drivers import compat
from manila_drivers.testing import sample


class Forgetful(sample.SampleShareDriver):
    """A set-up that fails does not tell what it has made."""

    def _setup_server(self, network_info, metadata=None, **kwargs):
        try:
            return super()._setup_server(network_info, metadata)
        except Exception as exc:
            raise compat.errors.ShareBackendException(msg='no') from exc


class Untidy(sample.SampleShareDriver):
    """A server that never came to life is not torn down."""

    def _teardown_server(self, server_details, security_services=None,
                         **kwargs):
        if server_details.get('ip'):
            super()._teardown_server(server_details, security_services)


class Deaf(sample.SampleShareDriver):
    """A call does not know its share server."""

    def create_share(self, context, share, share_server=None, **kwargs):
        return super().create_share(context, share, share_server={'id': 'x'})


class Cramped(sample.SampleShareDriver):
    """Every share gets a server of its own."""

    def choose_share_server_compatible_with_share(self, *args, **kwargs):
        return None

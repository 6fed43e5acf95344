# SPDX-License-Identifier: Apache-2.0

"""Drivers that are wrong in one way each, for checks that must notice."""

import logging

from manila_drivers.vastdata.driver import VASTShareDriver

LOG = logging.getLogger(__name__)

OPEN = {'access_id': 'nobody asked for this', 'access_type': 'ip',
        'access_to': '203.0.113.0/24', 'access_level': 'rw'}


class BornOpen(VASTShareDriver):
    """A new share is open to a network before there is any rule."""

    def create_share(self, context, share, **kwargs):
        exports = super().create_share(context, share, **kwargs)
        super().update_access(context, share, [OPEN])
        return exports


class CloneOpen(VASTShareDriver):
    """A share made from a snapshot is."""

    def create_share_from_snapshot(self, context, share, snapshot, **kwargs):
        answer = super().create_share_from_snapshot(context, share, snapshot,
                                                    **kwargs)
        super().update_access(context, share, [OPEN])
        return answer


class Deaf(VASTShareDriver):
    """Rules are accepted and forgotten."""

    def update_access(self, context, share, access_rules, **kwargs):
        return None


class Generous(VASTShareDriver):
    """Everybody may write."""

    def update_access(self, context, share, access_rules, **kwargs):
        rules = [{**rule, 'access_level': 'rw'} for rule in access_rules]
        return super().update_access(context, share, rules)


class Stubborn(VASTShareDriver):
    """The level of a rule is never changed."""

    def update_access(self, context, share, access_rules, update_rules=None,
                      **kwargs):
        if update_rules:
            return None
        return super().update_access(context, share, access_rules)


class Clinging(VASTShareDriver):
    """Access that was given is never taken back."""

    def update_access(self, context, share, access_rules, delete_rules=None,
                      **kwargs):
        kept = [rule for rule in delete_rules or ()
                if rule['access_type'] == 'ip']
        return super().update_access(context, share, [*access_rules, *kept])


class Offended(VASTShareDriver):
    """One bad rule, and nobody gets anything."""

    def update_access(self, context, share, access_rules, **kwargs):
        errors = super().update_access(context, share, access_rules)
        if errors:
            super().update_access(context, share, [])
        return errors


class Careless(VASTShareDriver):
    """Shrinks below what is in use."""

    def shrink_share(self, share, new_size, **kwargs):
        self.extend_share(share, new_size)


class Stingy(VASTShareDriver):
    """Says that it has extended a share."""

    def extend_share(self, share, new_size, **kwargs):
        return None


class Leaky(VASTShareDriver):
    """A deleted share stays on the cluster, closed."""

    def delete_share(self, context, share, **kwargs):
        super().update_access(context, share, [])


class Destroyer(VASTShareDriver):
    """A snapshot that Manila shall forget is deleted."""

    def unmanage_snapshot(self, snapshot, **kwargs):
        super().delete_snapshot(None, snapshot)


class Forgetful(VASTShareDriver):
    """Has nothing to say of the shares it shall ensure."""

    def ensure_shares(self, context, shares, **kwargs):
        return {}


class Secretive(VASTShareDriver):
    """Never says that its options have changed."""

    def get_backend_info(self, context, **kwargs):
        return {'driver': 'always the same'}


class Optimist(VASTShareDriver):
    """Takes an outage for success."""

    def extend_share(self, share, new_size, **kwargs):
        try:
            super().extend_share(share, new_size)
        except Exception:
            LOG.info('It will have worked')


class Naive(VASTShareDriver):
    """Starts whether its cluster is there or not."""

    def check_for_setup_error(self, **kwargs):
        try:
            super().check_for_setup_error()
        except Exception:
            LOG.info('It will come')

    def get_backend_info(self, context, **kwargs):
        try:
            return super().get_backend_info(context)
        except Exception:
            return {'driver': 'unknown'}


class Talkative(VASTShareDriver):
    """Tells the log everything."""

    def do_setup(self, context, **kwargs):
        LOG.debug('Password %s', self.configuration.vast_mgmt_password)
        super().do_setup(context)


class Fatal(VASTShareDriver):
    """Dies of its first statistics, which Manila does not forgive."""

    def get_share_stats(self, refresh=False, **kwargs):
        raise RuntimeError('no statistics today')

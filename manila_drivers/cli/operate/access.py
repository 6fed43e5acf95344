# SPDX-License-Identifier: Apache-2.0

"""``manila-drivers share allow``, ``share deny``, ``share access list``"""

import argparse
from typing import Any

from manila_drivers import direct
from manila_drivers import exception
from manila_drivers.cli.operate import base

KINDS = ('ip', 'cert', 'user')


class ShareAllow(base.ChangeOne):
    """Give access to a share, or change the level of what is given.

    It is refused if others would get in whom the backend does not let in
    now: the records may be older than it.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('share', help='name or id')
        parser.add_argument('to', help="a network, an address, a "
                                       "certificate's name or a user")
        parser.add_argument('--level', choices=('rw', 'ro'), default='rw',
                            help='default: %(default)s')
        kind(parser)
        base.widen(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> base.Output:
        args = parsed_args
        with self.backend() as backend:
            found: Any = backend.shares.get(args.share).allow(
                args.to, args.level, args.type, widen=args.widen,
                plan=args.dry_run)
            if isinstance(found, direct.Preview):
                return self.planned(found)
            return self.fields({
                'id': found.id, 'share': args.share, 'type': found.kind,
                'to': found.to, 'level': found.level, 'state': found.state})


class ShareDeny(base.Removal):
    """Take access from whom it was given to; others keep theirs."""

    DONE = 'denied'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('share', help='name or id')
        parser.add_argument('to', nargs='+',
                            help='as it was given, or ids of rules')
        kind(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> base.Output:
        args = parsed_args
        with self.backend() as backend:
            share = backend.shares.get(args.share)
            if args.dry_run:
                return self.each(args, args.to, lambda to: share.deny(
                    to, args.type, plan=True))
            left, error = exception.caught(
                lambda: share.deny_all(args.to, args.type))

            def denied(to: str) -> None:
                why = error if left is None else left.get(to)
                if why is not None:
                    raise why
            return self.each(args, args.to, denied)


class AccessList(base.Listing):
    """List the access rules of a share, as they are recorded."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('share', help='name or id')
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> base.Output:
        with self.backend() as backend:
            rules = backend.shares.get(parsed_args.share).rules
            return (('ID', 'Type', 'To', 'Level', 'State', 'Reason'),
                    [(rule.id, rule.kind, rule.to, rule.level, rule.state,
                      rule.reason) for rule in rules])


def kind(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('--type', choices=KINDS,
                        help='default: what the protocol takes')

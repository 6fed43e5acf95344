# SPDX-License-Identifier: Apache-2.0

"""``manila-drivers demo``: a real Manila on a simulated backend."""

import argparse

from manila_drivers.testing.manila import demo

SUMMARY = 'watch a real Manila serve shares from a simulated backend'


def configure(parser: argparse.ArgumentParser) -> None:
    demo.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    return demo.run(args)

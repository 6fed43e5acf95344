# SPDX-License-Identifier: Apache-2.0

"""A process that makes, resizes and deletes shares, round after round.

Arguments: configuration file, section, number of rounds, name of the worker.
Prints a line for each round.  In every third round it wants the share that
all workers want.
"""

import sys

import manila_drivers
from manila_drivers import exception


def play(backend, name):
    try:
        share = backend.shares.create(size=1, name=name)
        share.resize(2)
        share.allow('192.0.2.0/24')
    except (exception.NotFound, exception.Conflict):
        # Another worker was faster: it has resized it, deletes it, or has.
        pass
    try:
        backend.shares.get(name).delete()
    except exception.NotFound:
        pass


def main(conf, section, rounds, worker):
    with manila_drivers.Backend.load(conf, section, patience=120) as backend:
        for number in range(int(rounds)):
            shared = number % 3 == 0
            play(backend, f'all-{number}' if shared
                 else f'{worker}-{number}')
            print(number, flush=True)


if __name__ == '__main__':
    main(*sys.argv[1:])

# SPDX-License-Identifier: Apache-2.0

"""A driver in a process of its own; runs in a box.

One call per line in, as JSON: ``[METHOD, ARGUMENTS, NAMED]``.  One answer per
line out: what came back, or what was raised, and how many round trips of
which kind it took.
"""

import json
import logging
import sys
import traceback
import typing as ty

from manila_drivers import standalone
from manila_drivers.transport import meter


def serve(dotted_path: str, config_file: str, section: str) -> None:
    logging.basicConfig(filename=config_file + '.log', level=logging.DEBUG)
    # It says much about every packet.
    logging.getLogger('paramiko').setLevel(logging.INFO)
    driver = standalone.load(dotted_path, config_file, section)
    for line in sys.stdin:
        with meter.measure() as trips:
            answer = call(driver, *json.loads(line))
        answer['trips'] = trips.counts
        answer['seconds'] = trips.elapsed
        sys.stdout.write(json.dumps(answer, default=str) + '\n')
        sys.stdout.flush()


def call(driver: ty.Any, method: str, arguments: list[ty.Any],
         named: dict[str, ty.Any]) -> dict[str, ty.Any]:
    try:
        return {'value': getattr(driver, method)(*arguments, **named)}
    except Exception as exc:  # noqa: BLE001  (it goes to the caller)
        logging.getLogger(__name__).error('%s', traceback.format_exc())
        return {'kinds': [each.__name__ for each in type(exc).__mro__],
                'text': str(exc)}


if __name__ == '__main__':
    serve(*sys.argv[1:])

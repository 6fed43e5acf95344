# SPDX-License-Identifier: Apache-2.0

"""Hold a file open and write to it when told; runs in a tenant's box.

One word of JSON per line in, one answer per line out: ``["write", TEXT]``
appends to the file that has been open since the start, ``["read"]`` reads
the directory.  An answer is ``["ok", VALUE]`` or ``["error", ERRNO_NAME]``.
"""

import errno
import json
import os
import sys
import typing as ty


def serve(directory: str, name: str) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    held = os.open(os.path.join(directory, name), flags, 0o644)
    answer(['ok', 'open'])
    for line in sys.stdin:
        verb, *arguments = json.loads(line)
        try:
            if verb == 'write':
                value: ty.Any = os.write(held, arguments[0].encode())
                os.fsync(held)
            else:
                value = sorted(os.listdir(directory))
            answer(['ok', value])
        except OSError as exc:
            answer(['error', errno.errorcode.get(exc.errno or 0, str(exc))])


def answer(content: list[ty.Any]) -> None:
    sys.stdout.write(json.dumps(content) + '\n')
    sys.stdout.flush()


if __name__ == '__main__':
    serve(*sys.argv[1:])

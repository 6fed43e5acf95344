# SPDX-License-Identifier: Apache-2.0

"""Runs a command that lets others go first.

    python3 -m tools.ci.yielding NICE COMMAND [ARGUMENT ...]

Linux weighs sessions against each other before it looks at what is nice
within one of them, and each stage is a session of its own: without a word to
the kernel about the session, ``nice`` changes nothing between stages.
"""

import contextlib
import os
import pathlib
import sys

#: Not there, or not to be written, where the kernel knows no such groups.
SESSION = pathlib.Path('/proc/self/autogroup')


def main(arguments: list[str]) -> None:
    number, *command = arguments
    os.nice(int(number))
    with contextlib.suppress(OSError):
        SESSION.write_text(number)
    os.execvp(command[0], command)


if __name__ == '__main__':
    main(sys.argv[1:])

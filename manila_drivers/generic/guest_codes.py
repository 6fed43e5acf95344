# SPDX-License-Identifier: Apache-2.0

"""Exit codes that scripts of a service VM have of their own."""

from collections.abc import Mapping

from manila_drivers import exception

FOREIGN, TOO_SMALL, BUSY, GONE, UNREAD, UNTOLD = 20, 21, 22, 23, 24, 25
OTHER = 26
BROKEN, DOWN, SLOW, UNCHANGED, TOO_LARGE = 27, 28, 31, 32, 33
MOVED, TAKEN = 34, 75


class NotGrown(exception.Busy):
    """A disk is as small as before, although its volume is larger.

    A hypervisor that could not be told of it never will be.
    """


class Moved(exception.Busy):
    """Somebody who works on a share is not where they were.

    A look tells where they are.
    """


#: What an exit code of theirs says of the share, and what to check.
MEANING: Mapping[int, tuple[type[exception.DriverError], str, str]] = {
    FOREIGN: (exception.Conflict, 'its disk holds something else',
              'what is on the volume'),
    TOO_SMALL: (exception.PossibleDataLoss,
                'more is used than would be left', ''),
    BUSY: (exception.Busy, 'its file system is in use',
           'open files in the service VM'),
    GONE: (exception.NotFound, 'its disk is not there any more',
           'whether the volume is attached to the server'),
    UNREAD: (exception.BackendError, 'its disk cannot be read',
             'the log of the kernel in the service VM, and the storage'),
    UNTOLD: (exception.BackendError, 'what is mounted is not told',
             '/proc/self/mountinfo in the service VM'),
    OTHER: (exception.Conflict, 'something else is mounted in its place',
            'what is mounted in the service VM'),
    BROKEN: (exception.BackendError, 'its file system cannot be mended',
             'e2fsck in the service VM, by somebody who looks at it'),
    DOWN: (exception.BackendError, 'it could not be brought back',
           'the log of the kernel in the service VM'),
    SLOW: (NotGrown, 'its disk has not grown yet',
           'whether the hypervisor told the server of the new size'),
    UNCHANGED: (exception.BackendError, 'its file system has not grown', ''),
    TOO_LARGE: (exception.Unsupported,
                'its file system is larger than the share, and cannot shrink',
                'make a larger share of the snapshot'),
    MOVED: (Moved, 'it is not closed any more by what works on it', ''),
    TAKEN: (exception.Busy, 'something else is at work on it',
            'processes of manila in the service VM'),
}

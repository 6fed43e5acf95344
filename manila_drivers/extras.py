# SPDX-License-Identifier: Apache-2.0

"""Packages that come with an extra of this library, and may be missing."""

from collections.abc import Iterator
import contextlib

from manila_drivers import exception


@contextlib.contextmanager
def needed(package: str, extra: str, option: str, what: str) -> Iterator[None]:
    """Import something in this block that an extra brings.

    :param package: the first word of its dotted name.
    :param what: says that it is missing, and what needs it.
    :raises ConfigurationError: naming the option; it is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as exc:
        if str(exc.name).partition('.')[0] != package:
            # Something is broken, and must not pass for missing.
            raise
        raise exception.ConfigurationError(
            option, what, check=f"pip install 'manila-drivers[{extra}]'",
            ) from exc

# SPDX-License-Identifier: Apache-2.0


"""The version of the installed package."""

import importlib.metadata

DISTRIBUTION = 'manila-drivers'


def version_string() -> str:
    """Return the installed version, '0' in a checkout that is not installed.

    Read from the installed metadata when asked, so that pbr is needed to
    build the package but not to run it.
    """
    try:
        return importlib.metadata.version(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        return '0'

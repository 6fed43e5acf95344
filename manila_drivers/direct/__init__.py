# SPDX-License-Identifier: Apache-2.0

"""Shares without Manila, by the drivers that Manila would use.

``manila_drivers.Backend`` is the way in.  Importing this imports neither
drivers nor SQLAlchemy.
"""

from manila_drivers.direct.access_rules import AccessRule
from manila_drivers.direct.backend import Backend
from manila_drivers.direct.preview import Preview
from manila_drivers.direct.share import Share
from manila_drivers.direct.snapshot import Snapshot

__all__ = ['AccessRule', 'Backend', 'Preview', 'Share', 'Snapshot']

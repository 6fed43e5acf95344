# SPDX-License-Identifier: Apache-2.0

"""Facts about shares in Samba's registry, and what one shall be.  Pure."""

from collections.abc import Mapping
import dataclasses

from manila_drivers.nas import exports

#: Who a share is for: addresses, or users.
IP, USER = 'ip', 'user'

Section = Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class Share:
    """One directory and who shall reach it.

    :param name: of the section, which is what clients ask for.
    :param networks: network to ``rw``; the most specific one decides.  None
        if access is by user.  See :func:`samba_text.by_address` for ``ro``.
    :param users: name to ``rw`` or ``ro``; None if access is by address.
        One of the two is given; empty means that nobody gets in.
    """

    name: str
    path: str
    networks: exports.Levels | None = None
    users: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        if (self.networks is None) == (self.users is None):
            raise ValueError('access is by address or by user')

    @property
    def closed(self) -> bool:
        return not (self.networks or self.users)


@dataclasses.dataclass(frozen=True)
class Facts:
    """The sections of the registry.

    :param sections: parameter to value, by the name of the section in lower
        case, as both are compared.
    """

    sections: Mapping[str, Section]

    def section(self, name: str) -> Section | None:
        return self.sections.get(name.lower())

    def path(self, name: str) -> str | None:
        """Return the directory of a section, None if it has none."""
        return (self.section(name) or {}).get('path')

# SPDX-License-Identifier: Apache-2.0

"""Facts about shares in Samba's registry, and what one shall be.  Pure.

Samba lets in, of the addresses that ``hosts allow`` names, whatever ``hosts
deny`` says, and nobody else where ``hosts deny`` is ``ALL``; the order of a
list does not matter.  There is no level for an address: a section is read-only
or is not.  Of users, ``valid users`` names all that get in, **and everybody
if it is empty**; ``write list`` those of them who may write where the section
is read-only.
"""

from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses

from manila_drivers import access
from manila_drivers import exception
from manila_drivers import networks
from manila_drivers.nas import directory
from manila_drivers.nas import exports
from manila_drivers.nas import samba_text
from manila_drivers.transport import command

Network = networks.Network
Section = Mapping[str, str]

# What a shell exits with if there is no such program.
_NO_PROGRAM = 127

#: Who a share is for: addresses, or users.
IP, USER = 'ip', 'user'

#: How many entries the addresses that may only read may cost a share.
_EXTRA = 2000

READ_ONLY = ('Samba has no access by address that only reads: the rule '
             'gives nothing, and nobody comes to write for it; remove it, or '
             'narrow the rules that let its addresses write')


@dataclasses.dataclass(frozen=True)
class SambaShare:
    """One directory and who shall reach it.

    :param name: of the section, which is what clients ask for.
    :param networks: network to ``rw`` or ``ro``; the most specific one
        decides, and those that it gives ``ro`` get nothing.  None if access
        is by user.
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
        return not (access.RW in self.networks.values()
                    if self.networks is not None else self.users)


class NoSamba(exception.BackendError):
    """A server has no Samba."""


@dataclasses.dataclass(frozen=True)
class SambaFacts:
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

    def seen(self, name: str) -> SambaShare | None:
        """Return who reaches a section, None if it cannot be told."""
        section = self.section(name)
        return None if section is None else read(name, section)


def questions() -> list[command.Command]:
    """One command; it fails where there is no Samba."""
    return [directory.run('net', 'conf', 'list',
                          accept=frozenset(range(256)))]


def understand(server: str, results: Sequence[command.Result]) -> SambaFacts:
    """:raises DriverError: it does not say what it shares."""
    result, = results
    if result.status:
        kind = NoSamba if result.status == _NO_PROGRAM \
            else exception.BackendError
        raise kind(
            f'{server} does not say what it shares with Samba',
            answer=directory.objection(result) or result.stdout[-500:],
            status=result.status, check='that Samba is installed there and '
            'reads its registry (include = registry)')
    return SambaFacts(samba_text.read(result.stdout))


@dataclasses.dataclass(frozen=True)
class SambaInForce:
    """Sections as smbd has them by its file and all that this includes.

    :param registry: whether sections of the registry are served at all.
    :param sections: as of :class:`SambaFacts`, those of the registry among
        them; where both name one, a section has parameters of both.
    """

    registry: bool
    sections: Mapping[str, Section]

    def overrides(self, name: str, kept: Section) -> str:
        """Return what of a section of the registry is not in force, or ''."""
        if not self.registry:
            return 'Samba does not read its registry'
        here, there = (samba_text.meaning(section) for section in (
            self.sections.get(name.lower(), {}), kept))
        return '; '.join(
            f'{key} = {here.get(key)}, not {there.get(key)}'
            for key in sorted({*here, *there} & samba_text.DECIDES)
            if samba_text.words(here.get(key)) != samba_text.words(
                there.get(key)))


def in_force_questions() -> list[command.Command]:
    """One command, which looks at the file of smbd as smbd does."""
    return [directory.run('testparm', '-s', accept=frozenset(range(256)))]


def in_force(server: str, results: Sequence[command.Result]) -> SambaInForce:
    """:raises DriverError: it does not say what it serves."""
    result, = results
    sections = samba_text.read(result.stdout)
    # What is odd in it makes it fail, and it says all the same what there is.
    if 'global' not in sections:
        raise exception.BackendError(
            f'{server} does not say what smb.conf comes to',
            answer=directory.objection(result) or result.stdout[-500:],
            status=result.status, check='testparm -s, in that server')
    shared = sections.pop('global').get('registry shares', 'no')
    return SambaInForce(samba_text.is_true(shared), sections)


@dataclasses.dataclass(frozen=True)
class SambaAdmitted:
    """Networks that Samba lets in.

    :param refused: networks that get nothing although a rule names them,
        and why.
    """

    networks: tuple[Network, ...]
    refused: Mapping[Network, str]


def admitted(levels: exports.Levels) -> SambaAdmitted:
    """Return what of some levels Samba can give to addresses.

    Who may only read is let in nowhere, not even by a wider rule that lets
    write.

    :raises InvalidRequest: too many would have to be cut out of those.
    """
    apart = networks.separate(levels, _EXTRA)
    exports.require_readers('the share', levels, {
        network: why for network, why in apart.refused.items()
        if levels[network] == access.RO})
    refused = {network: READ_ONLY for network, level in levels.items()
               if level == access.RO}
    return SambaAdmitted(apart.of(access.RW), {**apart.refused, **refused})


def refused(levels: exports.Levels) -> Mapping[Network, str]:
    """Return networks that would need too many entries, and why."""
    return networks.separate(levels, _EXTRA).refused


def wanted(share: SambaShare) -> dict[str, str]:
    """Return the section that a share is, parameter to value.

    :raises InvalidRequest: its name, path or users cannot be written down.
    """
    samba_text.check(share.name, share.path)
    found = {'path': share.path, 'browseable': 'yes', 'create mask': '0755'}
    if share.users is None:
        nets = admitted(share.networks or {}).networks
        found |= {'guest ok': 'yes', 'read only': 'no'}
        if nets:
            found['hosts allow'] = ' '.join(map(networks.canonical, nets))
        found['hosts deny'] = 'ALL'
        return found
    found |= {'guest ok': 'no', 'read only': 'yes'}
    if not share.users:
        # Two bars, since an empty list of users would let in everybody.
        return found | {'valid users': samba_text.NOBODY,
                        'hosts deny': 'ALL'}
    found['valid users'] = samba_text.names(share.users)
    writers = [name for name, level in share.users.items()
               if level == access.RW]
    if writers:
        found['write list'] = samba_text.names(writers)
    return found


def user_grants(rules: Sequence[access.Rule]) -> access.Grants[str]:
    """Return who gets what by rules of type ``user``.

    Names that Samba or a shell could take for something else are refused;
    of two that Samba takes for one the weaker stays.
    """
    grants = access.name_grants(rules, USER, pattern=samba_text.USER)
    spellings: dict[str, list[str]] = {}
    for name in grants.levels:
        spellings.setdefault(name.casefold(), []).append(name)
    refused = {
        name: f'another rule lets {names[0]} only read, and Samba does not '
        f'tell capitals from small letters' for names in spellings.values()
        if access.RO in map(grants.levels.__getitem__, names)
        for name in names if grants.levels[name] == access.RW}
    return grants.without(refused)


# Sections that are there

def read(name: str, section: Section) -> SambaShare | None:
    """Return who reaches a section, None if it cannot be told.

    Those that Manila's own driver has made can be, but for addresses of
    IPv6, which they let in as a rule: then None is returned.
    """
    meaning = samba_text.meaning(section)
    path = meaning.get('path', '')
    if meaning.get('available', 'yes') != 'yes':
        return None
    if meaning.get('guest ok') == 'yes':
        return _by_address(name, path, meaning)
    return _by_user(name, path, meaning)


def _by_address(name: str, path: str, meaning: Section) -> SambaShare | None:
    texts = meaning.get('hosts allow', '').replace(',', ' ').split()
    nets = [networks.parse(text) for text in texts]
    if meaning.get('hosts deny') != 'ALL' or None in nets \
            or meaning.get('read only') != 'no' or 'valid users' in meaning:
        return None
    return SambaShare(name, path, networks={
        net: access.RW for net in nets if net is not None})


def _by_user(name: str, path: str, meaning: Section) -> SambaShare | None:
    if meaning.get('hosts deny') == 'ALL' and 'hosts allow' not in meaning:
        return SambaShare(name, path, users={})
    known = samba_text.listed(meaning.get('valid users', ''))
    if not known or meaning.get('hosts allow') not in (None, '0.0.0.0/0'):
        return None
    if any(text[0] in '@+&%' for text in known):
        return None
    writers = samba_text.listed(meaning.get('write list', ''))
    readers = samba_text.listed(meaning.get('read list', ''))
    if meaning.get('read only') == 'no':
        return SambaShare(name, path, users={
            user: access.RO if user in readers and user not in writers
            else access.RW for user in known})
    return SambaShare(name, path, users={
        user: access.RW if user in writers else access.RO for user in known})

# SPDX-License-Identifier: Apache-2.0

"""Samba: its registry, ``net conf``, and who is connected.

Texts and exit codes are those of 4.17, and so is what connected clients keep:
``tests/functional/nas/test_samba.py`` asks the real one.
"""

from collections.abc import Callable
from collections.abc import Sequence
import dataclasses

from manila_drivers.testing.simulators.guest import smb_access
from manila_drivers.testing.simulators.guest import unmodelled
from manila_drivers.testing.simulators.nfs import files
from manila_drivers.transport import command

Result = command.Result
Registry = dict[str, dict[str, str]]

_CONFIG = '/etc/samba/smb.conf'
_FAILED = 255
_NO_SUCH = 'SBC_ERR_NO_SUCH_SERVICE'


@dataclasses.dataclass
class SmbClient:
    """A client that is connected to a share.

    :param level: what it got when it connected, and keeps.
    """

    section: str
    address: str
    user: str | None
    level: str


class Samba:
    """smbd and its registry."""

    def __init__(self) -> None:
        #: Of the registry, which survives a boot: by name in lower case.
        self.names: dict[str, str] = {}
        self.registry: Registry = {}
        self.running = True
        self.installed = True
        #: Sections of smb.conf itself, and whether that includes the
        #: registry, whose parameters then come on top.
        self.file: Registry = {}
        self.includes = True
        self.sessions: list[SmbClient] = []
        # What the smbd of a client has read last.
        self._read: dict[str, Registry] = {}
        self._pids: dict[str, str] = {}

    def reboot(self) -> None:
        """Forget who is connected."""
        self.sessions = []
        self._read = {}

    # What clients do

    def connect(self, section: str, address: str,
                user: str | None = None) -> str | None:
        """Connect a client that stays; return what it gets."""
        level = self._level(section, address, user)
        if level is not None:
            self._read.setdefault(address, self._copy())
            self.sessions.append(SmbClient(section.lower(), address, user,
                                         level))
        return level

    def disconnect(self, address: str) -> None:
        self.sessions = [each for each in self.sessions
                         if each.address != address]
        self._read.pop(address, None)

    def reaches(self, section: str, address: str,
                user: str | None = None) -> str | None:
        """Return the most that a client gets, connected or not."""
        kept = [each.level for each in self.sessions
                if (each.section, each.address, each.user)
                == (section.lower(), address, user)]
        now = [self._level(section, address, user), smb_access.level(
            self._in_force(self.registry).get(section.lower()), address,
            user)] if self.running else []
        found = [*kept, *now]
        return 'rw' if 'rw' in found else 'ro' if 'ro' in found else None

    def _level(self, section: str, address: str,
               user: str | None) -> str | None:
        """Return the level that the smbd of a client gives it."""
        if not (self.running and self.installed):
            return None
        known = self._read.get(address, self.registry)
        return smb_access.level(self._in_force(known).get(section.lower()),
                                address, user)

    def _in_force(self, registry: Registry) -> Registry:
        """Return sections as smbd has them, that has read a registry."""
        if not self.file and self.includes:
            return registry
        # One without a path is closed before the registry is read.
        found = {name.lower(): section if 'path' in section
                 else {'available': 'no', **section}
                 for name, section in self.file.items()}
        for name, section in registry.items() if self.includes else ():
            found[name] = {**found.get(name, {}), **section}
        return found

    def _copy(self) -> Registry:
        return {name: dict(values) for name, values in self.registry.items()}

    def uses(self, path: str) -> str:
        """Return who has a directory open; '' if nobody has."""
        for each in self.sessions:
            shared = self.registry.get(each.section, {}).get('path', '')
            known = self._read.get(each.address, {}).get(
                each.section, {}).get('path', shared)
            if path in (shared, known):
                return f'smbd for {each.address}'
        return ''

    # Commands

    def commands(self) -> dict[str, Callable[..., Result]]:
        if not self.installed:
            return {}
        return {'net': self._net, 'smbcontrol': self._smbcontrol,
                'pidof': self._pidof, 'smbstatus': self._smbstatus,
                'smbd': self._smbd, 'testparm': self._testparm}

    def _smbd(self, words: Sequence[str]) -> Result:
        if words != ['-b']:
            raise unmodelled.NotModelledError(words)
        return files.done('Build environment:\n   Built by:    buildd\n'
                          f'   CONFIGFILE: {_CONFIG}\n')

    def _testparm(self, words: Sequence[str]) -> Result:
        if words == ['-s']:
            return files.done(smb_access.printed(
                {'registry shares': 'yes'} if self.includes else {},
                self._in_force(self.registry)))
        flag, config, name, address = words
        if (flag, config) != ('-s', _CONFIG):
            raise unmodelled.NotModelledError(words)
        return Result('', 'Load smb config files from /etc/samba/smb.conf\n'
                      'Loaded services file OK.\n\n' + ''.join(
                          '{} connection from {} ({}) to {}\n'.format(
                              'Allow' if smb_access.admits(section, address)
                              else 'Deny', name, address, self.names[key])
                          for key, section in self.registry.items()), 0)

    def _pid(self, address: str) -> str:
        """Return the number of the smbd that a client talks to."""
        if address not in self._pids:
            self._pids[address] = str(1000 + len(self._pids))
        return self._pids[address]

    def _pidof(self, words: Sequence[str]) -> Result:
        if words[0] == 'smbd' and self.running:
            return files.done('812 640\n')
        return Result('', '', 1)

    def _smbstatus(self, words: Sequence[str]) -> Result:
        rows = ''.join(
            f'{self.names[each.section]:12} {self._pid(each.address):7} '
            f'{each.address:13} Thu Aug 20 '
            f'10:00:00 2026 UTC     -            -\n'
            for each in self.sessions)
        return files.done(
            '\nService      pid     Machine       Connected at              '
            '       Encryption   Signing     \n' + '-' * 93 + '\n' + rows
            + '\n')

    def _smbcontrol(self, words: Sequence[str]) -> Result:
        if not self.running:
            return files.failed("Can't find pid for destination 'smbd'")
        target, message, *values = words
        if target.isdecimal():
            return self._close_one(target, message, *values)
        if target != 'smbd':
            raise unmodelled.NotModelledError(words)
        if message == 'reload-config':
            self._read = {address: self._copy() for address in self._read}
        elif message == 'close-share':
            self.sessions = [each for each in self.sessions
                             if each.section != values[0].lower()]
        elif message == 'close-denied-share':
            self.sessions = [
                each for each in self.sessions
                if each.section != values[0].lower()
                # From where somebody comes is not looked at.
                or smb_access.level(self._read.get(
                    each.address, self.registry).get(each.section), None,
                    each.user)]
        else:
            return files.failed(f"smbcontrol: unknown command '{message}'")
        return files.done()

    def _close_one(self, pid: str, message: str, name: str) -> Result:
        if message != 'close-share':
            raise unmodelled.NotModelledError(message)
        if pid not in {self._pid(each.address) for each in self.sessions}:
            return Result('', '', 1)
        self.sessions = [each for each in self.sessions
                         if each.section != name.lower()
                         or self._pid(each.address) != pid]
        return files.done()

    def _net(self, words: Sequence[str], read: Callable[[], str]) -> Result:
        if words[:1] != ['conf']:
            raise unmodelled.NotModelledError(words)
        known: dict[str, Callable[..., Result]] = {
            'list': self._list, 'listshares': self._listshares,
            'showshare': self._showshare, 'addshare': self._addshare,
            'delshare': self._delshare, 'setparm': self._setparm,
            'getparm': self._getparm, 'delparm': self._delparm}
        if words[1] == 'import':
            return self._import(words[2:], read)
        return known[words[1]](*words[2:])

    def _list(self) -> Result:
        return files.done(''.join(
            smb_access.written(self.names[name], self.registry[name]) + '\n'
            for name in self.registry))

    def _listshares(self) -> Result:
        return files.done(''.join(f'{self.names[name]}\n'
                                  for name in self.registry))

    def _showshare(self, name: str) -> Result:
        if name.lower() not in self.registry:
            return Result(f'error getting share parameters: {_NO_SUCH}\n',
                          '', _FAILED)
        return files.done(smb_access.written(
            self.names[name.lower()], self.registry[name.lower()]))

    def _save(self, name: str, section: dict[str, str]) -> None:
        self.registry[name.lower()] = section
        self.names[name.lower()] = name

    def _addshare(self, name: str, path: str, *options: str) -> Result:
        if name.lower() in self.registry:
            return files.failed(f'ERROR: share {name} already exists.',
                                _FAILED)
        section = {'path': path, 'guest ok': 'no', 'read only': 'yes'}
        for option in options:
            parameter, _, value = option.partition('=')
            section |= dict([smb_access.canonical(
                {'writeable': 'writeable', 'guest_ok': 'guest ok'}
                [parameter], 'yes' if value == 'y' else 'no')])
        self._save(name, section)
        return files.done()

    def _delshare(self, name: str) -> Result:
        if self.registry.pop(name.lower(), None) is None:
            return files.failed(f'Error deleting share {name}: {_NO_SUCH}',
                                _FAILED)
        return files.done()

    def _setparm(self, name: str, parameter: str, *values: str) -> Result:
        if len(values) != 1:
            return Result('Usage:\n net conf setparm <section> <param> '
                          '<value>\n', '', _FAILED)
        found = smb_access.canonical(parameter, values[0])
        if found[0] not in smb_access.KNOWN:
            return files.failed(
                f'Unknown parameter encountered: "{parameter}"\nInvalid '
                f"parameter '{parameter}' given.", _FAILED)
        if name.lower() not in self.registry:
            self._save(name, {})
        self.registry[name.lower()] |= dict([found])
        return files.done()

    def _getparm(self, name: str, parameter: str) -> Result:
        found = self.registry.get(name.lower())
        if found is None:
            return files.failed(
                f"Error: given service '{name}' does not exist.", _FAILED)
        key = smb_access.canonical(parameter, '')[0]
        if key not in found:
            return files.failed(
                f"Error: given parameter '{parameter}' is not set.", _FAILED)
        return files.done(found[key] + '\n')

    def _delparm(self, name: str, parameter: str) -> Result:
        found = self.registry.get(name.lower())
        if found is None:
            return files.failed(
                f"Error: given service '{name}' does not exist.", _FAILED)
        found.pop(smb_access.canonical(parameter, '')[0], None)
        return files.done()

    def _import(self, words: Sequence[str],
                read: Callable[[], str]) -> Result:
        """One transaction, of the section that is named."""
        if words[0] != '/dev/stdin':
            raise unmodelled.NotModelledError(words)
        _, name = words
        section = {key.lower(): section for key, section
                   in smb_access.sections(read())}.get(name.lower())
        if section is None:
            return Result('', '', _FAILED)
        unknown = [key for key in section if key not in smb_access.KNOWN]
        if unknown:
            return Result(
                f'error importing service {name}: SBC_ERR_INVALID_PARAM\n',
                f'Unknown parameter encountered: "{unknown[0]}"\n', _FAILED)
        self.registry.pop(name.lower(), None)
        self._save(name, section)
        return files.done()

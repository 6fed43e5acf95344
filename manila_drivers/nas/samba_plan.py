# SPDX-License-Identifier: Apache-2.0

"""From a section of Samba's registry to what it shall be.  Pure.

``net conf import`` replaces a section in one transaction, so that at no
moment anybody gets more than before or after.  But who is connected keeps
what the section gave then, until Samba is told to look again; and who may go
on with less has to be disconnected, since Samba only looks at whether.

So a section that takes something away says so in a remark until everybody
who has to be is disconnected: a call that was cut off is finished by the
next.
"""

from collections.abc import Mapping

from manila_drivers import access
from manila_drivers import networks
from manila_drivers.nas import directory
from manila_drivers.nas import samba
from manila_drivers.nas import samba_text
from manila_drivers.transport import command

Commands = list[command.Command]

#: The remark of a section whose clients are not disconnected yet.
PENDING = 'manila is closing connections'

_ANY = frozenset(range(256))

# Seconds for looking at all clients that are connected.
_CLOSING = 300.0

# $1 is how, $2 the share.  close-denied-share, which releases before 4.3 do
# not know, asks who is a user and not from where: testparm tells that, of
# each client that is connected.  A client may come back before its smbd has
# read the registry again, so they are looked at until none is left.
_CLOSE = """\
set -u
denied() {
    printf '%s\\n' "$said" | while read -r share pid machine rest; do
        [ "$share" = "$1" ] || continue
        case "$(testparm -s "$2" "$machine" "$machine" 2>&1 </dev/null)
" in
        *"Allow connection from $machine ($machine) to $1
"*) ;;
        *) printf '%s\\n' "$pid" ;;
        esac
    done
}
file() {
    smbd -b </dev/null | while read -r key value; do
        if [ "$key" = CONFIGFILE: ]; then printf '%s\\n' "$value"; fi
    done
}
smbcontrol smbd reload-config </dev/null || :
if [ "$1" = denied ] && smbcontrol smbd close-denied-share "$2" </dev/null
then
    file=$(file)
    for turn in 1 2 3 4 5; do
        said=$(smbstatus -S </dev/null) && [ -n "$file" ] || break
        pids=$(denied "$2" "$file")
        if [ -z "$pids" ]; then exit 0; fi
        for pid in $pids; do
            smbcontrol "$pid" close-share "$2" </dev/null || :
        done
        sleep 1
    done
fi
smbcontrol smbd close-share "$2" </dev/null && exit 0
status=$?
# Only 1 says that none runs; there may be no pidof.
pidof smbd >/dev/null
case $? in 1) exit 0 ;; esac
exit "$status"
"""


def plan(facts: samba.SambaFacts, wanted: samba.SambaShare) -> Commands:
    """Commands in order; none if all is as it shall be.

    :raises InvalidRequest: it cannot be written down.
    """
    section = samba.wanted(wanted)
    have = facts.section(wanted.name)
    if have is not None and _equal(have, section):
        return []
    before = None if have is None else samba.read(wanted.name, have)
    pending = have is not None and have.get('comment') == PENDING
    if have is None:
        # It may be that a section of that name has gone a moment ago.
        return [_imported(wanted.name, section), closed(wanted.name),
                asked(wanted.name)]
    if before is not None and not pending \
            and not takes_away(before, wanted):
        return [_imported(wanted.name, section), reread(),
                asked(wanted.name)]
    full = before is None or pending or drops(before, wanted)
    return [
        _imported(wanted.name, {**section, 'comment': PENDING}),
        closed(wanted.name, full=full),
        directory.run('net', 'conf', 'delparm', wanted.name, 'comment'),
        asked(wanted.name)]


def undone(text: str, wanted: samba.SambaShare) -> str:
    """Return what is not as it shall be, '' if all is.

    :param text: what :func:`asked` printed.
    """
    have = samba_text.read(text).get(wanted.name.lower(), {})
    section = samba.wanted(wanted)
    if _equal(have, section):
        return ''
    here, there = map(samba_text.meaning, (have, section))
    return '; '.join(f'{key} = {here.get(key)}, not {there.get(key)}'
                     for key in sorted({*here, *there})
                     if here.get(key) != there.get(key))


def doubtful(facts: samba.SambaFacts, wanted: samba.SambaShare) -> bool:
    """Return whether a section is not what a share shall be."""
    have = facts.section(wanted.name)
    return have is None or not _equal(have, samba.wanted(wanted))


def removed(facts: samba.SambaFacts, name: str) -> Commands:
    """Take a share away, with its connections."""
    commands = []
    if facts.section(name) is not None:
        commands.append(directory.run('net', 'conf', 'delshare', name))
    return [*commands, closed(name)]


def suspended(facts: samba.SambaFacts, name: str) -> Commands:
    """Let nobody in until :func:`resumed`; who may stays written down."""
    if facts.section(name) is None:
        return []
    return [directory.run('net', 'conf', 'setparm', name, 'available', 'no'),
            closed(name)]


def resumed(facts: samba.SambaFacts, name: str, *,
            always: bool = False) -> Commands:
    """Let in again who may be let in.

    :param always: also if facts say that it was never suspended.
    """
    section = facts.section(name)
    if section is None or not (
            always or samba_text.meaning(section).get('available') == 'no'):
        return []
    return [directory.run('net', 'conf', 'setparm', name, 'available', 'yes'),
            reread()]


def while_closed(wanted: samba.SambaShare) -> tuple[Commands, Commands]:
    """Return what a share that was suspended becomes, and what resumes it."""
    section = {**samba.wanted(wanted), 'available': 'no'}
    return ([_imported(wanted.name, section), closed(wanted.name)],
            [directory.run('net', 'conf', 'setparm', wanted.name,
                           'available', 'yes'), reread()])


def closed(name: str, *, full: bool = True) -> command.Command:
    """Disconnect everybody from a share, or those that are not let in.

    Clients that may connect again, and do so by themselves.
    """
    return directory.run('sh', '-c', _CLOSE, 'manila-smb-close',
                         'all' if full else 'denied', name, timeout=_CLOSING)


def reread() -> command.Command:
    """Have connected clients see what was changed; later they would."""
    return directory.run('smbcontrol', 'smbd', 'reload-config', accept=_ANY)


def asked(name: str) -> command.Command:
    return directory.run('net', 'conf', 'showshare', name)


def _imported(name: str, section: Mapping[str, str]) -> command.Command:
    return directory.run('net', 'conf', 'import', '/dev/stdin', name,
                         stdin=samba_text.write(name, section))


def _equal(have: Mapping[str, str], section: Mapping[str, str]) -> bool:
    return samba_text.meaning(have) == samba_text.meaning(section)


def takes_away(before: samba.SambaShare, after: samba.SambaShare) -> bool:
    """Return whether somebody has less after than before."""
    if before.path != after.path:
        return True
    if before.networks is not None and after.networks is not None:
        return networks.takes_away(before.networks, dict.fromkeys(
            samba.admitted(after.networks).networks, access.RW))
    if before.users is not None and after.users is not None:
        return drops(before, after) or bool(
            before.users.keys() - after.users.keys())
    return not before.closed


def drops(before: samba.SambaShare, after: samba.SambaShare) -> bool:
    """Return whether somebody stays with less, or what they see changes."""
    if before.path != after.path:
        return True
    if before.users is None or after.users is None:
        return before.users is not after.users
    readers = {_person(user) for user, level in after.users.items()
               if level == access.RO}
    return any(level == access.RW and after.users.get(user) != access.RW
               and _person(user) in readers
               for user, level in before.users.items())


def _person(user: str) -> str:
    """Return a name that all names of one user have in common.

    Samba does not tell capitals from small letters, and whose domain may be
    left out only the server knows; of two who have one name in two domains
    nobody loses more than a connection.
    """
    return user.rpartition('\\')[2].partition('@')[0].casefold()

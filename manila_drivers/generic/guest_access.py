# SPDX-License-Identifier: Apache-2.0

"""Who reaches the shares of a service VM, by NFS and Samba.  Pure."""

from collections.abc import Sequence
import dataclasses
import shlex

from manila_drivers import exception
from manila_drivers.generic import guest_records
from manila_drivers.generic import guest_scripts
from manila_drivers.generic import guest_turns
from manila_drivers.nas import directory
from manila_drivers.nas import exports
from manila_drivers.nas import exports_text
from manila_drivers.nas import kernel
from manila_drivers.nas import kernel_plan
from manila_drivers.nas import kernel_room
from manila_drivers.nas import samba
from manila_drivers.nas import samba_plan
from manila_drivers.transport import command

Commands = list[command.Command]
Facts = guest_records.GuestFacts
Served = guest_records.Served
Entry = exports_text.ExportEntry

#: Only what is mounted is exported: what is below it is the VM's own.
_MOUNTED = 'mp'


def nfs(facts: Facts, export: exports.Export) -> Commands:
    """Export to the clients of an export and nobody else, for ever.

    Lines of /etc/exports that Manila's own driver left are taken over.
    """
    export = mounted_only(export)
    commands = [*_taken_over(facts.nfs, export.path), *kernel_plan.plan(
        facts.nfs, export, fsid(facts, export))]
    commands = kernel_room.kept(commands, unsynced=facts.unsynced)
    commands += _written(facts, export)
    return [*roomy(commands), kernel.live([export.path])] \
        if commands else []


def _written(facts: Facts, export: exports.Export) -> Commands:
    """Note that all is written down."""
    return [directory.removed(guest_turns.unwritten(export.name))] \
        if export.name in facts.unwritten else []


def nfs_taken_away(facts: Facts, export: exports.Export) -> Commands:
    """Let nobody in who shall not be, until the next start of the server.

    For a server on which it cannot be written down.
    """
    export = mounted_only(export)
    commands = roomy(kernel_plan.taken_away(facts.nfs, export,
                                            fsid(facts, export)))
    # What is written down lets them in again.
    return [*commands, directory.run(
        'tee', '--', guest_turns.unwritten(export.name), stdin='\n',
        accept=frozenset(range(256)))] if commands else []


def roomy(commands: Commands) -> Commands:
    """Keep the exports of others where the disk is full."""
    return [guest_scripts.run(
        'exportfs', kernel_room.EXPORTFS, kernel.ETAB,
        *kernel_room.SPARE, *one.words(), timeout=one.timeout)
        if kernel_room.is_live(one) else one for one in commands]


def is_live(one: command.Command) -> bool:
    """Tell if a command changes what is exported now."""
    return one.words()[3:4] == ['manila-exportfs']


def mounted_only(export: exports.Export) -> exports.Export:
    """Return an export of what is mounted, and of nothing else."""
    if _MOUNTED in export.options:
        return export
    return dataclasses.replace(export,
                               options=(*export.options, _MOUNTED))


def fsid(facts: Facts, export: exports.Export) -> str:
    """Return the number that clients know the directory by."""
    return kernel.fsids([facts.nfs], [export])[export.path]


def nfs_undone(facts: Facts, export: exports.Export,
               results: Sequence[command.Result]) -> str:
    """Return what is not as it shall be after :func:`nfs` was run."""
    if not results:
        return ''
    if untold := kernel.untold(results[-1]):
        return f'{kernel.ETAB} cannot be read after exportfs: {untold}'
    return kernel_plan.undone(results[-1].stdout, [mounted_only(export)],
                              {export.path: fsid(facts, export)})


def cifs(facts: Facts, share: samba.SambaShare) -> Commands:
    """Share with those of a share and nobody else, for ever."""
    return samba_plan.plan(facts.samba, share)


def cifs_undone(share: samba.SambaShare,
                results: Sequence[command.Result]) -> str:
    """Return what is not as it shall be after :func:`cifs` was run."""
    return samba_plan.undone(results[-1].stdout, share) if results else ''


def _taken_over(facts: kernel.KernelFacts, path: str) -> Commands:
    """Take the lines of a path out of files that are not ours.

    A restart of the server would let in again whom they name.
    """
    if not any(entry.path == path for entry in facts.others):
        return []
    files = [f'{kernel.DIRECTORY}/{name}' for name, text
             in sorted(facts.foreign.items())
             if any(entry.path == path for entry in exports_text.read(text))]
    return [guest_scripts.run(
        'exports', guest_scripts.EXPORTS, path, exports_text.in_etab(path),
        exports_text.escaped(path), file)
        for file in (kernel.EXPORTS, *files)]


# The end, and pauses

def removed(facts: Facts, served: Served) -> Commands:
    """Take all access away for good.

    What another protocol is told of it is taken away as well as that can be
    done; where it is served after all, the file system stays in use.

    :raises BackendError: how the share is served was not told.
    """
    _told(facts, served)
    nfs_facts, samba_facts = facts.nfs_or_none(), facts.samba_or_none()
    if nfs_facts is None:
        file = kernel_plan.file_name(served.name)
        commands = [directory.removed(f'{kernel.DIRECTORY}/{file}')]
    else:
        nobody = exports.Export(served.path, served.name, served.ident, {})
        commands = roomy([
            *_taken_over(nfs_facts, served.path), *kernel_plan.plan(
                nfs_facts, nobody, served.ident)])
    if samba_facts is None:
        return [*commands, directory.run(
            'net', 'conf', 'delshare', served.name,
            accept=frozenset(range(256)))]
    return commands + samba_plan.removed(samba_facts, served.name)


def _told(facts: Facts, served: Served) -> None:
    """:raises BackendError: it is not known who reaches the share.

    Where there is no server of its protocol, nobody does.
    """
    for proto, told, absent in (
            ('NFS', facts.exported, kernel.NoKernelNfs),
            ('CIFS', facts.shared, samba.NoSamba)):
        if served.proto in ('', proto) and isinstance(
                told, exception.DriverError) and not isinstance(told, absent):
            raise told


def closed(facts: Facts, served: Served) -> Commands:
    """Let nobody in; who may stays written down."""
    nfs_facts, samba_facts = facts.nfs_or_none(), facts.samba_or_none()
    commands = [] if nfs_facts is None else roomy(kernel_plan.closed(
        nfs_facts, served.path))
    if samba_facts is not None:
        commands += samba_plan.suspended(samba_facts, served.name)
    return commands


def reopened(facts: Facts, served: Served, *,
             always: bool = False) -> Commands:
    """Let in who may be let in, as it is written down.

    :param always: as if :func:`closed` had been run meanwhile.
    """
    nfs_facts, samba_facts = facts.nfs_or_none(), facts.samba_or_none()
    commands: Commands = []
    if nfs_facts is not None:
        now = nfs_facts.of(served.path)
        want = _written_down(nfs_facts, served.path)
        commands += roomy(kernel_plan.reopened(
            () if always else now, kernel_plan.less(now, want)
            if served.name in facts.unwritten else want))
    if samba_facts is not None:
        commands += samba_plan.resumed(samba_facts, served.name,
                                       always=always)
    return commands


def _written_down(facts: kernel.KernelFacts, path: str) -> tuple[Entry, ...]:
    """Return what is exported after the next start, or now."""
    return facts.kept.get(path) or tuple(
        entry for entry in facts.others if entry.path == path
    ) or facts.of(path)


def turns(served: Served) -> tuple[object, ...]:
    """Return what a script that closes a share, and opens it again, has to
    know: its note, seconds for both turns and the text of the second between.
    """
    return (guest_turns.note(served.ident), guest_turns.LOCK.patience,
            guest_turns.OPENING, guest_turns.opening(served.ident))


def closing(facts: Facts, served: Served) -> str:
    """Return the text of the turn that closes a share.

    :raises BackendError: who has to be let in again was not told.
    """
    _told(facts, served)
    return guest_turns.closing(
        served.ident, closed(facts, served),
        reopened(facts, served, always=True), _same(facts, served))


def _same(facts: Facts, served: Served) -> str:
    """Return what fails in a shell once others get in as is written down.

    What opens a share of Samba again names nobody.
    """
    nfs_facts = facts.nfs_or_none()
    if nfs_facts is None:
        return ':'
    name = kernel_plan.file_name(served.name)
    file = shlex.quote(f'{kernel.DIRECTORY}/{name}')
    text = shlex.quote(nfs_facts.files.get(name, '').rstrip('\n'))
    mark = shlex.quote(guest_turns.unwritten(served.name))
    found = f'[ "$(cat {file} 2>/dev/null)" = {text} ]'
    return found if served.name in facts.unwritten \
        else f'{found} && [ ! -e {mark} ]'


# Changes while a script has a share closed, and opens it at its end

def nfs_while_closed(facts: Facts, export: exports.Export,
                     ident: str) -> Commands:
    """Have a share be exported to the clients of an export once it is back.

    What goes wrong on the way leaves it closed.  A start of the server may
    have opened it meanwhile.

    :param ident: of the share.
    """
    export = mounted_only(export)
    shut = dataclasses.replace(facts.nfs, live=tuple(
        entry for entry in facts.nfs.live if entry.path != export.path))
    commands = [*_taken_over(facts.nfs, export.path), *kernel_plan.plan(
        shut, export, fsid(facts, export))]
    again = [one for one in commands if kernel_room.is_live(one)]
    files = kernel_room.kept([one for one in commands if one not in again],
                             unsynced=facts.unsynced)
    return _while_closed(ident, [
        *files, *_written(facts, export),
        *roomy(kernel_plan.closed(facts.nfs, export.path))], roomy(again))


def cifs_while_closed(facts: Facts, share: samba.SambaShare,
                      ident: str) -> Commands:
    """Do the same for Samba."""
    return _while_closed(ident, *samba_plan.while_closed(share))


def _while_closed(ident: str, commands: Commands,
                  again: Commands) -> Commands:
    return [guest_turns.replaced(ident, []), *commands,
            guest_turns.replaced(ident, again)]

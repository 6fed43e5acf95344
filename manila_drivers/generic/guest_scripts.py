# SPDX-License-Identifier: Apache-2.0

"""Scripts of a service VM, as texts: ``sh -c TEXT NAME ARGUMENTS``.

Whatever is particular to a share comes as an argument, so that nothing of it
is ever read as shell.  Names of disks are of the last look: each script that
touches a disk compares its serial number first, in the same breath.

Exit codes of their own are in :data:`MEANING`.
"""

from collections.abc import Mapping
import shlex

from manila_drivers import exception
from manila_drivers.generic import guest_shell
from manila_drivers.nas import directory
from manila_drivers.transport import command

FOREIGN, TOO_SMALL, BUSY, GONE, UNREAD, OTHER = 20, 21, 22, 23, 24, 26
BROKEN, DOWN, SLOW, UNCHANGED, TOO_LARGE = 27, 28, 31, 32, 33

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
    OTHER: (exception.Conflict, 'something else is mounted in its place',
            'what is mounted in the service VM'),
    BROKEN: (exception.BackendError, 'its file system cannot be mended',
             'e2fsck in the service VM, by somebody who looks at it'),
    DOWN: (exception.BackendError, 'it could not be brought back',
           'the log of the kernel in the service VM'),
    SLOW: (exception.Busy, 'its disk has not grown yet',
           'whether the hypervisor told the server of the new size'),
    UNCHANGED: (exception.BackendError, 'its file system has not grown', ''),
    TOO_LARGE: (exception.Unsupported,
                'its file system is larger than the share, and cannot shrink',
                'make a larger share of the snapshot'),
}

#: seconds, then of each disk that is waited for: volume, its short form,
#: bytes that it has more of.
DISKS = """\
set -u
""" + guest_shell.READ + """\
end=$(( $(date +%s) + $1 ))
shift
ours() {
    case $1 in "$2"|"$3"|*[_\\ ]"$2") return 0 ;; esac
    return 1
}
has() {
    while read -r name number size type serial; do
        if ours "$serial" "$1" "$2" && [ "$size" -gt "$3" ]; then
            return 0
        fi
    done
    return 1
}
there() {
    while [ $# -gt 0 ]; do
        printf '%s\\n' "$now" | has "$1" "$2" "$3" || return 1
        shift 3
    done
}
wanted() {
    found=$1
    shift
    while [ $# -gt 0 ]; do
        if ours "$found" "$1" "$2"; then return 0; fi
        shift 3
    done
    return 1
}
while :; do
    now=$(lsblk -bnrpo NAME,MAJ:MIN,SIZE,TYPE,SERIAL) || exit $?
    if there "$@"; then break; fi
    [ "$(date +%s)" -lt "$end" ] || break
    sleep 1
done
# What has only just appeared gets its names a moment later.
[ $# -eq 0 ] || udevadm settle -t 10 </dev/null >&2 || :
if [ -d /dev/disk/by-id ]; then
    # Names come and go meanwhile.
    find /dev/disk/by-id -ignore_readdir_race -type l \\
        -printf 'link %f %l\\n' || printf 'untold\\n'
fi
printf '%s\\n' "$now" | while read -r name number size type serial; do
    if [ "$type" != disk ]; then
        printf 'other %s\\n' "$number"
        continue
    fi
    printf 'disk %s %s %s %s\\n' "$name" "$number" "$size" "$serial"
    wanted "$serial" "$@" || continue
    status=0
    blkid -p -o export "$name" </dev/null || status=$?
    if [ "$status" -eq 2 ]; then read_ends "$name" || status=24; fi
    printf 'looked %s\\n' "$status"
done
"""

#: device, serial, UUID, then how to make the file system.
FORMAT = """\
set -eu
""" + guest_shell.HERE + guest_shell.READ + """\
dev=$1 serial=$2 uuid=$3
shift 3
here "$dev" "$serial"
status=0
found=$(blkid -p -o export "$dev" </dev/null) || status=$?
if [ "$status" -eq 2 ]; then
    read_ends "$dev" || exit 24
    "$@" "$dev" >&2 </dev/null
    exit 0
fi
printf '%s\\n' "$found" >&2
case "
$found
" in
*"
UUID=$uuid
"*) exit 0 ;;
esac
exit 20
"""

#: device, serial, kind, UUID, path of the share, bytes that it has at the
#: most, 0 if it may have as many as there are.
REIDENTIFY = """\
set -eu
""" + guest_shell.HERE + guest_shell.MENDED + guest_shell.MEASURED \
    + guest_shell.SHRUNK + """\
here "$1" "$2"
if [ "$(blkid -p -o value -s UUID "$1" </dev/null)" = "$4" ]; then exit 0; fi
[ -z "$(lsblk -nro MOUNTPOINT "$1")" ] || exit 22
case $3 in
xfs)
    # Its log has to be empty, which mounting does.
    place=/run/manila-$4
    mkdir -p "$place"
    mount -t xfs -o nouuid "$1" "$place"
    sizes=$(measured "$1" "$place" "$3")
    umount "$place"
    rmdir "$place"
    [ "$6" -eq 0 ] || [ $(( ${sizes% *} * ${sizes#* } )) -le "$6" ] || exit 33
    xfs_admin -U "$4" "$1" >&2 </dev/null ;;
*)
    mended "$1" "$3" -fp
    sizes=$(measured "$1" '' "$3")
    if [ "$6" -gt 0 ] && [ $(( ${sizes% *} * ${sizes#* } )) -gt "$6" ]; then
        shrunk "$1" "$6" "${sizes% *}"
    fi
    tune2fs -U "$4" "$1" >&2 </dev/null ;;
esac
"""

#: device, serial, path, kind, mode of the root directory or ''.
MOUNT = """\
set -eu
""" + guest_shell.HERE + guest_shell.MENDED + """\
here "$1" "$2"
mkdir -p "$3"
if mountpoint -q "$3"; then
    [ "$(mountpoint -d "$3")" = "$(lsblk -dnro MAJ:MIN "$1")" ] || exit 26
else
    mended "$1" "$4" -p
    mount -t "$4" "$1" "$3"
fi
[ -z "$5" ] || chmod "$5" "$3"
"""

#: path, its device number, seconds, 'dead' if the disk is gone.
UNMOUNT = """\
set -u
""" + guest_shell.UNMOUNTED + """\
[ -n "$4" ] || sync -f "$1" || :
unmounted "$1" "$2" "$3" "$4"
"""

#: path as the file has it, the line that it shall have, or ''.
FSTAB = """\
set -efu
path=$1 line=$2 file=/etc/fstab new=/etc/fstab.manila-new
: >"$new"
if [ -e "$file" ]; then
    while IFS= read -r old || [ -n "$old" ]; do
        set -- $old
        case ${1-} in
        '#'*) ;;
        *) if [ "${2-}" = "$path" ]; then continue; fi ;;
        esac
        printf '%s\\n' "$old"
    done <"$file" >"$new"
fi
[ -z "$line" ] || printf '%s\\n' "$line" >>"$new"
sync "$new"
mv -f -T "$new" "$file"
sync /etc
"""

#: path in each way that a file may have it.
EXPORTS = """\
set -efu
one=$1 two=$2 three=$3 file=/etc/exports new=/etc/exports.manila-new
[ -e "$file" ] || exit 0
# A line that ends with a backslash goes on in the next one.
lines= whole=
ended() {
    set -- $whole
    case ${1-} in
    "$one"|"$two"|"$three"|"\\"$one\\"") ;;
    *) printf '%s' "$lines" ;;
    esac
    lines= whole=
}
while IFS= read -r old || [ -n "$old" ]; do
    lines="$lines$old
"
    whole="$whole ${old%[\\\\]}"
    case $old in *[\\\\]) continue ;; esac
    ended
done <"$file" >"$new"
[ -z "$lines" ] || ended >>"$new"
sync "$new"
mv -f -T "$new" "$file"
sync /etc
"""

#: device, serial, path, device number, kind, bytes wanted, bytes that the
#: disk, and the file system in the end, have to have more of, seconds.
GROW = """\
set -eu
""" + guest_shell.HERE + guest_shell.MEASURED + """\
here "$1" "$2"
[ "$(mountpoint -d "$3")" = "$4" ] || exit 26
end=$(( $(date +%s) + $8 ))
rescan=/sys/class/block/${1##*/}/device/rescan
until size=$(blockdev --getsize64 "$1"); [ "$size" -gt "$7" ]; do
    if [ "$(date +%s)" -ge "$end" ]; then
        printf '%s has %s bytes\\n' "$1" "$size" >&2
        exit 31
    fi
    if [ -w "$rescan" ]; then printf '1\\n' >"$rescan" || :; fi
    sleep 1
done
want=$6
if [ "$size" -lt "$want" ]; then want=$size; fi
set -- "$1" "$3" "$5" "$7" $(measured "$1" "$3" "$5")
block=$5 before=$(( $5 * $6 ))
if [ "$before" -ge $(( want / block * block )) ]; then
    printf 'size=%s\\n' "$before"
    exit 0
fi
case $3 in
xfs) xfs_growfs -D $(( want / block )) "$2" >&2 </dev/null ;;
*) resize2fs "$1" $(( want / 1024 ))K >&2 </dev/null ;;
esac
set -- "$4" $(measured "$1" "$2" "$3")
after=$(( $2 * $3 ))
printf 'size=%s\\n' "$after"
[ "$after" -gt "$1" ] || exit 32
"""

#: The same arguments as of GROW, without the sixth and later: bytes, seconds.
#: ``closed`` and ``opened`` stand before it.
SHRINK = """\
set -eu
""" + guest_shell.HERE + guest_shell.MENDED + guest_shell.UNMOUNTED \
    + guest_shell.SHRUNK + """\
here "$1" "$2"
[ "$(mountpoint -d "$3")" = "$4" ] || exit 26
dev=$1 path=$3 number=$4 kind=$5 want=$6 patience=$7
set -- $(stat -f -c '%S %b %f' "$path")
block=$1
[ $(( ($2 - $3) * block )) -lt "$want" ] || exit 21
ended() {
    status=$?
    trap - EXIT
    set +e
    if [ "$(mountpoint -d "$path" 2>/dev/null)" != "$number" ]; then
        mount -t "$kind" "$dev" "$path" || exit 28
    fi
    opened || exit 28
    exit "$status"
}
trap ended EXIT
trap 'exit 143' HUP INT TERM
# Nobody may be listening: all the same it has to come back.
trap '' PIPE
closed
sync -f "$path"
unmounted "$path" "$number" "$patience" '' || exit $?
mended "$dev" "$kind" -fp
shrunk "$dev" "$want" "$block"
"""

#: path, device number, seconds; ``closed`` and ``opened`` stand before it.
SUSPEND = """\
set -eu
""" + guest_shell.UNMOUNTED + """\
path=$1 number=$2 patience=$3
ended() {
    status=$?
    trap - EXIT
    set +e
    if [ "$status" -ne 0 ]; then opened || exit 28; fi
    exit "$status"
}
trap ended EXIT
trap 'exit 143' HUP INT TERM
# Nobody may be listening: all the same it has to come back.
trap '' PIPE
closed
sync -f "$path" || :
unmounted "$path" "$number" "$patience" '' || exit $?
"""

#: path, device number, seconds, file that says who froze it.
FREEZE = """\
set -eu
[ "$(mountpoint -d "$1")" = "$2" ] || exit 26
path=$1 note=$4
token=$(cat /proc/sys/kernel/random/uuid)
printf '%s\\n' "$token" >"$note"
(sleep "$3"
if [ "$(cat "$note")" = "$token" ]; then
    rm -f "$note"
    fsfreeze -u "$path"
fi) </dev/null >/dev/null 2>&1 &
# Who is frozen by somebody else is thawed by this one as well: the note of
# that one has just been replaced.
fsfreeze -f "$path" || exit 22
"""

#: path, file that says who froze it.
THAW = """\
set -u
state=late
if [ -e "$2" ]; then
    rm -f "$2"
    state=thawed
fi
fsfreeze -u "$1" 2>/dev/null || state=late
printf '%s\\n' "$state"
"""


def run(name: str, text: str, *arguments: object,
        **parts: object) -> command.Command:
    """Return a script as a command.

    :param name: what it is called in logs and in lists of processes.
    """
    return directory.run('sh', '-c', text, f'manila-{name}',
                         *map(str, arguments), **parts)


def is_script(one: command.Command) -> bool:
    """Return whether exit codes of a command are those of this module."""
    return one.words()[:2] == ['sh', '-c']


def function(name: str, commands: list[command.Command]) -> str:
    """Return a shell's function that runs commands, all of them.

    It fails if one of them does.
    """
    lines = [f'{name}() {{', '    failed=0']
    for one in commands:
        text = one.input()
        said = shlex.join(one.words())
        fed = (said + ' </dev/null' if text is None
               else f'printf %s {shlex.quote(text)} | {said}')
        codes = '|'.join(map(str, sorted(one.accept - {0})))
        lines.append(f'    {fed} >&2 || ' + (
            f'case $? in {codes}) ;; *) failed=1 ;; esac' if codes
            else 'failed=1'))
    return '\n'.join([*lines, '    return $failed', '}', ''])

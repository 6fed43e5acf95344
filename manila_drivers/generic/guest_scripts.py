# SPDX-License-Identifier: Apache-2.0

"""Scripts of a service VM, as texts: ``sh -c TEXT NAME ARGUMENTS``.

Whatever is particular to a share comes as an argument, so that nothing of it
is ever read as shell.  Names of disks are of the last look: each script that
touches a disk compares its serial number first, in the same breath.

Exit codes of their own are in :data:`guest_codes.MEANING`.
"""

import shlex

from manila_drivers.generic import guest_shell
from manila_drivers.nas import directory
from manila_drivers.transport import command

#: seconds, then of each disk that is waited for: volume, its short form,
#: bytes that it has more of.
DISKS = """\
set -u
""" + guest_shell.READ + guest_shell.LATE + """\
patience=$1
end=$(( $(date +%s) + patience ))
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
    if late "$end" "$patience"; then break; fi
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
    + guest_shell.SHRUNK + guest_shell.MOUNTED + """\
here "$1" "$2"
number=$(lsblk -dnro MAJ:MIN "$1") && [ -n "$number" ] || exit 24
place=/run/manila-$4
there=0
mounted "$place" "$number" || there=$?
case $there in
# A call that was cut off has left it there.
0) umount "$place" ;;
1) ;;
*) exit "$there" ;;
esac
uuid=$(blkid -p -o value -s UUID "$1" </dev/null) || exit 24
if [ "$uuid" = "$4" ]; then exit 0; fi
table=$(cat /proc/self/mountinfo) && [ -n "$table" ] || exit 25
case $table in *" $number "*) exit 22 ;; esac
case $3 in
xfs)
    # Its log has to be empty, which mounting does.
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

#: device, serial, path, as the kernel has it, kind, mode of the root directory
#: or ''.
MOUNT = """\
set -eu
""" + guest_shell.HERE + guest_shell.MENDED + guest_shell.MOUNTED + """\
here "$1" "$2"
number=$(lsblk -dnro MAJ:MIN "$1") && [ -n "$number" ] || exit 24
mkdir -p "$3"
all=$(mounts "$4") || exit $?
case " $all" in
' ')
    mended "$1" "$5" -p
    mount -t "$5" "$1" "$3" ;;
*" $number ") ;;
*) exit 26 ;;
esac
[ -z "$6" ] || chmod "$6" "$3"
"""

#: path, as the kernel has it, its device number, seconds, 'dead' if the disk
#: is gone.
UNMOUNT = """\
set -u
""" + guest_shell.UNMOUNTED + """\
[ -n "$5" ] || sync -f "$1" || :
unmounted "$1" "$2" "$3" "$4" "$5"
"""

#: path as the file has it, the line that it shall have, or ''.  Where there
#: is no room for a new file, a line that shall go becomes a remark: that is
#: one byte in its place, so that no interruption can harm the others.
FSTAB = """\
set -efu
LC_ALL=C
path=$1 line=$2 file=/etc/fstab new=/etc/fstab.manila-new
its() {
    case ${1-} in '#'*) return 1 ;; esac
    [ "${2-}" = "$path" ]
}
lines() {
    [ -e "$file" ] || return 0
    while IFS= read -r old || [ -n "$old" ]; do
        if its $old; then continue; fi
        printf '%s\\n' "$old" || return 1
    done <"$file"
    [ -z "$line" ] || printf '%s\\n' "$line"
}
silenced() {
    at=0
    while IFS= read -r old || [ -n "$old" ]; do
        if its $old; then
            printf '#' | dd of="$file" bs=1 seek="$at" conv=notrunc \\
                status=none || return 1
        fi
        at=$(( at + ${#old} + 1 ))
    done <"$file"
}
if lines >"$new"; then
    sync "$new"
    mv -f -T "$new" "$file"
    sync /etc
else
    rm -f "$new"
    [ -z "$line" ] || exit 1
    silenced
    sync "$file"
fi
"""

#: path in each way that a file may have it, the file.
EXPORTS = """\
set -efu
one=$1 two=$2 three=$3 file=$4 new=$4.manila-new
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
sync "${file%/*}"
"""

#: device, serial, path, device number, kind, bytes wanted, bytes that the
#: disk, and the file system in the end, have to have more of, seconds, path as
#: the kernel has it.
GROW = """\
set -eu
""" + guest_shell.HERE + guest_shell.MEASURED + guest_shell.MOUNTED \
    + guest_shell.LATE + """\
here "$1" "$2"
served "$9" "$4"
end=$(( $(date +%s) + $8 ))
rescan=/sys/class/block/${1##*/}/device/rescan
until size=$(blockdev --getsize64 "$1"); [ "$size" -gt "$7" ]; do
    if late "$end" "$8"; then
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

#: As of GROW up to the kind, then bytes, seconds, path as the kernel has it,
#: note, seconds that the turns are waited for which close and open the share,
#: and the text of the second, between; it reads that of the first.  ``turn``
#: stands before it.
SHRINK = """\
set -eu
closing=$(cat)
""" + guest_shell.HERE + guest_shell.MENDED + guest_shell.UNMOUNTED \
    + guest_shell.SHRUNK + """\
here "$1" "$2"
served "$8" "$4"
dev=$1 disk=$2 path=$3 number=$4 kind=$5 want=$6 patience=$7 point=$8
shift 8
note=$1 soon=$2 late=$3 opening=$4
: >"$note"
set -- $(stat -f -c '%S %b %f' "$path")
block=$1
[ $(( ($2 - $3) * block )) -lt "$want" ] || exit 21
ended() {
    status=$?
    trap - EXIT
    set +e
    mounted "$point" "$number" || {
        # Somebody may have detached it, and attached another.
        here "$dev" "$disk" && mount -t "$kind" "$dev" "$path"
    } || exit 28
    turn "$late" "$opening" || exit 28
    exit "$status"
}
""" + guest_shell.CLOSED + """\
sync -f "$path"
unmounted "$path" "$point" "$number" "$patience" '' || exit $?
mended "$dev" "$kind" -fp
shrunk "$dev" "$want" "$block"
"""

#: path, as the kernel has it, device number, seconds, then as of SHRINK from
#: the note on.
SUSPEND = """\
set -eu
closing=$(cat)
""" + guest_shell.UNMOUNTED + """\
path=$1 point=$2 number=$3 patience=$4 note=$5
soon=$6 late=$7 opening=$8
: >"$note"
ended() {
    status=$?
    trap - EXIT
    set +e
    [ "$status" -eq 0 ] || turn "$late" "$opening" || exit 28
    # Who brings it back reads what is written down.
    rm -f "$note"
    exit "$status"
}
""" + guest_shell.CLOSED + """\
sync -f "$path" || :
unmounted "$path" "$point" "$number" "$patience" '' || exit $?
"""

#: path, as the kernel has it, device number, seconds, file that says who froze
#: it.
FREEZE = """\
set -eu
""" + guest_shell.MOUNTED + """\
served "$2" "$3"
path=$1 note=$5
token=$(cat /proc/sys/kernel/random/uuid)
printf '%s\\n' "$token" >"$note"
(sleep "$4"
[ -e "$note" ] || exit 0
# If it is not told whose turn it is, writes go on.
now=$(cat "$note") || now=$token
if [ "$now" = "$token" ]; then
    rm -f "$note"
    fsfreeze -u "$path" || { sleep 1; fsfreeze -u "$path"; }
fi) </dev/null >/dev/null 2>&1 &
# Who is frozen by somebody else is thawed by this one as well: the note of
# that one has just been replaced.
fsfreeze -f "$path" || exit 22
"""

#: path, file that says who froze it.
THAW = """\
set -u
state=late
# The note goes last: as long as it is there, somebody thaws in time.
if fsfreeze -u "$1" && [ -e "$2" ]; then
    rm -f "$2"
    state=thawed
fi
printf '%s\\n' "$state"
"""


def run(name: str, text: str, *arguments: object,
        **parts: object) -> command.Command:
    """Return a script as a command.

    :param name: what it is called in logs and in lists of processes.
    """
    return directory.run('sh', '-c', text, f'manila-{name}',
                         *map(str, arguments), **parts)


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

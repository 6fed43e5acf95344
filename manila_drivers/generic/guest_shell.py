# SPDX-License-Identifier: Apache-2.0

"""Functions of a shell that several scripts of a service VM begin with."""

import re

# A program that fails has not answered, and must not be taken for one that has
# found nothing.
#: device, serial: the script ends if they do not belong together.
HERE = """\
here() {
    if [ -b "$1" ]; then
        serial=$(lsblk -dnro SERIAL "$1") || exit 24
        [ "$serial" = "$2" ] && return 0
    fi
    printf '%s is not disk %s any more\\n' "$1" "$2" >&2
    exit 23
}
"""

# mountpoint and findmnt tell "nothing is mounted" by failing.  The kernel's
# own table always has something in it.
#: mounts: path; prints the device numbers of all that is mounted there, the
#: one that is seen last.  mounted: path, device number; 1 is "no", and
#: whatever else fails is no answer.  served: the script ends unless it is.
#: Paths are as the table has them: see :func:`point`.
MOUNTED = """\
mounts() {
    table=$(cat /proc/self/mountinfo) && [ -n "$table" ] || return 25
    printf '%s\\n' "$table" | while read -r id above number root place rest; do
        if [ "$place" = "$1" ]; then printf '%s ' "$number"; fi
    done
}
mounted() {
    all=$(mounts "$1") || return 25
    case " $all" in
    *" $2 ") ;;
    *" $2 "*) return 26 ;;
    *) return 1 ;;
    esac
}
served() {
    there=0
    mounted "$1" "$2" || there=$?
    case $there in 0) ;; 1) exit 26 ;; *) exit "$there" ;; esac
}
"""


def point(path: str) -> str:
    r"""Return a path as the kernel's table has it: blanks are ``\040``."""
    return re.sub(r'[ \t\n\\]', lambda match: f'\\{ord(match[0]):03o}', path)


# blkid -p says nothing is on a disk of which it can read nothing as well.  It
# looks for signatures in the first and the last MiB, of VMFS in the third.
#: device: fails if one of its ends cannot be read.
READ = """\
read_ends() {
    whole=$(blockdev --getsize64 "$1") || return 1
    [ "$whole" -ge 4194304 ] || return 1
    for from in 0 $(( whole / 512 - 8192 )); do
        dd if="$1" of=/dev/null bs=512 count=8192 skip="$from" \\
            status=none </dev/null || return 1
    done
}
"""

#: device, kind, flags of e2fsck.
MENDED = """\
mended() {
    case $2 in
    ext?) e2fsck "$3" "$1" >&2 </dev/null || [ $? -eq 1 ] || exit 27 ;;
    esac
}
"""

#: device, path, kind: prints bytes of a block, and how many blocks there are.
MEASURED = """\
header() {
    dumpe2fs -h "$1" 2>/dev/null | while read -r one two value; do
        if [ "$one $two" = "$2" ]; then printf '%s\\n' "$value"; fi
    done
}
measured() {
    case $3 in
    xfs)
        xfs_growfs -n "$2" </dev/null | while read -r one two three four rest
        do
            case $one,$three in
            data,bsize=*)
                four=${four#blocks=}
                printf '%s %s\\n' "${three#bsize=}" "${four%,}" ;;
            esac
        done ;;
    *) printf '%s %s\\n' "$(header "$1" 'Block size:')" \\
        "$(header "$1" 'Block count:')" ;;
    esac
}
"""

#: device, bytes, bytes of a block: the script ends if more is used.  It has to
#: be checked before.
SHRUNK = """\
shrunk() {
    least=$(resize2fs -P "$1" 2>/dev/null </dev/null)
    least=${least##*: }
    [ $(( least * $3 )) -le "$2" ] || exit 21
    status=0
    said=$(resize2fs "$1" $(( $2 / 1024 ))K 2>&1 </dev/null) || status=$?
    printf '%s\\n' "$said" >&2
    case $status,$said in
    0,*) ;;
    *'smaller than minimum'*) exit 21 ;;
    *) exit "$status" ;;
    esac
}
"""

#: seconds since 1970, then how often it may be asked, with a second between:
#: fails before that.  A clock that is not told is late, and one that is set
#: back meanwhile is counted out, so that no loop goes on for ever.
LATE = """\
rounds=0
late() {
    rounds=$(( rounds + 1 ))
    [ "$rounds" -le "$2" ] || return 0
    clock=$(date +%s) || return 0
    [ "$clock" -ge "$1" ]
}
"""

# A client that went away with a file open keeps it, and the file system in
# use, for hours after its export is gone: Linux is a courteous server.
#: path, as the kernel has it, its device number, seconds, 'dead' if the disk
#: is gone.
UNMOUNTED = MOUNTED + LATE + """\
expired() {
    states=/proc/fs/nfsd/clients
    here=$(printf 'superblock: "%02x:%02x:' "${1%:*}" "${1#*:}")
    [ -d "$states" ] || return 0
    ls "$states" | while read -r each; do
        case $(cat "$states/$each/states" 2>/dev/null) in
        *"$here"*) printf 'expire\\n' >"$states/$each/ctl" || : ;;
        esac
    done
}
unmounted() {
    end=$(( $(date +%s) + $4 ))
    while :; do
        there=0
        mounted "$2" "$3" || there=$?
        case $there in 0) ;; 1) return 0 ;; *) return "$there" ;; esac
        if [ -e /proc/fs/nfsd/unlock_filesystem ]; then
            printf '%s\\n' "$1" >/proc/fs/nfsd/unlock_filesystem || :
        fi
        said=$(umount "$1" 2>&1) && continue
        expired "$3"
        said=$(umount "$1" 2>&1) && continue
        if late "$end" "$4"; then
            [ -z "$5" ] || { umount -l "$1" && continue; }
            printf '%s\\n' "$said" >&2
            fuser -vm "$1" >&2 || :
            return 22
        fi
        sleep 1
    done
}
"""

#: Closes a share, which ``ended`` opens again whatever happens then.
CLOSED = """\
trap ended EXIT
trap 'exit 143' HUP INT TERM
# Nobody may be listening: all the same it has to come back.
trap '' PIPE
turn "$soon" "$closing"
"""

# SPDX-License-Identifier: Apache-2.0

"""Functions of a shell that several scripts of a service VM begin with."""

#: device, serial: the script ends if they do not belong together.
HERE = """\
here() {
    [ "$(lsblk -dnro SERIAL "$1" 2>/dev/null)" = "$2" ] && return 0
    printf '%s is not disk %s any more\\n' "$1" "$2" >&2
    exit 23
}
"""

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

# A client that went away with a file open keeps it, and the file system in
# use, for hours after its export is gone: Linux is a courteous server.
#: path, its device number, seconds, 'dead' if the disk is gone.
UNMOUNTED = """\
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
    end=$(( $(date +%s) + $3 ))
    while [ "$(mountpoint -d "$1" 2>/dev/null)" = "$2" ]; do
        if [ -e /proc/fs/nfsd/unlock_filesystem ]; then
            printf '%s\\n' "$1" >/proc/fs/nfsd/unlock_filesystem || :
        fi
        said=$(umount "$1" 2>&1) && continue
        expired "$2"
        said=$(umount "$1" 2>&1) && continue
        if [ "$(date +%s)" -ge "$end" ]; then
            [ -z "$4" ] || { umount -l "$1" && continue; }
            printf '%s\\n' "$said" >&2
            fuser -vm "$1" >&2 || :
            return 22
        fi
        sleep 1
    done
}
"""

# SPDX-License-Identifier: Apache-2.0

"""The scripts of jobs that copy snapshots.

Each is one script whose words come as arguments, so that no name is ever
part of its text.  ``$1`` is the driver's own directory, ``$2`` the share's
name: attempts to fill that share are ``$1/$2/1``, ``$1/$2/2`` and so on.

What several hosts have to agree on must not be a lock of flock(2), which
Storage Scale keeps per node.  Instead:

* An attempt is a directory that comes into being by rename(2), so one host
  alone can begin it, and the last one counts.
* ``host`` says where it runs, by name and machine-id, since the hosts of two
  sites may have one name.  There, and only there, a lock that its processes
  hold says whether it still lives.
* ``beat`` is a count that changes every few seconds as long as it lives.
  Other hosts compare it with what it was before, never with a clock.
* A job works in the directory that it entered before it made sure that it is
  the latest, and by relative names.  So one that was believed dead, and is
  not, cannot reach a fileset that was made anew meanwhile.
* A command that comes late begins nothing, since the fileset's comment no
  longer says that it is to be filled; nor does one whose attempt was told to
  ``stop`` before it came to the fileset that was made anew.
"""

from manila_drivers.ibm.gpfs import errors

START = 'manila-copy-start'
STATE = 'manila-copy-state'
LIST = 'manila-copy-list'
STOP = 'manila-copy-stop'
RENEW = 'manila-copy-renew'

# Owner, modes, times, ACLs, extended attributes, hard links, symbolic links
# and holes; numbers instead of names; and nothing of other file systems.
# What a job that died left half done is removed.
RSYNC = ('rsync', '-aHAXS', '--numeric-ids', '--one-file-system', '--delete')

# Seconds between two beats of a job.
BEAT = 5

# The machine-id is nobody else's business, so that its sum has to do.
_ME = """
me=$(uname -n)-$(cat /etc/machine-id 2>/dev/null | cksum | cut -d" " -f1)
"""

_LATEST = f"""{_ME}
number=0
while [ -d "$((number + 1))" ]; do number=$((number + 1)); done
"""

# The job itself: $1 its directory, $2 that of the one after it.
_JOB = """
attempt=$1 next=$2 beat=$3; shift 3
echo $$ >"$attempt/pid"
(
  exec 9>&-
  cd /
  count=0
  while sleep "$beat" && kill -0 $$ 2>/dev/null; do
    count=$((count + 1))
    if [ ! -d "$attempt" ] || [ -e "$next" ]; then kill -- -$$; fi
    if [ -e "$attempt/stop" ]; then echo 143 >"$attempt/rc"; kill -- -$$; fi
    echo "$count" >"$attempt/beat"
  done
) &
"$@" >"$attempt/log" 2>&1
status=$?
kill $!
echo "$status" >"$attempt/new" && mv "$attempt/new" "$attempt/rc"
"""

# How far the latest attempt is, in the directory of a share.
_TELL = f"""
{_LATEST}
if [ -e renew ]; then echo renewing $number; cat renew; exit 0; fi
if [ $number = 0 ]; then echo none 0; exit 0; fi
cd $number || exit 1
host=$(cat host)
if [ -f rc ]; then echo ended $number "$(cat rc)"
elif [ "$host" != "$me" ]; then
  echo elsewhere $number "$host" "$(cat beat)"
elif ! flock -n lock true; then echo running $number
# It may have ended since it was looked for first.
elif [ -f rc ]; then echo ended $number "$(cat rc)"
else echo died $number; fi
"""

SCRIPTS = {
    # $3 number of the attempt, $4 snapshot, $5 share, $6 directory of mm
    # commands, $7 file system, $8 id of the share, then the command.
    START: f"""
umask 077
state=$1 job=$2 number=$3 from=$4 to=$5 programs=$6 device=$7 owner=$8
shift 8
# What a tenant has called so is no snapshot, and hides the one there is; a
# link would even make us copy something else.
for each in "${{from%/*}}" "$from"; do
  case $(stat -c %F "$each") in
    directory) ;;
    *) echo "$each is no directory with snapshots" >&2; exit 2 ;;
  esac
done
found=$("${{programs}}mmlsattr" -L "$from" | sed -n '
s/[[:space:]]*$//
s/^snapshot name:[[:space:]]*//p')
case "$found" in
  "${{from##*/}}"|*":${{from##*/}}") ;;
  *) echo "$from is no snapshot, but something that users made:" \\
       "mmlsattr -L calls it '$found'" >&2; exit 2 ;;
esac
# Without -p: where the file system is not mounted nothing is made.
mkdir "$state" 2>/dev/null
mkdir "$state/$job" 2>/dev/null
cd "$state/$job" || exit 1
# Somebody has begun it, or it was ended and all of it removed.
[ ! -e "$number" ] || exit 0
[ "$number" = 1 ] || [ -d "$((number - 1))" ] || {{
  rmdir "$state/$job"; exit 0; }}
new=$(mktemp -d new.XXXXXX) || exit 1
exec 9>"$new/lock"
flock -n 9 || exit 1
{_ME}
echo "$me" >"$new/host"
echo 0 >"$new/beat"
mv -T "$new" "$number" 2>/dev/null || {{ rm -rf "$new"; exit 0; }}
attempt=$PWD/$number next=$PWD/$((number + 1))
# Looked at behind that, since whoever ends it changes the comment first.
said=$("${{programs}}mmlsfileset" "$device" "$job" -Y) || {{
  rm -rf "$attempt"; exit {errors.UNREADABLE}; }}
printf '%s\\n' "$said" | grep -qF -e "manila:$owner from " \\
  -e "manila%3A$owner from " -e "manila%3A$owner%20from%20" || {{
    echo "fileset $job is not to be filled (any more)" >&2
    rm -rf "$attempt"; rmdir "$state/$job" 2>/dev/null; exit 3; }}
cd "$to" || {{ rm -rf "$attempt"; exit 1; }}
[ -d "$attempt" ] && [ ! -e "$next" ] && [ ! -e "$attempt/stop" ] || exit 0
rm -f "${{attempt%/*}}/renew"
setsid sh -c '{_JOB}' copy "$attempt" "$next" {BEAT} "$@" "$from/" ./ \\
  </dev/null >/dev/null 2>&1 &
""",
    STATE: f"""
# Where the file system is not mounted nothing is known.
cd "${{1%/*}}" || exit 1
cd "$1/$2" 2>/dev/null || {{ echo none 0; exit 0; }}
{_TELL}
[ -f log ] && tail -c 500 log
exit 0
""",
    # All shares that there are files of, and how far each is.
    LIST: f"""
cd "${{1%/*}}" || exit 1
[ -e "$1" ] || exit 0
cd "$1" || exit 1
for job in *; do
  [ -d "$job" ] || continue
  printf '%s %s\\n' "$job" "$(cd "$job" && {{ {_TELL} }} 2>/dev/null |
    head -n 1)"
done
exit 0
""",
    # $3 what it is to be filled from.
    RENEW: f"""
cd "$1/$2" || exit 1
{_LATEST}
# It must not get into the fileset that is going to be made.
if [ $number -gt 0 ]; then : >$number/stop || exit 1; fi
printf '%s\\n' "$3" >renew
""",
    # $3 seconds to wait for its end.
    STOP: f"""
cd "$1/$2" 2>/dev/null || exit 0
{_LATEST}
if [ $number -gt 0 ] && [ ! -f $number/rc ]; then
  if [ "$(cat $number/host)" != "$me" ]; then
    # It looks now and then.  If it does not, it cannot do any harm: what it
    # fills is about to be removed.
    : >$number/stop
    left=$3
    until [ -f $number/rc ] || [ "$left" -le 0 ]; do
      sleep 1; left=$((left - 1))
    done
  elif ! flock -n $number/lock true; then
    # It may have been begun just now.
    [ -s $number/pid ] || sleep 2
    # Whoever holds the lock leads the group of the job.
    kill -- "-$(cat $number/pid)"
    flock -w "$3" $number/lock true || exit 1
  fi
fi
cd .. && rm -rf -- "./$2"
"""}

#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#         http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.

"""Shares made from snapshots: copied in the background, and taken up again.

The copy is a job on the management host.  It outlives this service, and its
state is where the next one finds it: the comment of the new fileset says
what it is being filled from until it is full, and files in a directory of
the driver's own, next to the shares, say how the job ended.  A job that died
is started again; what is copied already stays.
"""

from collections.abc import Sequence
import dataclasses
import logging
import posixpath
import re
from typing import Any

from manila_drivers import exception
from manila_drivers import model
from manila_drivers.ibm.gpfs import records
from manila_drivers.ibm.gpfs import shares as shares_module
from manila_drivers.ibm.gpfs import site as site_module
from manila_drivers.ibm.gpfs import snapshots as snapshots_module
from manila_drivers.transport import command

LOG = logging.getLogger(__name__)

Place = snapshots_module.Place
Results = Sequence[command.Result]

# How often a job that died is started again.
ATTEMPTS = 20

START = 'manila-copy-start'
STATE = 'manila-copy-state'
STOP = 'manila-copy-stop'

# Owner, modes, times, ACLs, extended attributes, hard links, symbolic links
# and holes; numbers instead of names; and nothing of other file systems.
# What a job that died left half done is removed.
RSYNC = ('rsync', '-aHAXS', '--numeric-ids', '--one-file-system', '--delete')

# Each is one script whose words come as arguments, so that no name is ever
# part of its text.  $1 is the directory, $2 the job's name.
# The lock is held as long as the job lives, whoever started it.
SCRIPTS = {
    START: """
umask 077
mkdir -p "$1" && cd "$1" || exit 1
from=$3 to=$4 job=$2
# What a tenant has called so is no snapshot, and hides the one there is; a
# link would even make us copy something else.
for each in "${from%/*}" "$from"; do
  case $(stat -c %F "$each") in
    directory) ;;
    *) echo "$each is no directory with snapshots" >&2; exit 2 ;;
  esac
done
found=$("$5" -L "$from" | sed -n '
s/[[:space:]]*$//
s/^snapshot name:[[:space:]]*//p')
case "$found" in
  "${from##*/}"|*":${from##*/}") ;;
  *) echo "$from is no snapshot, but something that users made:" \
       "mmlsattr -L calls it '$found'" >&2; exit 2 ;;
esac
exec 9>"$job.lock"
flock -n 9 || exit 0
shift 5
rm -f "$job.rc" "$job.pid"
uname -n >"$job.host"
echo >>"$job.tries"
setsid sh -c '
job=$1; shift
echo $$ >"$job.pid"
"$@" >"$job.log" 2>&1
echo $? >"$job.new" && mv "$job.new" "$job.rc"
' copy "$job" "$@" "$from/" "$to/" </dev/null >/dev/null 2>&1 &
""",
    STATE: """
cd "$1" 2>/dev/null || { echo none 0; exit 0; }
tries=$(wc -l <"$2.tries" 2>/dev/null || echo 0)
if [ -f "$2.lock" ] && ! flock -n "$2.lock" true; then echo running $tries
elif [ -f "$2.rc" ]; then echo ended $tries $(cat "$2.rc")
elif [ -f "$2.lock" ]; then echo died $tries
else echo none $tries; fi
[ -f "$2.log" ] && tail -c 500 "$2.log"
exit 0
""",
    STOP: """
cd "$1" 2>/dev/null || exit 0
if [ -f "$2.lock" ]; then
  if ! flock -n "$2.lock" true; then
    # Whoever holds the lock leads the group of the job, and is a stranger
    # on any other host.
    host=$(cat "$2.host")
    if [ "$host" != "$(uname -n)" ]; then
      echo "the copy runs on $host and can only be ended there" >&2
      exit 1
    fi
    # It may have been begun just now.
    [ -s "$2.pid" ] || sleep 2
    kill -- "-$(cat "$2.pid")"
  fi
  flock -w 30 "$2.lock" true || exit 1
fi
rm -f "$2.lock" "$2.host" "$2.pid" "$2.rc" "$2.new" "$2.log" "$2.tries"
"""}

# Codes with which rsync ends when somebody ended it, or the connection to
# its other half was lost: worth another attempt.
_ENDED = frozenset({10, 12, 14, 19, 20, 30, 35, *range(128, 256)})


@dataclasses.dataclass(frozen=True)
class Job:
    """How far a copy is.

    :param state: ``none``, ``running``, ``died`` or ``ended``.
    """

    state: str
    tries: int = 0
    status: int | None = None
    log: str = ''

    @classmethod
    def of(cls, text: str) -> 'Job':
        first, _, log = text.partition('\n')
        match = re.fullmatch(r'(none|running|died|ended) (\d+)(?: (\d+))?',
                             first.strip())
        if match is None:
            raise exception.BackendError('The state of a copy is not known',
                                         answer=text[:200])
        return cls(match[1], int(match[2]),
                   int(match[3]) if match[3] else None,
                   ' '.join(log.split()))

    @property
    def done(self) -> bool:
        return self.state == 'ended' and self.status == 0

    @property
    def failed(self) -> str:
        """Why there is no point in going on, '' if there is."""
        if self.state == 'running':
            return ''
        if self.state == 'ended' and self.status not in {0, *_ENDED}:
            return f'the copy ended with exit code {self.status}'
        if not self.done and self.tries >= ATTEMPTS:
            return f'the copy was begun {self.tries} times'
        return ''


class Copying:
    """Shares that are filled from snapshots."""

    def __init__(self, site: site_module.Site,
                 shares: shares_module.Shares,
                 snapshots: snapshots_module.Snapshots) -> None:
        self._site = site
        self._shares = shares
        self._snapshots = snapshots

    def create(self, share: model.Share, source: Place,
               specs: model.Specs) -> dict[str, Any]:
        """Make a share and begin to fill it.

        :raises NotFound: there is no such snapshot.
        """
        site = self._site
        facts = site.ask(self._snapshots.question(source))
        if facts.fileset is None or not facts.fileset.linked \
                or facts.snapshot is None or not facts.snapshot.valid:
            raise exception.NotFound(f'There is no valid snapshot {source}')
        locations = self._shares.create(share, specs, str(source))
        start = [self._start(share, source, facts.fileset.path)]
        try:
            site.do(start)
        except exception.OutcomeUnknown as exc:
            # It begins nothing that has begun.
            LOG.warning('Beginning to fill share %s once more, for %s',
                        share.id, exc)
            site.do(start)
        return {'status': 'creating_from_snapshot',
                'export_locations': locations}

    def status(self, share: model.Share) -> dict[str, Any]:
        """How far it is; a copy that died is taken up again."""
        site, make = self._site, self._site.commands
        path, device = site.settings.path(share.name), site.device
        commands = [make.filesets(device), make.quotas(device),
                    self._script(STATE, share)]
        fileset, parent, quotas, job = self._facts(share, commands)
        if fileset is None:
            raise shares_module.lost(share.name)
        locations = site.locations(path)
        if not fileset.source:
            return {'status': 'available', 'export_locations': locations,
                    'progress': '100%'}
        if job.done:
            # In this order nothing is left behind wherever it is cut off:
            # without its files a job is begun again, and has little to do.
            site.do([self.stop(share), make.comment(
                device, share.name, records.mark(share.id))])
            return {'status': 'available', 'export_locations': locations,
                    'progress': '100%'}
        if job.failed:
            LOG.error('Share %s cannot be filled from %s: %s. %s', share.id,
                      fileset.source, job.failed, job.log)
            return {'status': 'error', 'export_locations': locations}
        if job.state != 'running':
            if parent is None:
                LOG.error('Share %s cannot be filled any further: %s is '
                          'gone', share.id, fileset.source)
                return {'status': 'error', 'export_locations': locations}
            LOG.warning('The copy of %s to share %s is taken up again',
                        fileset.source, share.id)
            site.do([self._start(share, Place.parse(fileset.source),
                                 parent.path)])
        return {'status': 'creating_from_snapshot',
                'export_locations': locations,
                'progress': f'{_percentage(fileset, parent, quotas)}%'}

    def _facts(self, share: model.Share,
               commands: Sequence[command.Command]) -> Any:
        def understand(results: Results) -> Any:
            filesets = {one.name: one for one in records.filesets(
                commands[0], results[0]) if not one.deleted}
            mine = filesets.get(share.name)
            parent = filesets.get(Place.parse(mine.source).fileset) \
                if mine and mine.source else None
            wrong = records.failure(commands[2], results[2])
            if wrong is not None:
                raise wrong
            return (mine, parent if parent and parent.linked else None,
                    records.quotas(commands[1], results[1]),
                    Job.of(results[2].stdout))

        return self._site.ask(site_module.Question(commands, understand))

    def stop(self, share: model.Share) -> command.Command:
        """Ends the copy, if there is one, and removes its files."""
        return self._script(STOP, share)

    def _start(self, share: model.Share, source: Place,
               parent: str) -> command.Command:
        site = self._site
        return self._script(
            START, share,
            f'{parent}/{site.filesystem.snapshots}/{source.name}',
            site.settings.path(share.name),
            # By its path: the script is root's, and not the filters'.
            posixpath.join(site.settings.directory, 'mmlsattr'), *RSYNC)

    def _script(self, name: str, share: model.Share,
                *words: str) -> command.Command:
        return self._site.commands.script(
            SCRIPTS[name], name, self._site.settings.state_directory,
            share.name, *words)


def _percentage(fileset: records.Fileset, parent: records.Fileset | None,
                quotas: dict[str, records.Quota]) -> int:
    """How much is there already; only the end is the whole of it."""
    mine = quotas.get(fileset.name, records.Quota(fileset.name)).usage
    whole = quotas.get(parent.name, records.Quota('')).usage if parent else 0
    return min(99, 100 * mine // whole) if whole else 0

# SPDX-License-Identifier: Apache-2.0

"""Damage planted beside healthy shares on a simulated Storage Scale."""

import uuid

from manila_drivers import exception
from manila_drivers.audit import differences as found
from manila_drivers.testing.backends import gpfs
from manila_drivers.testing.simulators import gpfs as simulated
from manila_drivers.testing.simulators.gpfs import state
from tests.unit.audit import planted
from tests.unit.audit.planted import Plant
from tests.unit.direct import bench

BASE = gpfs.BASE
NETWORK = bench.TARGETS['ces'][0]
STRANGER = '203.0.113.7'


class Inside:
    """Stands for the doors to hosts that are in this process."""

    user, password, key_file, port, logins = 'manila', 'secret', None, 22, 0

    def write_known_hosts(self, path):
        path.write_text('')

    def start(self):
        pass

    stop = close = start


class Clock:
    """Time that passes when somebody waits."""

    now = 1000.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


def opened(stack, kind, directory, monkeypatch):
    """Open a bench whose hosts are in this process."""
    # In an environment with Manila this brings Manila along.
    from manila_drivers.ibm.gpfs import driver
    clock = Clock()
    sim = simulated.GpfsSim(clock, base=BASE)

    def struck(host):
        server = sim.servers.get(host)
        return simulated.Strike('unreachable') if server and server.dead \
            else None

    def runner(name):
        return simulated.SimHost(sim, name if name in sim.servers else '',
                                 strike=struck)
    build = driver.GPFSShareDriver.build_backend

    def wired(self):
        self.injected = {'make_runner': runner, 'clock': clock,
                         'sleep': clock.sleep}
        return build(self)
    monkeypatch.setattr(driver.GPFSShareDriver, 'build_backend', wired)
    return stack.enter_context(bench.bench(
        kind, directory, lambda: gpfs.Cluster(
            kind.upper(), sim, lambda hosts: Inside())))


def name_of(share):
    return f'share-{share.id}'


def path_of(share):
    return f'{BASE}/{name_of(share)}'


def fileset(place, share):
    return place.cluster.sim.state.filesets[name_of(share)]


def mm(place, *words):
    result = place.cluster.sim.run(list(words))
    assert result.status == 0, result


def field(**values):
    """Change a fileset as somebody does by hand."""
    def work(place, share):
        for key, value in values.items():
            setattr(fileset(place, share), key, value)
    return work


def size(gib):
    return field(limit_kib=gib * 1024 ** 2)


def orphan(place, share):
    ident = uuid.uuid4()
    place.cluster.sim.make_fileset(
        f'share-{ident}', f'{BASE}/share-{ident}', size=1,
        comment=f'manila:{ident}')


def orphan_unlinked(place, share):
    ident = uuid.uuid4()
    place.cluster.sim.make_fileset(f'share-{ident}',
                                   comment=f'manila:{ident}')


def orphan_snapshot(place, share):
    mm(place, 'mmcrsnapshot', 'gpfs0', f'share-snapshot-{uuid.uuid4()}',
       '-j', name_of(share))


def lost(place, share):
    mm(place, 'mmunlinkfileset', 'gpfs0', name_of(share), '-f')
    mm(place, 'mmdelfileset', 'gpfs0', name_of(share), '-f')


def given_away(place, share):
    fileset(place, share).comment = f'manila:{uuid.uuid4()}'


def twin(place, share):
    place.cluster.sim.make_fileset('copy-of-it',
                                   comment=f'manila:{share.id}')


def snapshot(place, share):
    with place.backend() as backend:
        return backend.shares.get(share.id).snapshot()


def lost_snapshot(place, share):
    taken = snapshot(place, share)
    mm(place, 'mmdelsnapshot', 'gpfs0', f'share-snapshot-{taken.id}', '-j',
       name_of(share))


def half_snapshot(status):
    def work(place, share):
        taken = snapshot(place, share)
        fileset(place, share).snapshots[
            f'share-snapshot-{taken.id}'].status = status
    return work


def snapshot_left(status):
    def work(place, share):
        taken = snapshot(place, share)
        with place.backend() as backend:
            record = backend.registry.snapshots.get(taken.id)
            backend.registry.snapshots.change(record, status=status)
        if status == 'creating':
            mm(place, 'mmdelsnapshot', 'gpfs0', f'share-snapshot-{taken.id}',
               '-j', name_of(share))
    return work


def creation_cut_off(place, share):
    """Of a share that is being made the fileset is there, and no more."""
    with place.backend() as backend:
        backend.shares.get(share.id).deny(NETWORK)
    planted.registry('shares', status='creating', task={'name': 'create'})(
        place, share)
    mm(place, 'mmunlinkfileset', 'gpfs0', name_of(share))
    fileset(place, share).limit_kib = 0


# -- exports -----------------------------------------------------------------

def servers(place):
    return list(place.cluster.sim.servers.values())


def on_all(change):
    """Change exports of every server, behind the driver's back.

    :param change: what is given the server, None for CES, the path, and the
        lines of its file, for Ganesha.
    """
    def work(place, share):
        for server in servers(place) or [None]:
            change(place, server, path_of(share))
    return work


def admit(client, level='rw'):
    return on_all(lambda place, server, path: export(
        place, server, path, client, level))


def export(place, server, path, client, level='rw'):
    """Let a client in, before all others."""
    if server is None:
        place.cluster.sim.state.exports.setdefault(path, []).insert(
            0, state.Client(client, {'access_type': level.upper()}))
    elif place.kind == 'knfs':
        assert server.execute(['exportfs', '-i', '-o', level,
                               f'{client}:{path}']).status == 0
    else:
        rewrite(server, path, lambda text: text.replace(
            '    CLIENT', f'    CLIENT {{ Clients = {client}; Access_Type = '
            f'{level.upper()}; }}\n    CLIENT', 1), f"""EXPORT {{
    Export_Id = 70; Path = "{path}"; Pseudo = "{path}"; Tag = "by-hand";
    Access_Type = None; Protocols = 3, 4; FSAL {{ Name = GPFS; }}
    CLIENT {{ Clients = {client}; Access_Type = {level.upper()}; }}
}}
""")


def rewrite(server, path, change, new=''):
    """Change Ganesha's file of an export, and have it read."""
    directory = '/etc/ganesha/export.d'
    name = path.strip('/').replace('/', '-') if new else ''
    file = next((each for each, text in server.files.text.items()
                 if f'Path = "{path}";' in text), f'{directory}/{name}.conf')
    server.files.text[file] = change(server.files.text.get(file, '')) or new
    index = f'{directory}/INDEX.conf'
    if file not in server.files.text[index]:
        server.files.text[index] += f'%include {file}\n'
    server.reboot()


def closed(place, server, path):
    if server is None:
        del place.cluster.sim.state.exports[path]
    elif place.kind == 'knfs':
        assert server.execute(['exportfs', '-u',
                               f'{NETWORK}:{path}']).status == 0
    else:
        number = next(number for number, each in server.exports.items()
                      if each.path == path)
        del server.exports[number]


def read_only(place, server, path):
    if server is None:
        place.cluster.sim.state.exports[path][0].options[
            'access_type'] = 'RO'
    elif place.kind == 'knfs':
        text = server.files.text['/var/lib/nfs/etab']
        server.files.text['/var/lib/nfs/etab'] = '\n'.join(
            line.replace('rw', 'ro') if path in line else line
            for line in text.splitlines()) + '\n'
    else:
        rewrite(server, path, lambda text: text.replace('= RW', '= RO'))


def one_server(place, share):
    export(place, servers(place)[1], path_of(share), STRANGER)


def elsewhere(path):
    """Export a directory that is no share's."""
    def work(place, share):
        for server in servers(place)[:1] or [None]:
            export(place, server, path.format(path_of(share)), STRANGER)
    return work


def export_of_nothing(place, share):
    elsewhere(f'{BASE}/share-{uuid.uuid4()}')(place, share)


def line_of_others(place, share):
    servers(place)[0].files.text['/etc/exports'] = \
        f'{path_of(share)} {STRANGER}(rw)\n'


def file_lost(place, share):
    for server in servers(place):
        for file in [file for file, text in server.files.text.items()
                     if path_of(share) in text and 'etab' not in file]:
            del server.files.text[file]


def unindexed(place, share):
    index = '/etc/ganesha/export.d/INDEX.conf'
    for server in servers(place):
        server.files.text[index] = ''.join(
            line for line in server.files.text[index].splitlines(True)
            if name_of(share) not in line)


def only_told_by_bus(place, share):
    """Ganesha serves it, and its file is gone."""
    unindexed(place, share)
    file_lost(place, share)


def debt(place, share):
    """Who was turned out while a server was away may still be let in."""
    server = servers(place)[1]
    server.dead = True
    with place.backend() as backend:
        try:
            backend.shares.get(share.id).deny(NETWORK)
        except exception.DriverError:
            pass
        else:
            raise AssertionError('the other server was told')
    server.dead = False


# -- copies ------------------------------------------------------------------

def copying(place, share):
    planted.registry('shares', status='creating_from_snapshot',
                     task={'name': 'copy'})(place, share)


def job(status=None, died=False):
    """Leave a share half filled, and recorded as being so."""
    def work(place, share):
        taken = snapshot(place, share)
        with place.backend() as backend:
            made = backend.snapshots.get(taken.id).clone(f'of {share.name}')
            sim = place.cluster.sim
            # The next one takes its time.
            sim.options.copy_seconds = 3600.0
            for one in sim.state.jobs[name_of(made)].attempts:
                one.running, one.status, one.died = False, status, died
    return work


def still_copying(place, share):
    """The share is still being filled, and recorded as whole."""
    taken = snapshot(place, share)
    one = fileset(place, share)
    one.comment += f' from {name_of(share)}:share-snapshot-{taken.id}'


def files_left(place, share):
    sim = place.cluster.sim
    sim.state.jobs[f'share-{uuid.uuid4()}'] = state.Jobs([state.Job(
        '/gone', 77, '', 0.0, 1.0, status=0, running=False)])


FILESETS = {
    'orphan share': Plant(orphan, (found.ORPHAN_SHARE,), mended=False),
    'orphan that is not linked': Plant(
        orphan_unlinked, (found.ORPHAN_SHARE,), mended=False),
    'orphan snapshot': Plant(orphan_snapshot, (found.ORPHAN_SNAPSHOT,),
                             mended=False),
    'given away': Plant(given_away, (found.LOST_SHARE, found.ORPHAN_SHARE),
                        mended=False),
    'mark lost': Plant(field(comment=''), (found.ODD,), mended=False),
    'two of one mark': Plant(twin, (found.ODD,), mended=False),
    'junction lost': Plant(field(path=''), (found.LOST_PART,)),
    'junction elsewhere': Plant(field(path=f'{BASE}/elsewhere'),
                                (found.LOST_SHARE,), mended=False),
    'larger': Plant(size(7), (found.SIZE,)),
    'smaller': Plant(size(1), (found.SIZE,)),
    'without limit': Plant(size(0), (found.SIZE,)),
    'snapshot lost': Plant(lost_snapshot, (found.LOST_SNAPSHOT,),
                           mended=False),
    'snapshot half deleted': Plant(half_snapshot('DeleteRequired'), (
        found.LOST_SNAPSHOT,), mended=False),
    'snapshot in an odd state': Plant(half_snapshot('Emptied'), (
        found.NOT_SEEN,), mended=False),
    'rule being given': planted.PLANTS['rule being given'],
    'rule being taken': planted.PLANTS['rule being taken'],
    'resize cut off': planted.PLANTS['resize cut off'],
    'deletion cut off': planted.PLANTS['deletion cut off'],
    'creation cut off': Plant(creation_cut_off, (found.UNFINISHED_SHARE,)),
    'snapshot being taken': Plant(snapshot_left('creating'),
                                  (found.UNFINISHED_SNAPSHOT,)),
    'snapshot being removed': Plant(snapshot_left('deleting'),
                                    (found.UNFINISHED_SNAPSHOT,)),
    'copied and not recorded so': Plant(copying, (found.COPY,)),
    'copy failed': Plant(job(status=11), (found.COPY,), mended=False),
    'copy died': Plant(job(died=True), (found.COPY,)),
    'copy recorded as whole': Plant(still_copying, (found.COPY,),
                                    mended=False),
    'files of a copy': Plant(files_left, (found.LEFT,), mended=False)}

EXPORTS = {
    'another client': Plant(admit(STRANGER), (found.WIDER,)),
    'open to all': Plant(admit('*'), (found.WIDER,)),
    'closed': Plant(on_all(closed), (found.NARROWER,)),
    'only for reading': Plant(on_all(read_only), (found.NARROWER,)),
    'a netgroup': Plant(admit('@staff'), (found.WIDER,)),
    'a directory in it': Plant(elsewhere('{}/inside'), (found.ODD,),
                               mended=False),
    'all shares': Plant(elsewhere(BASE), (found.ODD,), mended=False),
    'export of nothing': Plant(export_of_nothing, (found.LEFT,),
                               mended=False)}

SEVERAL = {
    'one server more': Plant(one_server, (found.WIDER,)),
    'a server owes': Plant(debt, (found.UNFINISHED_RULE, found.OWED))}

PLANTS = {
    # With its exports, which no share has then.
    'ces': {'lost': Plant(lost, (found.LOST_SHARE, found.LEFT),
                          mended=False), **FILESETS, **EXPORTS},
    'knfs': {
        'lost': Plant(lost, (found.LOST_SHARE, found.LEFT, found.LEFT),
                      mended=False), **EXPORTS, **SEVERAL,
        'a line in /etc/exports': Plant(line_of_others, (found.ODD,),
                                        mended=False),
        'file lost': Plant(file_lost, (found.SETTING,))},
    'gnfs': {**EXPORTS, **SEVERAL,
             'not read at a start': Plant(unindexed, (found.SETTING,)),
             'in no file': Plant(only_told_by_bus, (
                 found.NOT_SEEN, found.SETTING))}}

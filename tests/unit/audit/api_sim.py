# SPDX-License-Identifier: Apache-2.0

"""Manila's lists in memory, as its API tells them, with faults.

``tests/manila/test_audit.py`` asks a real Manila the same.
"""

import collections
import copy
import uuid

from manila_drivers import exception
from manila_drivers.manila_api import clouds

POOL = 'ctl@vast#vast'
#: What the newest services give at the most, whatever is asked for.
MOST = 1000


def denied(path):
    return clouds.ApiDenied(f'GET {path} of Manila was refused', status=403,
                            answer='HTTP 403 Policy does not allow it')


def missing(path):
    return exception.NotFound(f'GET {path} of Manila was refused',
                              status=404, answer='HTTP 404 (no words)')


def broken(path):
    return exception.BackendError(f'GET {path} of Manila failed', status=500,
                                  answer='HTTP 500 The server has failed')


class ManilaSim:
    """One Manila with share services; rows are dictionaries.

    ``faults`` are by path: an error to raise, or a function that changes an
    answer.  ``asked`` has the path of each request.
    """

    def __init__(self, hosts=('ctl@vast', 'ctl@other')):
        self.hosts = list(hosts)
        self.shares, self.instances = {}, {}
        self.rules = collections.defaultdict(list)
        self.snapshots, self.types, self.servers = {}, {}, {}
        self.details = {}
        self.faults = {}
        self.asked = []
        self.most = MOST
        #: Called before each request with its path.
        self.before = lambda path: None
        self.add_type('plain')

    # -- what there is ---------------------------------------------------

    def add_type(self, ident, **specs):
        self.types[ident] = {'id': ident, 'name': ident, 'extra_specs': {
            'driver_handles_share_servers': 'False', **specs}}

    def add(self, instance, size=2, name='', host=POOL, paths=(), **more):
        """Add a share with one instance; return the id of the share."""
        ident = str(uuid.uuid4())
        self.shares[ident] = {
            'id': ident, 'name': name, 'size': size, 'share_proto': 'NFS',
            'project_id': 'demo', 'removed': False}
        self.instances[instance] = {
            'id': instance, 'share_id': ident, 'host': host,
            'status': 'available', 'access_rules_status': 'active',
            'cast_rules_to_readonly': False, 'share_type_id': 'plain',
            'updated_at': '2026-01-01T00:00:00', 'export_locations':
            list(paths), 'share_server_id': None, **more}
        return ident

    def allow(self, share, target, level='rw', kind='ip', state='active'):
        self.rules[share].append({
            'id': str(uuid.uuid4()), 'access_type': kind,
            'access_to': target, 'access_level': level, 'state': state})

    def add_server(self, ident, host='ctl@g', status='active', details=None):
        """Add a share server; its details are not in lists."""
        self.servers[ident] = {'id': ident, 'host': host, 'status': status}
        self.details[ident] = dict(details or {})

    def snapshot(self, ident, instance, status='available'):
        self.snapshots[ident] = {
            'id': ident, 'snapshot_id': str(uuid.uuid4()),
            'share_instance_id': instance, 'status': status,
            'provider_location': None, 'updated_at': None}

    def of(self, instance):
        return self.instances[instance]['share_id']

    # -- what is told ----------------------------------------------------

    def get(self, path, version, **query):
        self.before(path)
        self.asked.append(path)
        fault = self.faults.get(path)
        if isinstance(fault, Exception):
            raise fault
        place, _, ident = path.rpartition('/')
        if place in ('/share_instances', '/shares', '/share-servers') \
                and ident != 'detail':
            answer = self.one(place, ident)
        else:
            answer = getattr(self, 'get_' + path.strip('/').replace(
                '/', '_').replace('-', '_'))(version, **query)
        return answer if fault is None else fault(answer, query)

    def one(self, place, ident):
        """Answer for one share, share instance or share server."""
        rows, key = {'/shares': (self.shares, 'share'),
                     '/share_instances': (self.instances, 'share_instance'),
                     '/share-servers': (self.servers, 'share_server')}[place]
        if ident not in rows:
            raise missing(f'{place}/{ident}')
        more = {'backend_details': dict(self.details[ident])} \
            if rows is self.servers else {}
        return {key: {**rows[ident], **more}}

    def told(self):
        """Return all that this Manila has, to be compared."""
        return copy.deepcopy((self.shares, self.instances, dict(self.rules),
                              self.snapshots, self.types))

    def get_services(self, version, binary=''):
        return {'services': [{'host': host, 'binary': binary}
                             for host in self.hosts]}

    def get_share_instances(self, version, is_soft_deleted='false'):
        rows = [dict(row) for row in self.instances.values()
                if self.shares[row['share_id']]['removed']
                == (is_soft_deleted == 'true')]
        for row in rows:
            if version == '2.8':
                row.pop('share_type_id')
            else:
                row.pop('export_locations')
        return {'share_instances': rows}

    def get_snapshot_instances_detail(self, version):
        return {'snapshot_instances': list(self.snapshots.values())}

    def get_types(self, version, is_public=''):
        return {'share_types': list(self.types.values()),
                'volume_types': list(self.types.values())}

    def get_share_servers(self, version):
        return {'share_servers': list(self.servers.values())}

    def get_shares_detail(self, version, *, limit, offset, host,
                          is_soft_deleted='false', **more):
        """Join shares with instances before counting off rows, as Manila."""
        rows = sorted(
            row['share_id'] for row in self.instances.values()
             if row['host'] == host and self.shares[row['share_id']][
                 'removed'] == (is_soft_deleted == 'true'))
        page = rows[int(offset):int(offset) + min(int(limit), self.most)]
        return {'shares': [self.shares[ident]
                           for ident in dict.fromkeys(page)],
                'count': len(set(rows))}

    def get_share_access_rules(self, version, share_id):
        return {'access_list': self.rules[share_id]}

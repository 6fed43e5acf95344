# SPDX-License-Identifier: Apache-2.0

"""Share servers in a simulated cloud, and the Manila that has them."""

import contextlib
import types
import uuid

from manila_drivers import compat
from manila_drivers.audit import differences as found
from manila_drivers.direct import loading
from manila_drivers.direct import manila_auditing
from manila_drivers.direct import passing_notes
from manila_drivers.direct import rows
from manila_drivers.registry import records
from tests.unit.audit import api_plants
from tests.unit.audit import api_sim
from tests.unit.audit import generic_planted
from tests.unit.audit import parts_planted
from tests.unit.audit.planted import Plant

HOST = 'ctl@generic'
SERVER = '0f0e0d0c-1111-4222-8333-444455556666'
OTHER = parts_planted.GONE
MARK = 'manila_share_instance_id'


class ServersPlace(generic_planted.Place):
    """A cloud with share servers, inside this process."""

    def __init__(self, directory, monkeypatch, **options):
        self.open()
        self.configure(directory, driver_handles_share_servers=True,
                       interface_driver='NoopInterfaceDriver', **options)
        self.wire(monkeypatch)
        # By this host what is made is marked.
        monkeypatch.setattr(compat, 'service_host', lambda: 'ctl')
        self.manila = api_sim.ManilaSim(hosts=[HOST])
        self.manila.types['plain']['extra_specs'][
            'driver_handles_share_servers'] = 'True'
        self.notes = passing_notes.PassingNotes()
        self.rows, self.server = {}, {}
        self.tenants = {}
        self.add(SERVER)
        # Nobody is the share service any more.
        monkeypatch.setattr(compat, 'service_host', lambda: '')

    def service(self):
        """Open the driver as the share service has it, with its notes."""
        conf = loading.section(self.conf, 'generic')
        made = loading.plain_driver(conf, self.notes, service_host='ctl')
        made.do_setup(None)
        return made

    def add(self, ident):
        """Have the driver make a share server, and enter it into Manila."""
        tenant = self.tenants.setdefault(
            ident, self.sim.tenant if not self.tenants else
            self.sim.add_tenant_network(
                'demo', f'10.{len(self.tenants)}.0.0/24'))
        details = self.service()._setup_server([{
            'server_id': ident, 'neutron_net_id': tenant.network_id,
            'neutron_subnet_id': tenant.subnet_id,
            'network_allocations': [], 'admin_network_allocations': [],
            'security_services': [], 'backend_details': {}}])
        self.rows[ident] = {'id': ident, 'status': 'active', 'host': HOST,
                            'identifier': details['identifier'],
                            'backend_details': details}
        self.use(ident)
        self.manila.add_server(ident, host=HOST, details=details)
        return details

    def use(self, ident):
        """Plant damage on this share server from now on."""
        details = self.rows[ident]['backend_details']
        self.server = {'id': details['instance_id'],
                       'address': details['public_address']}

    def share(self, name='', server=SERVER, known=True):
        """Have the driver make a share with a rule; Manila may know it."""
        ident, driver = str(uuid.uuid4()), self.service()
        row = {**rows.share(records.ShareEntry(
            ident, 'generic', name, 'NFS', 2, 'available')),
            'host': f'{HOST}#generic'}
        locations = rows.locations(driver.create_share(
            None, row, share_server=self.rows[server]))
        driver.update_access(None, row, [{
            'id': 'rule', 'access_id': 'rule', 'access_type': 'ip',
            'access_to': generic_planted.NETWORK, 'access_level': 'rw',
            'state': 'active'}], [], [], [], share_server=self.rows[server])
        paths = [each['path'] for each in locations]
        if known:
            share = self.manila.add(
                ident, name=name, host=f'{HOST}#generic', paths=paths,
                share_server_id=server)
            self.manila.allow(share, generic_planted.NETWORK)
        return types.SimpleNamespace(id=ident, locations=paths)

    @contextlib.contextmanager
    def audit(self):
        """Open an audit as a process of its own does."""
        with contextlib.closing(manila_auditing.ManilaAudit.of(
                self.conf, 'generic', self.manila, HOST)) as opened:
            yield opened

    def hurt(self, name, share):
        """Plant one damage; what is of a registry is of Manila here."""
        size = api_plants.SIZES['generic'].get(name)
        if size:
            self.manila.shares[self.manila.of(share.id)]['size'] = size
        else:
            PLANTS[name].work(self, share)


def orphan_on_server(place, share):
    """Make a share that is served, and of which Manila knows nothing."""
    place.share(known=False)


PLANTS = {**api_plants.of('generic'),
          'orphan that is served': Plant(
              orphan_on_server, (found.ORPHAN_SHARE,), mended=False)}

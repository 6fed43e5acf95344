# SPDX-License-Identifier: Apache-2.0

"""No check passes in a lab that does not show what it is about."""

import re

import pytest

from manila_drivers.testing.conformance import evidence
from manila_drivers.testing.conformance import lab
from manila_drivers.testing.conformance import running
from manila_drivers.testing.conformance import verdict
from manila_drivers.testing.conformance.labs import vast
from tests.conformance import catching
from tests.conformance import page

SCENARIOS = list(catching.SCENARIOS.values())
SITE = vast.VastLabs()


class YesMan:
    """Agrees with whatever it is asked for, and does nothing."""

    def do_setup(self, context):
        pass

    def check_for_setup_error(self):
        pass

    def __getattr__(self, name):
        return lambda *args, **kwargs: None

    def create_share(self, context, share, **more):
        return [{'path': '192.0.2.1:/' + share['id'],
                 'is_admin_only': False}]

    def create_share_from_snapshot(self, context, share, snapshot, **more):
        return self.create_share(context, share)

    def get_share_status(self, share, share_server=None):
        return {'status': 'available',
                'export_locations': self.create_share(None, share)}

    def manage_existing(self, share, options):
        return {'size': 1}

    def ensure_shares(self, context, shares):
        return {share['id']: {} for share in shares}

    def get_backend_info(self, context):
        return {'version': '1'}

    def update_share_usage_size(self, context, shares):
        return []

    def get_share_stats(self, refresh=False):
        return {
            'share_backend_name': 'nothing', 'vendor_name': 'Nobody',
            'driver_version': '1', 'storage_protocol': 'NFS',
            'driver_handles_share_servers': False,
            'total_capacity_gb': 1, 'free_capacity_gb': 1,
            'reserved_percentage': 0, 'reserved_snapshot_percentage': 0,
            'reserved_share_extend_percentage': 0,
            'snapshot_support': True,
            'create_share_from_snapshot_support': True}


class Emptiest(lab.Lab):
    """Says yes to everything it is asked for, and shows nothing."""

    features = lab.Features(revert=True)

    def make_driver(self, *, set_up=True):
        return YesMan()

    def records(self):
        return {}

    def effective(self, export, client):
        return None

    def write(self, export, size):
        pass


class EmptyPromises(Emptiest):
    """Has every method there is, and none of them does anything."""

    faults = (lab.Fault('nothing'),)
    secrets = ('nothing',)
    budgets = lab.Budgets(*[9] * 7)

    def arm(self, fault, nth, *, lasting):
        pass

    def plant_strangers(self, ids=()):
        pass

    def tampers(self):
        return (lambda export, choice: None,)

    def drifts(self):
        return (lab.Drift('nothing', lambda ident: None),)

    def make_unmanaged(self, name):
        return lab.Unmanaged('192.0.2.1:/' + name, 1, {})

    def make_unmanaged_snapshot(self, export, name):
        return name

    def slow_clones(self):
        pass

    def stop_clone(self, export):
        pass

    def away(self, seconds):
        pass

    def make_shares(self, ids):
        pass


class OpenToAll(EmptyPromises):
    """Everybody has access to everything, whatever the rules say."""

    def effective(self, export, client):
        return 'rw'


def outcome(make_lab, scenario):
    """Return 'passed', or the class of what was raised."""
    made = make_lab()
    try:
        scenario.run(made)
    except (verdict.Violation, verdict.NotTried) as exc:
        return type(exc).__name__
    finally:
        made.close()
    return 'passed'


@pytest.fixture(autouse=True)
def one_process(monkeypatch):
    monkeypatch.setenv('MANILA_DRIVERS_WORKERS', '1')
    monkeypatch.setenv('MANILA_DRIVERS_SCALE', '0.001')


@pytest.mark.parametrize('make_lab', [Emptiest, EmptyPromises, OpenToAll])
@pytest.mark.parametrize('scenario', SCENARIOS,
                         ids=[one.name for one in SCENARIOS])
def test_an_empty_lab_passes_nothing(make_lab, scenario):
    assert outcome(make_lab, scenario) != 'passed'


@pytest.mark.parametrize('make_lab', [Emptiest, EmptyPromises, OpenToAll])
@pytest.mark.parametrize('suite', [running.histories, running.faults])
def test_an_empty_lab_passes_no_large_suite(make_lab, suite):
    with pytest.raises((verdict.Violation, verdict.NotTried)):
        suite(make_lab).verify()


# One thing after the other is taken from a lab that has all of them.

def without(**attributes):
    return lambda: type('Less', (vast.VastLab,), attributes)(SITE.site)


def blind():
    """Make a lab whose driver is not observed while it works."""
    made = vast.VastLab(SITE.site)
    made.seam = type('Uncounted', (type(made.seam),), {
        'begin': lambda self: None, 'tell': lambda self: None})()
    return made


TAKEN = {
    'faults': without(faults=()),
    'secrets': without(__setattr__=lambda self, name, value: (
        lab.Lab.__setattr__(self, name, () if name == 'secrets'
                            else value))),
    'tampers': without(tampers=lambda self: ()),
    'drifts': without(drifts=lambda self: ()),
    'plant_strangers': without(plant_strangers=lab.Lab.plant_strangers),
    'make_unmanaged': without(make_unmanaged=lab.Lab.make_unmanaged),
    'make_shares': without(make_shares=lab.Lab.make_shares),
    'stop_clone': without(stop_clone=lab.Lab.stop_clone),
    'away': without(away=lab.Lab.away),
    'slow_clones': without(slow_clones=lab.Lab.slow_clones)}


@pytest.mark.parametrize(('name', 'scenario'), [
    (name, scenario) for name in TAKEN for scenario in SCENARIOS
    if name in scenario.gives],
    ids=lambda value: getattr(value, 'name', value))
def test_what_is_not_given_is_not_tried(name, scenario):
    made = TAKEN[name]()
    try:
        with pytest.raises(verdict.NotTried) as caught:
            scenario.run(made)
    finally:
        made.close()
    assert str(caught.value) == evidence.NOT_GIVEN[name]


SHOWN_BY = {
    'objects': without(records=lambda self: {('a',): 1}),
    'access': without(effective=lambda self, export, client: None),
    'calls': blind}


@pytest.mark.parametrize(('kind', 'scenario'), [
    (kind, scenario) for kind in SHOWN_BY for scenario in SCENARIOS
    if kind in scenario.looks and not scenario.missing(vast.VastLab.features)],
    ids=lambda value: getattr(value, 'name', value))
def test_what_is_not_shown_does_not_pass(kind, scenario):
    assert outcome(SHOWN_BY[kind], scenario) != 'passed'


@pytest.mark.parametrize('scenario', [
    one for one in SCENARIOS if 'budget' in one.name],
    ids=lambda one: one.name)
@pytest.mark.parametrize('make_lab', [blind, without(budgets=lab.Budgets())])
def test_a_budget_needs_a_number_and_a_count(make_lab, scenario):
    assert outcome(make_lab, scenario) == 'NotTried'


def test_a_process_that_cannot_be_ended_has_not_ended():
    assert outcome(blind, catching.SCENARIOS[
        'a_process_that_ends_leaves_no_lock']) == 'NotTried'


def test_writing_that_nobody_sees_is_not_writing():
    make_lab = without(write=lambda self, export, size: None)
    for name in ('a_full_share_can_be_extended',
                 'a_delete_takes_rules_and_data_along'):
        assert outcome(make_lab, catching.SCENARIOS[name]) == 'NotTried'


def test_records_that_are_handed_out_themselves_are_compared_all_the_same():
    """A lab may return its own dictionary, which changes afterwards."""
    class Careless(page.ExampleLab):
        def records(self):
            return self.store.shares

    assert outcome(Careless, catching.SCENARIOS[
        'every_call_may_be_repeated']) == 'passed'

    class Rewrites(page.ExampleLab.driver_class):
        def extend_share(self, share, new_size, share_server=None, **more):
            self._change('extend', share, lambda found: setattr(
                found, 'limit', found.limit + 1))

    Careless.driver_class = Rewrites
    assert catching.failed(lambda: catching.play(
        Careless, 'every_call_may_be_repeated')) == 'extend.repeated'


def test_the_table_of_the_page_is_what_the_checks_need():
    text = page.PAGE.read_text(encoding='utf-8')
    told = {}
    for row in text.split('\n   * - ')[1:]:
        given, _, checks = row.partition('\n     - ')
        checks = re.split(r'\n(?!       )', checks)[0]
        for name in re.findall(r'``(\w+)``', given):
            told[name] = set(re.findall(r'``([a-z_]{12,})``', checks))
    for name in evidence.NOT_GIVEN:
        assert told[name] == {scenario.name for scenario in SCENARIOS
                              if name in scenario.gives}, name

# SPDX-License-Identifier: Apache-2.0

"""The base class: construction, options, ensure_shares."""

import os
import threading

from oslo_config import cfg
import pytest

from manila_drivers import compat
from manila_drivers import driver
from manila_drivers import exception
from manila_drivers.driver import options
from tests.unit.driver import made


class Ensuring(driver.ShareDriver):
    """Answers what it is told."""

    def __init__(self, *args, **kwargs):
        self.answer = {}
        super().__init__(False, *args, **kwargs)

    def _ensure_shares(self, context, shares):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Bare(driver.ShareDriver):
    def __init__(self, *args, **kwargs):
        super().__init__(False, *args, **kwargs)


class Row:
    """Do what an ORM row does, and dictionaries do not."""

    def __init__(self, **values):
        self.__dict__ = values

    def __getitem__(self, key):
        return getattr(self, key)

    def get(self, key, default=None):
        return getattr(self, key, default)


SHARES = [{'id': 'a'}, Row(id='b'), {'id': 'c'}]


@pytest.mark.parametrize(('answer', 'expected'), [
    ({'a': {'status': 'error'}, 'b': {}, 'c': {'export_locations': []}},
     {'a': {'status': 'error'}, 'b': {}, 'c': {'export_locations': []}}),
    ({'a': {'reapply_access_rules': True}},
     {'a': {'reapply_access_rules': True}, 'b': {}, 'c': {}}),
    ({'a': None, 'z': {}}, {'a': {}, 'b': {}, 'c': {}}),
    ({}, {'a': {}, 'b': {}, 'c': {}}),
    (None, {'a': {}, 'b': {}, 'c': {}}),
    (exception.Unreachable('x'), {'a': {}, 'b': {}, 'c': {}}),
    (NotImplementedError(), {'a': {}, 'b': {}, 'c': {}}),
    (KeyError('bug'), {'a': {}, 'b': {}, 'c': {}})])
def test_every_share_gets_an_answer(tmp_path, answer, expected):
    ensuring = made.make(tmp_path, Ensuring)
    ensuring.answer = answer

    assert ensuring.ensure_shares(None, SHARES) == expected


def test_no_shares_no_answers(tmp_path):
    assert made.make(tmp_path, Ensuring).ensure_shares(None, []) == {}


def test_without_the_hook_there_is_no_such_call(tmp_path):
    with pytest.raises(NotImplementedError):
        made.make(tmp_path, Bare).ensure_shares(None, SHARES)


def test_a_driver_without_a_backend_lacks_what_it_does_not_write(tmp_path):
    bare = made.make(tmp_path, Bare)
    bare.do_setup(None)
    bare.check_for_setup_error()

    with pytest.raises(NotImplementedError):
        bare.create_share(None, {'id': 'a'})
    with pytest.raises(NotImplementedError):
        bare.get_backend_info(None)
    assert bare.update_share_usage_size(None, SHARES) == []
    stats = bare.get_share_stats(refresh=True)
    assert (stats['snapshot_support'],
            stats['create_share_from_snapshot_support']) == (False, False)
    # An error would leave the share half unmanaged.
    assert bare.unmanage({'id': 'a'}) is None
    assert bare.unmanage_with_server({'id': 'a'}) is None


def test_hook_data_is_passed_on(tmp_path):
    assert made.make(tmp_path, Bare).get_periodic_hook_data(
        context=None, share_instances=SHARES) is SHARES


def test_construction_does_nothing_else(tmp_path, monkeypatch):
    """No sockets, files, threads or processes; all would not survive."""
    def refuse(*args, **kwargs):
        raise AssertionError('the constructor did this')

    monkeypatch.setattr('socket.socket.connect', refuse)
    monkeypatch.setattr('threading.Thread.start', refuse)
    monkeypatch.setattr('subprocess.Popen.__init__', refuse)
    made.make(tmp_path, made.Optioned)

    assert os.listdir(tmp_path) == ['manila.conf']


def test_64_threads_construct(tmp_path):
    made.make(tmp_path, made.Optioned)
    done = []

    def construct(number):
        place = tmp_path / str(number)
        place.mkdir()
        done.append(made.make(place, made.Optioned).option('own'))

    threads = [threading.Thread(target=construct, args=(number,))
               for number in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert done == ['x'] * 64


def test_options_of_the_base_class_are_kept(tmp_path):
    """Options that Manila registered first count."""
    optioned = made.make(tmp_path, made.Optioned)

    assert optioned.option('own') == 'x'
    assert optioned.option('ssh_conn_timeout') == 60
    assert optioned.option('no_such_option') is None


def test_the_backend_has_a_name(tmp_path):
    mode = 'driver_handles_share_servers = False\n'

    assert made.make(tmp_path, Bare).backend_name == 'ALPHA'
    assert made.make(tmp_path, Bare, mode).backend_name == 'alpha'


def test_locks_of_the_host(tmp_path):
    first = made.make(tmp_path, Bare)

    with (first.lock('one'), pytest.raises(exception.Busy),
          first.lock('one', timeout=0.01)):
        pass


class Coordinator:
    """Has one lock, for whoever asks for any."""

    def __init__(self):
        self.held = False

    def get_lock(self, name):
        return self

    def acquire(self, blocking):
        free, self.held = not self.held, True
        return free

    def release(self):
        self.held = False
        return True


@pytest.mark.parametrize('handed', [True, False])
def test_locks_of_a_coordinator_that_is_handed_in(tmp_path, caplog, handed):
    coordinator = Coordinator() if handed else None

    class Alone(driver.ShareDriver):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, coordinator=coordinator, **kwargs)

        def has_backend(self):
            return False

    path = tmp_path / 'alone'
    path.mkdir()
    alone = made.make(path, Bare)
    handed_it = Alone(configuration=alone.configuration)
    with caplog.at_level('INFO'):
        handed_it.do_setup(None)
    told = ('all hosts that have the same coordinator' if handed
            else 'the processes of this host alone')
    assert f'Backend ALPHA: locks keep out {told}' in caplog.text
    with handed_it.lock('one'):
        assert not handed or coordinator.held
    assert not handed or not coordinator.held


def test_methods_of_the_base_are_there(tmp_path):
    bare = made.make(tmp_path, Bare)

    assert isinstance(bare, compat.BaseShareDriver)
    assert bare.get_pool({'id': 'a'}) is None
    assert bare.get_optional_share_creation_data({'id': 'a'}) == {}


# Options that meet others of their name.

def theirs(help_text='Theirs.', **kwargs):
    return cfg.StrOpt('shared', default='t', help=help_text, **kwargs)


def ours():
    return cfg.StrOpt('shared', default='o', help='Ours.')


class Section:
    """Registers as Manila's Configuration does."""

    def __init__(self):
        self.conf = cfg.ConfigOpts()
        self.conf([], default_config_files=[])

    def append_config_values(self, opts):
        self.conf.register_opts(opts, group='g')


def test_the_first_definition_stands():
    section = Section()
    section.append_config_values([theirs()])
    options.register_opts(section, [ours()])

    assert section.conf.g.shared == 't'


def test_others_may_come_later():
    section = Section()
    options.register_opts(section, [ours()])
    section.append_config_values([theirs()])
    options.register_opts(section, [ours()])

    assert section.conf.g.shared == 'o'


def test_others_do_clash_among_themselves():
    """The control: without us oslo.config refuses this."""
    section = Section()
    section.append_config_values([theirs()])

    with pytest.raises(cfg.DuplicateOptError):
        section.append_config_values([theirs('Otherwise.')])
    with pytest.raises(cfg.DuplicateOptError):
        section.append_config_values([ours()])


def test_ours_are_still_what_they_were():
    opt = cfg.IntOpt('number', default=3, min=1, secret=True, help='N.')
    twin = options.tolerant(opt)
    section = Section()
    options.register_opts(section, [opt])

    assert isinstance(twin, cfg.IntOpt)
    assert (twin.name, twin.default, twin.secret, twin.help) == (
        'number', 3, True, 'N.')
    assert section.conf.g.number == 3
    section.conf.set_override('number', '7', 'g')
    assert section.conf.g.number == 7
    assert type(opt) is cfg.IntOpt
    assert twin != cfg.IntOpt('other')
    assert twin == cfg.IntOpt('number')
    assert len({twin, opt}) == 2

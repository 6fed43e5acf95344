# SPDX-License-Identifier: Apache-2.0

"""One connection: when it gets no more commands, and how it ends."""

import socket
import threading
import time

import paramiko
import pytest

from manila_drivers.transport import ssh_connection
from manila_drivers.transport import ssh_login
from tests import listening
from tests import patience
from tests.unit.transport.ssh import places


class Session(places.Session):
    """A session that can be joined and may not end in peace."""

    active = True

    def __init__(self, ends=None):
        super().__init__()
        self.joined = []
        self._ends = ends

    def join(self, seconds):
        self.joined.append(seconds)

    def close(self):
        super().close()
        if self._ends is not None:
            raise self._ends


class Alarms(places.Alarms):
    """Remembers which alarms there were."""

    def __init__(self):
        super().__init__()
        self.ever = []

    def after(self, seconds, action):
        self.ever.append(seconds)
        return super().after(seconds, action)


def made(session=None, alarms=None):
    return ssh_connection.Connection(session or Session(),
                                     alarms or Alarms())


@pytest.mark.parametrize(('given', 'taken'), [
    (3.0, 3.0), (10.0, 10.0), (60.0, 10.0)])
def test_opening_has_its_deadline(given, taken):
    session, alarms = Session(), Alarms()
    made(session, alarms).open(given)
    assert session.timeouts == [taken]
    # That of the sending as well, and it is over.
    assert alarms.ever == [taken + ssh_connection.GRACE]
    assert alarms.set == []


@pytest.mark.parametrize(('error', 'told', 'up'), [
    (paramiko.SSHException('Timeout opening channel.'),
     'Timeout opening channel.', False),
    (TimeoutError('timeout'), 'timeout', False),
    (paramiko.ChannelException(1, 'no'), "ChannelException(1, 'no')", True),
    (OSError('reset'), 'reset', True), (EOFError(), 'end of file', True)])
def test_what_is_not_opened(error, told, up):
    """One that may open later counts for the server: it ends the session."""
    session, alarms = Session(), Alarms()
    session.breaks = error
    connection = made(session, alarms)
    with pytest.raises(ssh_connection.NotOpenedError) as caught:
        connection.open(5.0)
    assert str(caught.value) == told
    assert connection.alive is session.up is up
    assert alarms.set == []


def test_a_connection_lasts_for_so_many_commands(monkeypatch):
    monkeypatch.setattr(ssh_connection, 'LIFETIME', 3)
    connection = made()
    for _ in range(3):
        assert not connection.worn
        connection.open(1.0)
    assert connection.worn


def test_a_connection_lasts_for_so_many_that_were_given_up():
    connection = made()
    for _ in range(ssh_connection.STALLED):
        assert not connection.worn
        connection.note_stall()
    assert connection.worn


def test_refusals_count_in_a_row():
    connection = made()
    connection.busy = 1
    for _ in range(3):
        for _ in range(ssh_connection.REFUSED - 1):
            connection.note_refusal()
        assert not connection.worn
        connection.open(1.0)
    for _ in range(ssh_connection.REFUSED):
        assert not connection.worn
        connection.note_refusal()
    assert connection.worn
    assert connection.limit == ssh_connection.CHANNELS


@pytest.mark.parametrize(('limit', 'busy', 'after'), [
    (4, 4, 3), (4, 3, 2), (2, 4, 2), (4, 2, 1), (1, 2, 1)])
def test_a_refusal_beside_others_is_the_limit(limit, busy, after):
    connection = made()
    assert (connection.busy, connection.limit) == (0, 4)
    connection.limit, connection.busy = limit, busy
    for _ in range(ssh_connection.REFUSED):
        connection.note_refusal()
    assert connection.limit == after
    assert not connection.worn


def test_who_takes_too_long_ends_the_session():
    session, alarms = Session(), Alarms()
    connection = made(session, alarms)
    with pytest.raises(KeyError), connection.closed_after(7.0):
        raise KeyError
    assert (alarms.ever, alarms.set) == ([7.0], [])
    assert session.up
    with connection.closed_after(7.0):
        alarms.ring()
    assert not session.up
    assert not connection.alive


@pytest.mark.parametrize(('busy', 'stalled', 'spared'), [
    (1, False, False), (2, False, True), (9, False, True), (2, True, False)])
def test_others_are_spared_as_long_as_they_come_to_an_end(busy, stalled,
                                                          spared):
    session, alarms = Session(), Alarms()
    connection = made(session, alarms)
    connection.busy = busy
    if stalled:
        connection.note_stall()
    with connection.closed_after(2.0, 28.0):
        alarms.ring()
        assert session.up is spared
        if spared:
            assert alarms.ever == [2.0, 28.0]
            alarms.ring()
            assert not session.up
    assert alarms.set == []


def test_who_left_while_an_alarm_rang_is_left_alone():
    session, alarms = Session(), Alarms()
    connection = made(session, alarms)
    connection.busy = 2
    with connection.closed_after(2.0, 28.0):
        alarms.ring()
        (_, last), = alarms.set
    last()
    assert session.up


def test_an_opening_that_lasts_too_long_cuts_nobody_off():
    session = Session()
    session.breaks = paramiko.SSHException('Timeout opening channel.')
    connection = made(session)
    connection.busy = 2
    with pytest.raises(ssh_connection.NotOpenedError):
        connection.open(5.0)
    assert session.up
    assert connection.worn


@pytest.mark.parametrize('ends', [
    None, OSError(), EOFError(), paramiko.SSHException()])
def test_an_end_is_an_end(ends):
    session = Session(ends)
    made(session).close()
    assert not session.up


@pytest.mark.parametrize('up', [True, False])
def test_a_loss_is_waited_for_a_moment(up):
    session = Session()
    session.up = up
    connection = made(session)
    assert connection.confirmed_lost() is not up
    assert connection.confirmed_lost(2.0) is not up
    assert session.joined == [0.5, 2.0]


def test_a_session_of_the_parent_is_left_alone():
    mine, other = socket.socketpair()
    session = Session()
    session.sock = mine
    made(session).abandon()
    # Not closed in a way that the server would hear of.
    assert session.up
    assert session.active is False
    assert mine.fileno() == -1
    other.close()
    session.sock = None
    made(session).abandon()


@pytest.mark.parametrize('who', ['the server', 'somebody here'])
def test_the_end_of_a_session_while_a_channel_is_listed(serve, monkeypatch,
                                                        who):
    """Neither the thread of the session nor who ends it dies of that."""
    made = serve()
    transport = ssh_login.log_in(made.target())
    connection = ssh_connection.Connection(transport, Alarms())
    listed, whole = threading.Event(), paramiko.Channel._set_transport

    def late(channel, session):
        if session is not transport:
            return whole(channel, session)
        listed.set()
        transport.join(0.5)
        return whole(channel, session)

    def end():
        listed.wait(20)
        if who == 'the server':
            made.close()
        else:
            connection.close()

    monkeypatch.setattr(paramiko.Channel, '_set_transport', late)
    ending = threading.Thread(target=end)
    ending.start()
    began = time.monotonic()
    with pytest.raises(ssh_connection.NotOpenedError):
        connection.open(60.0)
    assert time.monotonic() - began < patience.seconds(5)
    listening.join(ending)
    listening.join(transport)
    assert transport.sock.fileno() == -1

# SPDX-License-Identifier: Apache-2.0

"""One command on one channel, with each moment chosen."""

import contextlib
import threading
import types

import paramiko
import pytest

from manila_drivers import exception
from manila_drivers.transport import command
from manila_drivers.transport import meter
from manila_drivers.transport import ssh
from manila_drivers.transport import ssh_exec
from tests import listening
from tests.unit.transport.ssh import places

OURS = (OSError('ours'), EOFError(), paramiko.SSHException('ours'))


class Event:
    """An event that nobody sets: waiting for it takes the whole time.

    :param then: called after each wait.
    """

    def __init__(self, clock, then=lambda: None):
        self._clock, self._then = clock, then
        self.on = False
        self.waits = []

    def set(self):
        self.on = True

    def clear(self):
        pass

    def is_set(self):
        return self.on

    def wait(self, seconds):
        self.waits.append(round(seconds, 3))
        self._clock.now += seconds
        self._then()
        return self.on


class Channel:
    """A channel with what has come on it.

    :param output: pieces of both outputs, in the order of coming.
    """

    def __init__(self, clock, *, output=(), error=None):
        self.closed = self.eof_received = False
        self.exit_status = -1
        self.status_event = Event(clock)
        self.in_buffer = self.in_stderr_buffer = types.SimpleNamespace(
            set_event=lambda event: None)
        self.asked = []
        self._output, self._error = list(output), error

    def exec_command(self, text):
        self.asked.append(text)
        if self._error is not None:
            raise self._error

    def recv_ready(self):
        return bool(self._output and self._output[0][0])

    def recv(self, size):
        out, self._output[0] = self._output[0][0], (b'', self._output[0][1])
        self._next()
        return out

    def recv_stderr_ready(self):
        return bool(self._output and self._output[0][1])

    def recv_stderr(self, size):
        err, self._output[0] = self._output[0][1], (self._output[0][0], b'')
        self._next()
        return err

    def _next(self):
        if self._output[0] == (b'', b''):
            self._output.pop(0)

    def end(self, status=0):
        self.exit_status = status
        self.status_event.set()


class Connection:

    alive = True
    lost = False

    def __init__(self):
        self.stalls = 0
        self.limits = []

    @contextlib.contextmanager
    def closed_after(self, seconds):
        self.limits.append(seconds)
        yield

    def confirmed_lost(self):
        return self.lost

    def note_stall(self):
        self.stalls += 1


@pytest.fixture
def clock(monkeypatch):
    made = places.Clock()
    monkeypatch.setattr(ssh_exec, 'time', made)
    return made


@pytest.fixture
def said(monkeypatch):
    """Notes of what is sent on the channel: input, and its end."""
    made = types.SimpleNamespace(
        sent=[], send=lambda channel, data: made.sent.append(data),
        send_end=lambda channel: made.sent.append(None))
    monkeypatch.setattr(ssh_exec, 'ssh_channel', made)
    return made


def execution(clock, channel, connection=None, *, then=lambda: None,
              timeout=60.0, **parts):
    made = ssh_exec.Execution(
        connection or Connection(), channel,
        command.Command.of('list', timeout=timeout, **parts), 'the text',
        'nfs1', timeout=timeout, max_output=100)
    made._event = Event(clock, then)
    return made


def test_a_command_and_its_end(clock, said):
    channel, connection = Channel(
        clock, output=[(b'out', b'err')]), Connection()
    channel.end(3)
    channel.eof_received = True
    with meter.measure() as trips:
        found = execution(clock, channel, connection).run()
    assert found == command.Result('out', 'err', 3)
    assert channel.asked == [b'the text']
    assert said.sent == [None]
    assert trips.counts == {'SSH': 1}
    # By the real clock.
    assert 0.0 < trips.waited < 100.0
    # No wait of paramiko's lasts longer than the command may.
    assert connection.limits == [62.0]
    assert clock.now == 1000.0


@pytest.mark.parametrize(('closed', 'alive'), [(True, True), (False, False)])
def test_a_channel_that_is_gone_gets_nothing(clock, said, closed, alive):
    channel, connection = Channel(clock), Connection()
    channel.closed, connection.alive = closed, alive
    with meter.measure() as trips, pytest.raises(ssh_exec.NotSentError):
        execution(clock, channel, connection).run()
    assert channel.asked == []
    assert trips.counts == {}


@pytest.mark.parametrize('error', OURS)
@pytest.mark.parametrize(('spent', 'lost', 'kind', 'why'), [
    (60.0, False, ssh.Cut, 'no sign that it was begun within 60 s.'),
    (59.0, True, ssh.Cut, 'the connection was lost.'),
    (59.0, False, exception.BackendError, 'refuses to run commands')])
def test_a_command_that_is_not_begun(clock, said, error, spent, lost, kind,
                                     why):
    channel, connection = Channel(clock, error=error), Connection()
    connection.lost = lost
    made = execution(clock, channel, connection)
    clock.now += spent
    with pytest.raises(kind) as caught:
        made.run()
    assert why in caught.value.what
    assert 'nfs1' in caught.value.what


@pytest.mark.parametrize(('closed', 'eof'), [(True, False), (False, True)])
def test_the_exit_code_is_waited_for_behind_the_end(clock, said, closed,
                                                    eof):
    channel = Channel(clock)
    channel.closed, channel.eof_received = False, eof
    channel.status_event = Event(clock, channel.end)
    made = execution(clock, channel)
    clock.now += 10.0
    # Closed, but only once the command was sent.
    real = channel.exec_command
    channel.exec_command = lambda text: (
        real(text), setattr(channel, 'closed', closed))
    channel.end = lambda: Channel.end(channel)
    assert made.run().status == 0
    assert channel.status_event.waits == [50.0]


def test_silence_behind_the_exit_code_is_an_end(clock, said):
    channel = Channel(clock, output=[(b'out', b'')])
    channel.end()
    made = execution(clock, channel)
    assert made.run().stdout == 'out'
    assert made._event.waits == [0.5] * 4


def test_output_behind_the_exit_code_puts_off_the_end(clock, said):
    channel = Channel(clock)
    channel.end()
    made = execution(clock, channel, then=lambda: (
        clock.now < 1003.0 and channel._output.append((b'x', b''))))
    assert made.run().stdout == 'xxxxx'
    assert clock.now == pytest.approx(1004.5)


@pytest.mark.parametrize(('timeout', 'waits'), [
    (0.3, [0.3]), (1.2, [0.5, 0.5, 0.2])])
def test_a_command_that_is_not_done_in_time(clock, said, timeout, waits):
    channel, connection = Channel(clock, output=[(b'out', b'err')]), None
    connection = Connection()
    made = execution(clock, channel, connection, timeout=timeout)
    with pytest.raises(ssh.Cut) as caught:
        made.run()
    assert caught.value.what == (
        f'Command list on nfs1: not done within {timeout} s and may still '
        f'run.')
    assert (caught.value.stdout, caught.value.stderr) == ('out', 'err')
    assert made._event.waits == waits
    assert connection.stalls == 1


def test_all_that_has_come_is_read_before_the_end(clock, said):
    """Both outputs are as long as each other, piece by piece."""
    channel = Channel(clock, output=[
        (b'out', b'err'), (b'OUT', b'ERR'), (b'', b'!'), (b'!', b'')])
    channel.end()
    channel.eof_received = True
    assert execution(clock, channel).run() == command.Result(
        'outOUT!', 'errERR!', 0)


@pytest.mark.parametrize('error', OURS)
@pytest.mark.parametrize('where', ['send', 'send_end'])
def test_a_command_need_not_read_its_input(clock, said, error, where):
    """Nor be there any more when it ends."""
    ended = threading.Event()

    def fail(*args):
        if where == 'send_end':
            ended.set()
        raise error

    setattr(said, where, fail)
    if where == 'send':
        said.send_end = lambda channel: ended.set()
    for parts in {'stdin': 'text'}, {}:
        channel = Channel(clock)
        channel.end()
        channel.eof_received = True
        assert execution(clock, channel, **parts).run().status == 0
        assert ended.wait(listening.SECONDS)
        ended.clear()
    for thread in threading.enumerate():
        if thread.name == 'ssh-input':
            listening.join(thread)


def test_input_that_is_not_read_keeps_no_service_from_ending(clock, said):
    go = threading.Event()
    said.send = lambda channel, data: go.wait(listening.SECONDS)
    channel = Channel(clock)
    channel.end()
    channel.eof_received = True
    assert execution(clock, channel, stdin='text').run().status == 0
    feeding = [one for one in threading.enumerate()
               if one.name == 'ssh-input']
    assert [one.daemon for one in feeding] == [True]
    go.set()
    listening.join(*feeding)


def test_no_more_is_kept_than_is_needed():
    kept = ssh_exec.Kept(4)
    for piece in b'ab', b'cd', b'ef', b'g', b'hijklm', b'n':
        kept.add(piece)
        assert kept._held == sum(map(len, kept._pieces))
        assert kept._held - len(kept._pieces[0]) < 4
    assert (kept.text(), kept.total) == ('klmn', 14)

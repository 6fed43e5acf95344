# SPDX-License-Identifier: Apache-2.0

"""The order in which things are said about a channel that ends."""

import threading
import time

import paramiko
from paramiko import common
import pytest

from manila_drivers.transport import ssh_channel
from tests import listening
from tests.unit.transport.ssh import server

NAMES = {common.MSG_CHANNEL_EOF: 'EOF', common.MSG_CHANNEL_CLOSE: 'CLOSE',
         common.MSG_CHANNEL_DATA: 'DATA'}


class Wire:
    """Notes what is sent; the first of a kind takes its time.

    It says so, and goes on when the other side's CLOSE has come and been
    answered, or has had ``patience`` seconds for that.
    """

    def __init__(self, transport, slow, patience=0.5):
        self.sent = []
        self.reached = threading.Event()
        self._slow = slow
        self._patience = patience
        self._go = threading.Event()
        self._send = transport.packetizer.send_message
        transport.packetizer.send_message = self

    def await_sent(self, name):
        """Wait until a message of that name was handed on."""
        end = time.monotonic() + 10
        while name not in self.sent:
            assert time.monotonic() < end, f'no {name} after {self.sent}'
            time.sleep(0.01)

    def __call__(self, message):
        name = NAMES.get(message.asbytes()[0])
        if name == self._slow and not self.reached.is_set():
            self.reached.set()
            self._go.wait(self._patience)
        if name:
            self.sent.append(name)
        self._send(message)
        if name == 'CLOSE':
            self._go.set()


@pytest.fixture
def open_channel(serve):
    """A channel whose other side ends it when it is told to."""
    end = threading.Event()

    def answer(channel, text):
        end.wait(10)
        server.end(channel)

    made = serve(answer)
    transport = paramiko.Transport(('127.0.0.1', made.port))
    transport.connect(username='manila', password=server.PASSWORD)
    channel = transport.open_session()
    channel.exec_command('anything')
    yield channel, end
    channel.close()
    transport.close()


def late_end(channel):
    """As paramiko does it: decide under the lock, send without."""
    with channel.lock:
        message = paramiko.Message()
        message.add_byte(common.cMSG_CHANNEL_EOF)
        message.add_int(channel.remote_chanid)
        channel.eof_sent = True
    channel.get_transport().packetizer.send_message(message)


@pytest.mark.parametrize(('way', 'order', 'patience'), [
    (ssh_channel.send_end, ['EOF', 'CLOSE'], 0.5),
    (late_end, ['CLOSE', 'EOF'], 20)])
def test_nothing_is_said_after_the_close(open_channel, way, order, patience):
    """The second way is the broken one that this has to catch."""
    channel, end = open_channel
    wire = Wire(channel.get_transport(), 'EOF', patience)
    sending = threading.Thread(target=way, args=(channel,))
    sending.start()
    wire.reached.wait(10)
    end.set()
    listening.join(sending)
    for name in order:
        wire.await_sent(name)

    assert wire.sent == order


def test_input_ends_with_the_channel(open_channel):
    channel, end = open_channel
    wire = Wire(channel.get_transport(), 'DATA')
    sending = threading.Thread(target=ssh_channel.send,
                               args=(channel, b'x' * 10_000_000))
    sending.start()
    wire.reached.wait(10)
    end.set()
    sending.join(10)

    assert not sending.is_alive()
    # paramiko calls a channel closed a moment before it answers the CLOSE.
    wire.await_sent('CLOSE')
    assert 'DATA' not in wire.sent[wire.sent.index('CLOSE'):]


def test_an_end_is_said_once(open_channel):
    channel, _ = open_channel
    wire = Wire(channel.get_transport(), None)

    ssh_channel.send_end(channel)
    ssh_channel.send_end(channel)
    ssh_channel.send(channel, b'too late')

    assert wire.sent == ['EOF']


class Line:
    """Stands for a channel and its transport; has room as a test says."""

    remote_chanid = 7
    closed = eof_sent = False

    def __init__(self, window=10 ** 6, packet=10 ** 6):
        self.lock = threading.Lock()
        self.out_buffer_cv = threading.Condition(self.lock)
        self.out_window_size = window
        self.out_max_packet_size = packet
        self.clear_to_send = threading.Event()
        self.clear_to_send.set()
        self.clear_to_send_lock = threading.Lock()
        self.active = True
        self.packetizer = self
        self.sent = []

    def get_transport(self):
        return self

    def is_active(self):
        return self.active

    def send_message(self, message):
        message.rewind()
        kind = message.get_byte()
        assert message.get_int() == self.remote_chanid
        self.sent.append(message.get_string() if
                         kind == common.cMSG_CHANNEL_DATA else kind)

    def run(self, way, *args):
        thread = threading.Thread(target=way, args=(self, *args),
                                  daemon=True)
        thread.start()
        return thread

    def await_sent(self, number):
        end = time.monotonic() + listening.SECONDS
        while len(self.sent) < number:
            assert time.monotonic() < end
            time.sleep(0.002)


def test_as_much_is_sent_as_there_is_room_for():
    """In each packet, and in the window, of which nobody may tell."""
    line = Line(window=9, packet=64 + 4)
    sending = line.run(ssh_channel.send, b'0123456789abcdefghijklmno')
    line.await_sent(3)
    assert line.sent == [b'0123', b'4567', b'8']
    assert line.out_window_size == 0
    time.sleep(0.15)
    assert len(line.sent) == 3
    line.out_window_size += 100
    listening.join(sending)
    assert b''.join(line.sent[3:]) == b'9abcdefghijklmno'
    assert max(map(len, line.sent)) == 4
    assert line.out_window_size == 84


@pytest.mark.parametrize(('way', 'sent'), [
    (lambda line: ssh_channel.send(line, b'data'), [b'data']),
    (ssh_channel.send_end, [common.cMSG_CHANNEL_EOF])])
def test_new_keys_are_waited_for(way, sent):
    line = Line()
    line.clear_to_send.clear()
    sending = line.run(way)
    # More than one look.
    sending.join(0.25)
    assert sending.is_alive()
    assert line.sent == []
    assert not line.eof_sent
    line.clear_to_send.set()
    listening.join(sending)
    assert line.sent == sent
    assert line.eof_sent is (sent != [b'data'])
    assert line.out_window_size == 10 ** 6 - 4 * (sent == [b'data'])


@pytest.mark.parametrize('way', [
    lambda line: ssh_channel.send(line, b'data'), ssh_channel.send_end])
def test_keys_of_a_connection_that_is_lost_are_not(way):
    line = Line()
    line.clear_to_send.clear()
    line.active = False
    listening.join(line.run(way))
    assert line.sent == []
    assert not line.eof_sent

# SPDX-License-Identifier: Apache-2.0

"""Sending input on a channel, without paramiko's race.

paramiko decides under the channel's lock that it may send, and sends when it
has let go of it.  If the command ends at that moment, its thread has answered
the server's CLOSE in between.  What is sent then is about a channel that is
no more, upon which OpenSSH ends the whole connection ("packet referred to
nonexistent channel") with all that runs on it, or about the next channel
with the same number.  Seen about once in a thousand commands with 64 threads.

So both happen under the lock here.  paramiko's reason for letting go is the
exchange of new keys, which nobody is waited for while the lock is held.
"""

import paramiko
from paramiko import common

# Room for the header of a packet, as paramiko reckons.
_HEADER = 64

# Seconds between two looks at what nobody announces.
_POLL = 0.1


def send(channel: paramiko.Channel, data: bytes) -> None:
    """Send all of ``data``, or what the other side takes until it ends."""
    view = memoryview(data)
    while view:
        with channel.lock:
            if channel.closed or channel.eof_sent:
                return
            size = min(len(view), channel.out_window_size,
                       channel.out_max_packet_size - _HEADER)
            if size <= 0:
                channel.out_buffer_cv.wait(_POLL)
                continue
            message = _message(common.cMSG_CHANNEL_DATA, channel)
            message.add_string(bytes(view[:size]))
            sent = _sent(channel, message)
            if sent:
                channel.out_window_size -= size
        if sent:
            view = view[size:]
        elif not _may_send(channel):
            return


def send_end(channel: paramiko.Channel) -> None:
    """Tell the other side that there is no more input."""
    while True:
        with channel.lock:
            if channel.closed or channel.eof_sent:
                return
            if _sent(channel, _message(common.cMSG_CHANNEL_EOF, channel)):
                channel.eof_sent = True
                return
        if not _may_send(channel):
            return


def _message(kind: bytes, channel: paramiko.Channel) -> paramiko.Message:
    message = paramiko.Message()
    message.add_byte(kind)
    message.add_int(channel.remote_chanid)
    return message


def _sent(channel: paramiko.Channel, message: paramiko.Message) -> bool:
    """Send unless keys are being exchanged; under the channel's lock."""
    transport = channel.get_transport()
    with transport.clear_to_send_lock:
        if not transport.clear_to_send.is_set():
            return False
        transport.packetizer.send_message(message)
        return True


def _may_send(channel: paramiko.Channel) -> bool:
    """Wait a little for the new keys; False if there is nobody to wait for.

    Not under the channel's lock: the thread that exchanges them needs it.
    """
    transport = channel.get_transport()
    transport.clear_to_send.wait(_POLL)
    return transport.is_active()

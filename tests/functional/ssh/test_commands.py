# SPDX-License-Identifier: Apache-2.0

"""Commands over a real sshd: what goes in, what comes back."""

import logging
import os
import pathlib
import socket
import threading
import time

from hypothesis import given
from hypothesis import HealthCheck
from hypothesis import settings
from hypothesis import strategies as st
import pytest

from manila_drivers import exception
from manila_drivers.transport import command
from manila_drivers.transport import script
from manila_drivers.transport import ssh
from tests import listening
from tests.functional.ssh import daemon

PASSWORD = 'correct-horse-battery'
HUGE = 100 * 1024 * 1024


def sh(script, *words, **parts):
    return command.Command.of('/bin/sh', '-c', script, 'sh', *words, **parts)


def test_a_long_command(host):
    cmd = command.Command.of('echo', *(['client.example'] * 6000))

    assert len(host.run(cmd).stdout) == 6000 * 15


def test_a_command_that_is_too_long_goes_in_a_script(host):
    cmd = command.Command.of('echo', *(['client.example'] * 60000))

    with pytest.raises(exception.InvalidRequest, match='too long'):
        host.run(cmd)

    assert len(script.run(host, [cmd])[0].stdout) == 60000 * 15


def test_both_outputs_and_the_exit_code(host):
    assert host.run(sh('echo out; echo err >&2; exit 3',
                       accept=frozenset({3}))) == command.Result(
        'out\n', 'err\n', 3)


def test_nothing_is_connected_before_the_first_command(hosts, target):
    gone = hosts.host(target(daemon_that_is_not(), connect_timeout=2.0))

    with pytest.raises(exception.Unreachable, match='No connection to'):
        gone.run(sh('true'))


def daemon_that_is_not():
    class Missing:
        address = '127.0.0.1'
        port = daemon.free_port(['127.0.0.1'])
        key_file = '/nowhere'
    return Missing()


@pytest.mark.parametrize('word', [
    '', ' ', 'a b', '$HOME', '`id`', '$(id)', '*', "'", '"', '\\', '\n',
    '; reboot', '| tee x', '&& false', '#', '~root', '-n', '!!', '%s',
    'ä\u20ac', '\udcff', '\x01\x7f', "'; touch /tmp/owned; '"])
def test_no_shell_looks_at_words(host, word):
    assert host.run(command.Command.of('printf', '%s|', word, 'x')).stdout \
        == word + '|x|'


@settings(max_examples=60, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(st.characters(codec='utf-8', exclude_characters='\0'),
                        max_size=30), min_size=1, max_size=5))
def test_any_word_arrives_as_it_is(host, words):
    printed = host.run(command.Command.of('printf', '%s\\0', *words)).stdout

    assert printed.split('\0')[:-1] == words


@pytest.mark.parametrize('text', ['', 'some text\n', 'x' * 5_000_000])
def test_input_is_read_to_its_end(host, text):
    assert host.run(command.Command.of('cat', stdin=text)).stdout == text


def test_without_input_there_is_an_end_of_it(host):
    assert host.run(command.Command.of('cat', timeout=5.0)).stdout == ''


def test_input_that_nobody_reads_does_not_matter(host):
    for _ in range(30):
        assert host.run(command.Command.of('true', stdin='x' * 200_000))


@pytest.mark.parametrize('streams', [('1',), ('2',), ('1', '2')])
def test_100_mb_on_either_output(hosts, sshd, target, streams):
    host = hosts.host(target(sshd, max_output=HUGE))
    script = ' '.join(f'head -c {HUGE} /dev/zero >&{one} &'
                      for one in streams)

    result = host.run(sh(script + ' wait', timeout=100.0))

    assert len(result.stdout) == HUGE * ('1' in streams)
    assert len(result.stderr) == HUGE * ('2' in streams)


def test_more_output_than_is_kept_is_an_error_that_counts_it(hosts, sshd,
                                                             target):
    host = hosts.host(target(sshd, max_output=1024 * 1024))

    with pytest.raises(exception.BackendError,
                       match=f'printed {HUGE} bytes') as caught:
        host.run(sh(f'head -c {HUGE} /dev/zero', timeout=100.0))

    assert caught.value.status == 0


def test_of_too_many_complaints_the_end_is_kept(hosts, sshd, target):
    host = hosts.host(target(sshd, max_output=1000))

    with pytest.raises(exception.BackendError, match=r'the reason$'):
        host.run(sh('yes noise | head -n 100000 >&2; echo the reason >&2; '
                    'exit 1'))


def test_an_exit_code_that_is_not_accepted(host):
    with pytest.raises(exception.BackendError) as caught:
        host.run(sh('echo partly; echo no such volume >&2; exit 7'))

    assert caught.value.status == 7
    assert caught.value.answer == 'no such volume'
    assert str(host) in str(caught.value)


def test_a_command_that_is_not_there(host):
    with pytest.raises(exception.BackendError) as caught:
        host.run(command.Command.of('no-such-command'))

    assert caught.value.status == 127


def test_a_signal_leaves_no_exit_code(host):
    with pytest.raises(exception.OutcomeUnknown, match='no exit code'):
        host.run(sh('kill -9 $$'))


def test_a_command_that_stalls_is_given_up_in_time(host):
    started = time.monotonic()

    with pytest.raises(exception.OutcomeUnknown, match=r'within 0\.5 s'):
        host.run(sh('echo begun; exec sleep 30', timeout=0.5))

    assert time.monotonic() - started < 5
    assert host.run(sh('echo well')).stdout == 'well\n'


def test_what_a_stalled_command_said_is_kept(host):
    with pytest.raises(ssh.Cut) as caught:
        host.run(sh('echo begun; exec sleep 30', timeout=0.5))

    assert caught.value.stdout == 'begun\n'


def alive(pid):
    return pathlib.Path(f'/proc/{pid}').exists()


@pytest.mark.parametrize('reap', [True, False])
def test_the_host_ends_a_stalled_command_if_asked_to(hosts, sshd, target,
                                                     reap):
    host = hosts.host(target(sshd, reap=reap))

    with pytest.raises(ssh.Cut) as caught:
        host.run(sh('echo $$; exec sleep 300', timeout=1.0))

    pid = int(caught.value.stdout)
    assert alive(pid) != reap
    assert ('was ended' if reap else 'may still run') in str(caught.value)
    if not reap:
        os.kill(pid, 9)


def test_what_stays_behind_does_not_keep_the_caller(host):
    started = time.monotonic()

    result = host.run(sh('sleep 20 & echo done'))

    assert result.stdout == 'done\n'
    assert time.monotonic() - started < 10


def test_stalled_commands_do_not_use_up_the_sessions(host, measured):
    """sshd counts them for as long as they run: ten, and it is full."""
    threads = [threading.Thread(target=stall, args=(host,))
               for _ in range(14)]
    for one in threads:
        one.start()
    listening.join(*threads)

    assert host.run(sh('echo well')).stdout == 'well\n'


def stall(host):
    with pytest.raises(exception.OutcomeUnknown):
        host.run(sh('exec sleep 60', timeout=0.3))


def test_secrets_show_nowhere(host, caplog):
    caplog.set_level(logging.DEBUG)
    cmd = sh('cat; exit 3', stdin=command.Secret(PASSWORD))

    with pytest.raises(exception.BackendError) as caught:
        host.run(cmd)

    assert '***' in str(caught.value)
    assert PASSWORD not in str(caught.value) + caplog.text


def test_secrets_of_the_input_are_in_no_list_of_processes(host):
    script = ('read secret; for file in /proc/[0-9]*/cmdline; do '
              'tr "\\0" " " <"$file" 2>/dev/null; done; echo read')

    listed = host.run(sh(script, stdin=command.Secret(PASSWORD + '\n')))

    assert 'read secret' in listed.stdout, 'the list shows nothing at all'
    # As a number of letters: this very process has the word in memory only.
    assert PASSWORD not in listed.stdout


def test_ipv6(hosts, make_sshd, target):
    if not socket.has_ipv6:
        pytest.skip('no IPv6 here')
    server = make_sshd(address='::1')
    host = hosts.host(target(server))

    assert host.run(sh('echo "$SSH_CLIENT"')).stdout.startswith('::1 ')
    assert str(host) == f'{daemon.USER}@[::1]:{server.port}'


def test_a_name_with_several_addresses(hosts, sshd, target, monkeypatch):
    """The first two addresses do not answer, each in its own way."""
    real = socket.getaddrinfo

    def several(name, port, *args, **kwargs):
        if name != 'several.example':
            return real(name, port, *args, **kwargs)
        return [info for address in ('192.0.2.1', '127.0.0.9', '127.0.0.1')
                for info in real(address, port, *args, **kwargs)]

    monkeypatch.setattr(socket, 'getaddrinfo', several)
    host = hosts.host(target(sshd, host='several.example',
                             connect_timeout=6.0))

    assert host.run(sh('echo well')).stdout == 'well\n'

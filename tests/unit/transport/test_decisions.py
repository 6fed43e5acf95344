# SPDX-License-Identifier: Apache-2.0

"""Test what is decided about requests and commands, as tables."""

import email.utils
import math
import socket
import ssl
import time

import pytest
import requests
import urllib3

from manila_drivers import exception
from manila_drivers.transport import command
from manila_drivers.transport import rest_errors
from manila_drivers.transport import rest_values
from manila_drivers.transport import retry
from manila_drivers.transport import verdict

# Repetitions


def policy(**parts):
    return retry.RetryPolicy(**{'jitter': lambda: 1.0, **parts})


@pytest.mark.parametrize(('attempt', 'pause'), [
    (1, 0.5), (2, 1.0), (3, 2.0), (5, 8.0), (6, 10.0), (70, 10.0),
    (10 ** 9, 10.0)])
def test_pauses_grow_up_to_a_limit(attempt, pause):
    assert policy().pause(attempt) == pause
    assert policy(jitter=lambda: 0.0).pause(attempt) == pause / 2
    assert policy(jitter=lambda: 0.5).pause(attempt) == pause * 0.75


def test_what_a_policy_says_is_what_counts():
    made = policy(first=3.0, growth=1.5, longest=5.0)
    assert [made.pause(number) for number in (1, 2, 3)] == [3.0, 4.5, 5.0]
    assert policy(longest=math.inf).pause(10 ** 9) == 0.5 * 2.0 ** 64
    assert [retry.POLLING.pause(number) for number in (1, 2, 99)] == [
        0.5, 0.625, 10.0]


@pytest.mark.parametrize(('asked', 'pause'), [
    ('3', 3.0), (' 3 ', 3.0), ('0', 0.5), ('', 0.5), ('soon', 0.5),
    ('-3', 0.5), ('3.5', 0.5), ('\xb2', 0.5),
    ('Mon, 01 Jan 0001 00:00:00 -0000', 0.5),
    # A time that is over asks for nothing.
    ('Wed, 21 Oct 2015 07:28:00 GMT', 0.5)])
def test_a_server_may_ask_for_a_pause(asked, pause):
    assert policy().pause(1, asked) == pause


def test_a_server_may_name_a_time():
    for seconds in 2, 50:
        asked = email.utils.formatdate(time.time() + seconds, usegmt=True)
        assert seconds - 2 < policy().pause(1, asked) <= seconds


@pytest.mark.parametrize(('attempt', 'spent', 'again'), [
    (1, 0.0, True), (3, 0.0, True), (4, 0.0, False), (1, 59.9, True),
    (1, 60.0, False)])
def test_repetitions_end(attempt, spent, again):
    made = policy(retries=3, total=60.0)
    assert made.again(attempt, spent) is again
    assert (made.wait(attempt, spent) is not None) is again


def test_the_last_repetition_comes_when_the_time_is_over():
    made = policy(total=60.0)
    assert made.wait(1, 10.0) == 0.5
    assert made.wait(3, 10.0) == 2.0
    assert made.wait(3, 59.0) == 1.0
    assert made.wait(1, 10.0, '20') == 20.0
    assert made.wait(1, 10.0, '70') == 50.0


def test_patience_is_the_least_of_what_is_asked_for():
    made = policy(total=60.0)
    with retry.patience(10):
        assert not made.again(1, 10.0) and made.again(1, 9.9)
        with retry.patience(20):
            assert not made.again(1, 10.0)
        with retry.patience(5):
            assert made.wait(9, 4.0) == 1.0
        with pytest.raises(ZeroDivisionError), retry.patience(5):
            made.wait(9, 1 / 0)
        assert made.again(1, 9.9)
    with retry.patience(90):
        assert made.again(1, 59.9) and not made.again(1, 60.0)
    assert made.again(1, 59.9)


def test_pauses_count_although_the_clock_stands_still():
    pauses = []
    attempts = retry.Attempts(policy(total=9.0), lambda: 5.0, pauses.append)
    while attempts.again():
        assert len(pauses) < 9
    assert pauses == [0.5, 1.0, 2.0, 4.0, 1.5]


def test_a_clock_that_runs_on_counts():
    times = iter([100.0, 100.0, 103.0, 104.0])
    pauses = []
    attempts = retry.Attempts(policy(total=4.0), times.__next__,
                              pauses.append)
    assert [attempts.again() for _ in range(3)] == [True, True, False]
    assert pauses == [0.5, 1.0]


# Errors of a REST server

ENDPOINT = rest_values.Endpoint('vms.example', 8443)
REQUEST = rest_values.Request('GET', '/api/views/')
POOL = urllib3.HTTPSConnectionPool('vms.example')


def caused(cause):
    """As requests has it: the cause is a reason among its arguments."""
    return requests.exceptions.ConnectionError(
        urllib3.exceptions.MaxRetryError(POOL, '/', cause))


def raised_from(cause):
    error = requests.exceptions.RequestException('told')
    error.__cause__ = cause
    return error


@pytest.mark.parametrize('wrap', [lambda cause: cause, caused, raised_from])
@pytest.mark.parametrize(('cause', 'kind', 'words'), [
    (ssl.SSLCertVerificationError('no'), exception.NotTrusted,
     'was not sent: the certificate'),
    (urllib3.connection.CertificateError('no'), exception.NotTrusted,
     'was not sent: the certificate'),
    (ConnectionRefusedError('no'), exception.Unreachable, 'was not sent'),
    (socket.gaierror('no'), exception.Unreachable, 'was not sent'),
    (urllib3.exceptions.NewConnectionError(POOL, 'no'),
     exception.Unreachable, 'was not sent'),
    (urllib3.exceptions.ConnectTimeoutError('no'), exception.Unreachable,
     'was not sent'),
    (requests.exceptions.ConnectTimeout('no'), exception.Unreachable,
     'was not sent'),
    (requests.exceptions.InvalidURL('no'), exception.Unreachable,
     'was not sent'),
    # Everything else may have been carried out.
    (ssl.SSLError('no'), exception.OutcomeUnknown, 'was sent'),
    (ConnectionResetError('no'), exception.OutcomeUnknown, 'was sent'),
    (requests.exceptions.ReadTimeout('no'), exception.OutcomeUnknown,
     'was sent'),
    (urllib3.exceptions.ProtocolError('no'), exception.OutcomeUnknown,
     'was sent')])
def test_whether_a_request_was_sent(wrap, cause, kind, words):
    error = wrap(cause)
    found = rest_errors.translate(error, REQUEST, ENDPOINT)
    assert type(found) is kind
    assert 'GET /api/views/ at https://vms.example:8443 ' + words \
        in found.what
    assert found.answer == f'{type(error).__name__}: {error}'


def test_each_cause_is_looked_at():
    error = requests.exceptions.RequestException(
        ConnectionRefusedError('no'), 'told')
    error.__cause__ = ValueError('of something else')
    found = rest_errors.translate(error, REQUEST, ENDPOINT)
    assert type(found) is exception.Unreachable


def test_errors_that_cause_each_other_are_looked_at_once():
    one, other = OSError('one'), OSError('other')
    one.__cause__, other.__cause__ = other, one
    found = rest_errors.translate(one, REQUEST, ENDPOINT)
    assert isinstance(found, exception.OutcomeUnknown)


# What goes to a REST server

@pytest.mark.parametrize(('method', 'repeatable', 'may'), [
    ('GET', None, True), ('DELETE', None, True), ('POST', None, False),
    ('POST', True, True), ('GET', False, False)])
def test_what_may_be_repeated(method, repeatable, may):
    assert rest_values.Request(
        method, '/', repeatable=repeatable).may_repeat is may


@pytest.mark.parametrize(('query', 'text'), [
    ((), 'GET /x'), ((('a', '1'),), 'GET /x?a=1'),
    ((('a', '1'), ('a', '2')), 'GET /x?a=1&a=2')])
def test_a_request_reads_as_text(query, text):
    assert str(rest_values.Request('GET', '/x', query)) == text


@pytest.mark.parametrize(('host', 'url'), [
    ('vms', 'https://vms:443'), ('::1', 'https://[::1]:443')])
def test_the_url_of_a_server(host, url):
    made = rest_values.Endpoint(host, read_timeout=7.0)
    assert made.url == url
    assert made.whole_timeout == 35.0


@pytest.mark.parametrize(('status', 'ok'), [
    (199, False), (200, True), (204, True), (299, True), (300, False),
    (404, False)])
def test_what_is_a_success(status, ok):
    assert rest_values.Response(status).ok is ok


@pytest.mark.parametrize(('text', 'brief'), [
    ('', '(no body)'), (' a\n b ', 'a b'), ('x' * 300, 'x' * 300),
    ('x' * 301, 'x' * 300 + '...')])
def test_the_start_of_a_body(text, brief):
    assert rest_values.Response(404, text).brief() == 'HTTP 404 ' + brief


# What the end of a command means

ASKED = command.Command.of('gluster', 'pool', stdin=command.Secret('key'))


@pytest.mark.parametrize(('sudo', 'stderr', 'status', 'kind', 'told'), [
    (True, 'sudo: gluster: command not found', 1, exception.BackendError,
     127),
    (False, 'sudo: gluster: command not found', 1, exception.BackendError,
     1),
    (True, 'sudo: a password is required', 1, exception.AccessDenied, 1),
    (False, 'sudo: a password is required', 1, exception.BackendError, 1),
    (True, 'no such volume', 2, exception.BackendError, 2)])
def test_what_a_failure_is(sudo, stderr, status, kind, told):
    result = command.Result('', stderr, status)
    found = verdict.failure(ASKED, 'nfs1', result, sudo=sudo)
    assert type(found) is kind
    assert found.status == told
    assert 'gluster pool on nfs1' in found.what


@pytest.mark.parametrize(('stdout', 'stderr', 'answer'), [
    ('out', 'bad key', 'bad ***'), ('out key', '', 'out ***'),
    ('', '', '')])
def test_what_a_failure_quotes(stdout, stderr, answer):
    found = verdict.failure(
        ASKED, 'nfs1', command.Result(stdout, stderr, 3), sudo=True)
    assert found.answer == answer
    cut = verdict.cut(ASKED, 'nfs1', 'gone.', stdout=stdout, stderr=stderr,
                      check='that')
    assert cut.what == 'Command gluster pool on nfs1: gone.'
    assert (cut.stdout, cut.stderr, cut.answer, cut.check) == (
        stdout, stderr, answer, 'that')


def test_a_refusal_of_sudo():
    assert verdict.refused(command.Result(
        '', 'sudo: a password is required', 1))
    assert not verdict.refused(command.Result('', 'no such volume', 1))


# Commands

def test_where_secrets_of_a_command_are():
    word, text = command.Secret('w'), command.Secret('t', prefix='p=')
    made = command.Command(('a', word), stdin=text, exposed=True)
    assert list(made.secrets()) == [word, text]
    assert made.input() == 'p=t'
    assert command.Command.of('a', stdin='plain').input() == 'plain'
    assert command.Command.of('a').input() is None
    assert list(command.Command.of('a').secrets()) == []
    assert command.Secret('').hidden_in('abc') == 'abc'
    assert repr(text) == "Secret('p=***')"
    assert f'{text:>7}|{word:_<5}' == '  p=***|***__'


def test_a_deadline_may_be_below_a_second():
    assert command.Command.of('a', timeout=0.5).timeout == 0.5


@pytest.mark.parametrize(('length', 'shown'), [
    (command.EXCERPT, 'x' * 500), (command.EXCERPT + 1, '...' + 'x' * 500)])
def test_how_much_of_an_output_is_quoted(length, shown):
    assert command.Command.of('a').excerpt('x' * length) == shown

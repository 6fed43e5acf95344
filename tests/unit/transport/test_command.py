# SPDX-License-Identifier: Apache-2.0

"""Commands as values, and secrets that do not print."""

import copy
import dataclasses
import pickle
import shlex
import string
import subprocess

from hypothesis import given
from hypothesis import strategies
import pytest

from manila_drivers.transport import command

PASSWORD = 'correct horse'

TEXT = strategies.text(
    strategies.characters(codec='utf-8', exclude_characters='\0'),
    max_size=20)


@pytest.mark.parametrize('show', [
    str, repr, '{}'.format, '{:>20}'.format, '{!r}'.format,
    lambda secret: '%s' % secret, lambda secret: f'{secret}',
    lambda secret: f'{[secret]}', lambda secret: f'{ {"a": secret} }',
    lambda secret: str(command.Command.of('x', stdin=secret)),
    lambda secret: repr(command.Command.of('x', stdin=secret)),
    lambda secret: str(command.Command.of('x', secret, exposed=True)),
    lambda secret: repr(command.Command.of('x', secret, exposed=True))])
def test_secrets_do_not_print(show):
    shown = show(command.Secret(PASSWORD, prefix='--password='))

    assert PASSWORD not in shown
    assert 'horse' not in shown


@pytest.mark.parametrize('write', [pickle.dumps, copy.deepcopy])
def test_secrets_are_not_written(write):
    with pytest.raises(TypeError, match='not written'):
        write(command.Secret(PASSWORD))


def test_secrets_can_be_had():
    secret = command.Secret(PASSWORD, prefix='-p')

    assert secret.reveal() == '-p' + PASSWORD
    assert secret == command.Secret(PASSWORD, prefix='-p')
    assert secret != command.Secret('other', prefix='-p')
    assert secret != '-p' + PASSWORD
    assert len({secret, command.Secret(PASSWORD, prefix='-p')}) == 1


def test_secrets_among_the_words_need_a_word():
    with pytest.raises(ValueError, match='list of processes'):
        command.Command.of('login', command.Secret(PASSWORD))

    exposed = command.Command.of('login', command.Secret(PASSWORD),
                                 exposed=True)
    assert exposed.words() == ['login', PASSWORD]
    assert exposed.shell() == "login 'correct horse'"
    assert str(exposed) == 'login ***'


def test_secrets_are_masked_in_answers():
    asking = command.Command.of('x', stdin=command.Secret(PASSWORD))

    assert asking.masked(f'wrong: {PASSWORD}!') == 'wrong: ***!'
    assert asking.excerpt(f'a\n b {PASSWORD}\n') == 'a b ***'
    assert command.Command.of('x', stdin=command.Secret('')).masked('a') == (
        'a')


def test_excerpts_are_short_and_keep_the_end():
    shown = command.Command.of('x').excerpt('begin ' + 'y' * 9999 + ' end')

    assert len(shown) < 600
    assert shown.startswith('...')
    assert shown.endswith(' end')


@pytest.mark.parametrize(('words', 'parts'), [
    ((), {}), (('a', 'b\0c'), {}), (('a',), {'timeout': 0}),
    (('a',), {'timeout': -1})])
def test_what_is_no_command(words, parts):
    with pytest.raises(ValueError, match=r'command'):
        command.Command.of(*words, **parts)


def test_commands_are_values():
    one = command.Command.of('echo', 1, root=True)

    assert one == command.Command(('echo', '1'), root=True)
    assert one != command.Command.of('echo', '2', root=True)
    assert hash(one) == hash(command.Command.of('echo', '1', root=True))
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.root = False


@given(strategies.lists(TEXT, min_size=1))
def test_quoting_keeps_every_word(words):
    made = command.Command.of(*words)

    assert shlex.split(made.shell()) == words
    assert str(made) == made.shell()


@pytest.mark.parametrize('word', [
    '', ' ', "it's", '$HOME', '`id`', '$(id)', 'a;b', 'a\nb', '*', '-n',
    '\\', '"', "'\"'", '~', '!x', 'ünï', string.punctuation])
def test_a_real_shell_agrees(word):
    made = command.Command.of('printf', '%s|', word, 'end')

    done = subprocess.run(['/bin/sh', '-c', made.shell()],
                          capture_output=True)

    assert done.stdout.decode() == word + '|end|'

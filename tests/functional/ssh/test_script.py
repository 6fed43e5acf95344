# SPDX-License-Identifier: Apache-2.0

"""Scripts: one round trip, several commands, here and over SSH."""

import time

import pytest

from manila_drivers import exception
from manila_drivers.transport import command
from manila_drivers.transport import local
from manila_drivers.transport import script
from tests.functional.ssh import proxy

PASSWORD = "correct 'horse' $battery"


def of(*words, **parts):
    return command.Command.of(*words, **parts)


def sh(text, **parts):
    return of('/bin/sh', '-c', text, **parts)


@pytest.fixture(params=['here', 'ssh'])
def runner(request):
    if request.param == 'here':
        return local.Local()
    return request.getfixturevalue('host')


def test_each_command_has_its_own_answer(runner, measured):
    results = script.run(runner, [
        of('echo', 'first'), sh('printf half; echo complaint >&2'),
        of('true'), sh('exit 2', accept=frozenset({0, 2})),
        of('printf', '\\n\\n')])

    assert results == (
        command.Result('first\n', '', 0),
        command.Result('half', 'complaint\n', 0),
        command.Result('', '', 0), command.Result('', '', 2),
        command.Result('\n\n', '', 0))
    assert measured.calls - measured.counts.get('SSH login', 0) == 1


def test_each_command_has_its_own_input(runner):
    texts = ['', 'a\n', "it's", 'no end', '\n\n', '%s \\n', '$HOME', 'ä']

    results = script.run(runner, [of('cat', stdin=text) for text in texts])

    assert [one.stdout for one in results] == texts


def test_no_command_eats_the_script(runner):
    assert len(script.run(runner, [of('cat'), of('cat')])) == 2


def test_the_first_failure_ends_it(runner, tmp_path):
    answer = script.attempt(runner, [
        of('touch', tmp_path / 'a'), sh('echo no >&2; exit 3'),
        of('touch', tmp_path / 'c')])

    assert [one.status for one in answer.results] == [0, 3]
    assert isinstance(answer.error, exception.BackendError)
    assert (answer.error.status, answer.error.answer) == (3, 'no')
    assert [name for name in 'abc' if (tmp_path / name).exists()] == ['a']


def test_run_raises_what_the_command_would_raise_alone(runner):
    failing = sh('echo no >&2; exit 3')
    with pytest.raises(exception.BackendError) as alone:
        runner.run(failing)

    with pytest.raises(exception.BackendError) as caught:
        script.run(runner, [of('true'), failing])

    assert str(caught.value) == str(alone.value)


def test_all_are_run_if_wanted(runner):
    answer = script.attempt(
        runner, [of('false'), of('echo', 'well'), sh('exit 4')],
        keep_going=True)

    assert [one.status for one in answer.results] == [1, 0, 4]
    assert answer.error.status == 1


def test_a_signal_leaves_the_outcome_open(runner):
    with pytest.raises(exception.OutcomeUnknown, match='signal 9'):
        script.run(runner, [sh('kill -9 $$')])


def test_nothing_to_do_is_no_round_trip(runner, measured):
    assert script.run(runner, []) == ()
    assert measured.calls == 0


@pytest.mark.parametrize('word', ["'", '\n', '$(id)', '}', '; exit 9 #',
                                  '-n', '', '*'])
def test_no_shell_looks_at_words(runner, word):
    assert script.run(runner, [of('printf', '%s|', word, 'x')]
                      )[0].stdout == word + '|x|'


def test_words_that_mean_something_to_the_shell_are_harmless(runner):
    answer = script.attempt(runner, [of('exit', '0'), of('echo', 'well')],
                            keep_going=True)

    assert answer.results[1].stdout == 'well\n'


def test_large_outputs_and_inputs(runner):
    results = script.run(runner, [
        sh('head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2'),
        of('wc', '-c', stdin='x' * 1_000_000)])

    assert (len(results[0].stdout), len(results[0].stderr)) == (
        3_000_000, 3_000_000)
    assert results[1].stdout.split() == ['1000000']


def test_secrets_show_nowhere(runner, caplog):
    caplog.set_level('DEBUG')
    secret = command.Secret(PASSWORD)
    listing = sh('for f in /proc/[0-9]*/cmdline; do tr "\\0" " " <"$f" '
                 '2>/dev/null; done; echo; cat')

    with pytest.raises(exception.BackendError) as caught:
        script.run(runner, [sh('cat >&2; exit 1', stdin=secret)])
    listed = script.run(runner, [command.Command(
        listing.argv, stdin=secret)])[0].stdout

    assert PASSWORD not in str(caught.value) + caplog.text
    assert listed.count(PASSWORD) == 1, 'its own input, nothing else'


def test_what_is_done_by_the_deadline(host):
    with pytest.raises(script.Interrupted) as caught:
        script.run(host, [of('echo', 'a'), of('echo', 'b'),
                          of('sleep', '20'), of('echo', 'd')], timeout=1.0)

    assert [one.stdout for one in caught.value.done] == ['a\n', 'b\n']


def test_what_a_lost_connection_leaves(via, hosts, tmp_path):
    """Whatever is said to be done is done; half a script does nothing."""
    between, target = via
    steps = [of('touch', tmp_path / f'done{number}') for number in range(4)]
    known = set()
    for point in range(24):
        made = hosts.host(target)
        made.close()
        for old in tmp_path.glob('done*'):
            old.unlink()
        between.cut_after(2300 + point * 40, proxy.DOWN, times=1)
        try:
            said = len(script.run(made, steps))
        except script.Interrupted as exc:
            said = len(exc.done)
        known.add(said)
        have = {one.name for one in tmp_path.glob('done*')}
        assert {f'done{number}' for number in range(said)} <= have
        time.sleep(0.02)

    assert {0, 4} <= known


def test_half_a_script_does_nothing(tmp_path):
    """Not even the commands that arrived as a whole."""
    words = [['touch', str(tmp_path / name)] for name in 'ab']
    whole = script.build([of(*one) for one in words], 'marker', words,
                         keep_going=False)
    for end in range(0, len(whole.rstrip()), 3):
        local.Local().run(of('sh', '-s', stdin=whole[:end],
                             accept=frozenset(range(256))))
        assert list(tmp_path.iterdir()) == [], whole[:end]
    local.Local().run(of('sh', '-s', stdin=whole))
    assert len(list(tmp_path.iterdir())) == 2

# SPDX-License-Identifier: Apache-2.0

"""Test that what a real gluster was seen to print is understood."""

import json
import pathlib

import pytest

from manila_drivers import exception
from manila_drivers.glusterfs import errors
from manila_drivers.glusterfs import parsing
from manila_drivers.glusterfs import records
from manila_drivers.transport import command

RECORDED = pathlib.Path(__file__).parent / 'data' / 'recorded'


def said(name):
    return json.loads((RECORDED / f'{name}.json').read_text())


def answer(name):
    return parsing.answers(said(name)['stdout'])[0]


SPEECHLESS = {'daemon-down', 'prompt-without-script-mode', 'version',
              'volume-set-empty', 'volume-set-odd-words'}
NAMES = sorted(path.stem for path in RECORDED.glob('*.json'))


@pytest.mark.parametrize('name', sorted(set(NAMES) - SPEECHLESS))
def test_every_answer_is_read(name):
    found = answer(name)
    assert found.ok is (found.ret == 0)
    assert found.ok or errors.number(found) or found.text or found.ret == -2


@pytest.mark.parametrize('name', sorted(SPEECHLESS))
def test_other_output_is_no_answer(name):
    with pytest.raises(parsing.NotXmlError):
        parsing.answers(said(name)['stdout'])


@pytest.mark.parametrize('cut', [1, 40, 100, 200, 400, 1000])
def test_half_an_answer_is_none(cut):
    whole = said('volume-info-pool')['stdout']
    with pytest.raises(parsing.NotXmlError):
        parsing.answers(whole[:cut])


def test_several_answers_with_other_text_between():
    one, two = said('volume-start')['stdout'], said('volume-stop')['stdout']
    found = parsing.answers('Welcome to gluster prompt\n' + one + 'x\n' + two)
    assert [each.tree.find('volStart') is not None for each in found] == [
        True, False]


def test_volumes():
    found = {each.name: each for each
             in parsing.volumes(answer('volume-info-pool'))}
    assert {'pool-1G-1', 'pool-2G-2', 'pool-2G-3', 'pool-3'} <= set(found)
    one = found['pool-1G-1']
    assert one.started and one.encrypted and one.free
    assert one.allowed == ('glusterfs-server-1', 'glusterfs-server-2',
                           'manila-host-1')
    assert one.bricks == ('192.0.2.2:/srv/bricks/a',)
    assert (found['pool-2G-2'].width, found['pool-2G-2'].encrypted) == (
        2, True)
    assert (found['pool-2G-3'].width, found['pool-2G-3'].redundancy) == (3, 1)
    assert found['pool-3'].allowed is None
    assert (found['pool-3'].width, len(found['pool-3'].bricks)) == (1, 2)


@pytest.mark.parametrize(('name', 'status'), [
    ('volume-info-created', 'Created'), ('volume-info-stopped', 'Stopped')])
def test_status(name, status):
    assert parsing.volumes(answer(name))[0].status == status


def test_no_volumes():
    assert parsing.volumes(answer('volume-info-none')) == []


def test_snapshot_count():
    counts = {each.name: each.snapshots for each in parsing.volumes(
        answer('volume-info-with-snapshots'))}
    assert counts['pool-1G-1'] == 2


def test_bricks():
    found = parsing.bricks(answer('volume-status-all-detail'))
    assert found['pool-1G-1'] == [records.Brick(
        '192.0.2.2:/srv/bricks/a', 1020702720, 1018454016, pid='191',
        peer='9bcebd36-0eff-4f22-bac9-d45946436545')]
    assert len(found['pool-2G-2']) == 2


@pytest.mark.parametrize(('name', 'quota'), [
    ('quota-list', records.VolumeQuota(1024 ** 3, 0)),
    ('quota-list-no-limit', records.VolumeQuota(None, 0))])
def test_quota(name, quota):
    assert parsing.quota(answer(name)) == quota


def test_snapshots():
    (found,) = parsing.snapshots(answer('snapshot-info-activated'))
    assert found == records.VolumeSnapshot('manila-s1', ('pool-1G-1',), True)
    (found,) = parsing.snapshots(answer('snapshot-info'))
    assert not found.active
    listed = parsing.snapshot_names(answer('snapshot-list'))
    assert listed[0] == 'manila-s1'
    assert listed[1].startswith('manila-s2_GMT-')


def test_a_failure_inside_an_answer_of_success():
    text = said('snapshot-delete-missing')['stdout'].replace(
        '<opRet>-1</opRet>', '<opRet>0</opRet>', 1)
    (found,) = parsing.answers(text)
    assert not found.ok and found.number == 30807


@pytest.mark.parametrize(('text', 'version'), [
    ('glusterfs 10.3\nRepository', (10, 3)),
    ('glusterfs 3.6.2 built on Jan', (3, 6, 2)),
    ('glusterfs 3.6.2beta3', (3, 6, 2)), ('glusterfs 10.0rc0', (10, 0)),
    ('glusterfs 11.0alpha', (11, 0)), ('glusterfs 3.7dev', (3, 7)),
    ('gluster: command not found', None), ('', None)])
def test_version(text, version):
    assert parsing.version(text) == version


def test_recorded_version():
    assert parsing.version(said('version')['stdout']) == (10, 3)


# Trouble

KINDS = {
    'volume-info-missing': exception.NotFound,
    'volume-set-missing': exception.NotFound,
    'volume-start-missing': exception.NotFound,
    'volume-delete-missing': exception.NotFound,
    'quota-missing-volume': exception.NotFound,
    'snapshot-info-missing': exception.NotFound,
    'snapshot-clone-missing': exception.NotFound,
    'snapshot-activate-missing': exception.NotFound,
    'snapshot-deactivate-missing': exception.NotFound,
    'snapshot-restore-missing': exception.NotFound,
    'snapshot-delete-missing': exception.NotFound,
    'snapshot-create-missing-volume': exception.NotFound,
    'snapshot-list-volume-missing': exception.NotFound,
    'volume-set-conflict': exception.Busy,
    'volume-delete-peer-down': exception.Busy,
    'volume-delete-stopped-with-snapshots': exception.Busy,
    'snapshot-create-exists': exception.Conflict,
    'snapshot-clone-exists': exception.Conflict,
    'snapshot-create-not-thin': exception.Unsupported,
    'snapshot-create-without-lvm': exception.Unsupported,
    'volume-set-unknown': exception.BackendError,
    'volume-delete-started': exception.BackendError,
    'snapshot-restore-started': exception.BackendError}


@pytest.mark.parametrize(('name', 'kind'), KINDS.items())
def test_failures_are_told_apart(name, kind):
    found = errors.failure(answer(name), 'what')
    assert type(found) is kind
    assert ' '.join(answer(name).text.split()) in str(found)


ALREADY = ('volume-start-started', 'volume-stop-stopped',
           'volume-stop-created', 'quota-enable-again',
           'quota-disable-disabled', 'snapshot-activate-again',
           'snapshot-deactivate-not-activated')


@pytest.mark.parametrize('name', ALREADY)
def test_what_was_so_already_is_no_failure(name):
    words = tuple(said(name)['argv'][2:])
    assert errors.already(answer(name), words)


@pytest.mark.parametrize('name', sorted(set(KINDS) | {
    'quota-limit-disabled', 'quota-list-disabled', 'quota-enable-created'}))
def test_other_failures_are_failures(name):
    assert not errors.already(answer(name), tuple(said(name)['argv'][2:]))


def test_an_option_that_a_build_lacks_is_named():
    assert errors.unknown_option(answer('volume-set-unknown')) \
        == 'features.trsh'
    assert not errors.unknown_option(answer('volume-set-claim'))


@pytest.mark.parametrize(('output', 'status', 'kind'), [
    ('Connection failed. Please check if gluster daemon is operational.', 1,
     exception.Unreachable),
    ('Error : Request timed out', 1, exception.OutcomeUnknown),
    ('sudo: a password is required', 1, exception.AccessDenied),
    ('sudo: setrlimit(RLIMIT_CORE): Operation not permitted', 1,
     exception.BackendError),
    ('sudo: gluster: command not found', 1, exception.BackendError),
    ('', 0, exception.OutcomeUnknown),
    ('Usage:\nvolume set', 1, exception.BackendError)])
def test_output_that_is_no_answer(output, status, kind):
    result = command.Result(
        '' if output.startswith('sudo') else output,
        output if output.startswith('sudo') else '', status)
    assert type(errors.speechless(
        result, 'what', command.Command.of('gluster'))) is kind

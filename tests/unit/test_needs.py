# SPDX-License-Identifier: Apache-2.0

"""Missing things fail in CI, and only there."""

import pytest

from tests import needs


@pytest.mark.parametrize(('ci', 'outcome'), [
    ('true', pytest.fail.Exception), ('', pytest.skip.Exception)])
def test_missing_things(monkeypatch, ci, outcome):
    monkeypatch.setenv('CI', ci)
    monkeypatch.setenv('PATH', '')
    with pytest.raises(outcome, match='no Chromium'):
        needs.browser()
    with pytest.raises(outcome, match='no_such_module is not installed'):
        needs.module('no_such_module')
    with pytest.raises(outcome):
        needs.program('no-such-program')


def test_what_is_there_is_found(monkeypatch, tmp_path):
    monkeypatch.setenv('CI', 'true')
    monkeypatch.setenv('PATH', str(tmp_path))
    program = tmp_path / 'chromium'
    program.touch(mode=0o755)
    assert needs.browser() == str(program)
    needs.module('json')

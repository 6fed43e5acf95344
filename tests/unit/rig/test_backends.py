# SPDX-License-Identifier: Apache-2.0

import pathlib

import pytest

from manila_drivers.testing.manila import backends

WORK = pathlib.Path('/work')
TEXT = """
[DEFAULT]
enabled_share_backends = one
debug = false
[one]
share_driver = some.Driver
Password = a$$b
[net]
gateway = 10.0.0.1
"""


@pytest.fixture
def file(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / 'backends.conf'


def test_sections_find_their_places(file: pathlib.Path) -> None:
    file.write_text(TEXT)
    settings = backends.read(file, WORK)
    assert settings.backends == {'one': {'share_driver': 'some.Driver',
                                         'password': 'a$b'}}
    assert settings.options == {'debug': 'false'}
    assert settings.extra == {'net': {'gateway': '10.0.0.1'}}


def test_a_file_without_backends(file: pathlib.Path) -> None:
    file.write_text('[DEFAULT]\nshare_driver = some.Driver\n')
    with pytest.raises(ValueError, match='no section with a share_driver'):
        backends.read(file, WORK)


@pytest.mark.parametrize('value', ['$state_path/x', '$$$x', 'a${b}'])
def test_references_are_refused(file: pathlib.Path, value: str) -> None:
    file.write_text('[one]\nshare_driver = x\npath = %s\n' % value)
    with pytest.raises(ValueError, match=r'path = .* not supported'):
        backends.read(file, WORK)

# SPDX-License-Identifier: Apache-2.0

"""URLs of registries show no secrets, and wrong ones are told as that."""

import pytest
import sqlalchemy as sa

from manila_drivers import exception
from manila_drivers.registry import engine


@pytest.mark.parametrize('url', [
    'postgresql+psycopg2://user@host/name?password=s3cret',
    'postgresql+psycopg2://user:s3cret@host/name?sslpassword=s3cret',
    'mysql+pymysql://user:s3cret@host/name?passwd=s3cret&charset=utf8mb4'])
def test_no_parameter_shows_a_password(url):
    told = engine.shown(sa.engine.make_url(url))
    assert 's3cret' not in told
    assert '@host/name' in told
    assert ('charset=utf8mb4' in told) == ('charset' in url)


def test_a_registry_shows_no_password(tmp_path, monkeypatch):
    # SQLite takes any parameter of a file's URI; none is opened before use.
    monkeypatch.chdir(tmp_path)
    database = engine.Database(
        'sqlite:///file:one?uri=true&password=s3cret&timeout=1', 1.0)
    assert 's3cret' not in database.url
    assert 'timeout=1' in database.url
    database.close()


@pytest.mark.parametrize('url', [
    'postgresql+psycopg2://user:s3cret@host:port/name', 's3cret', ''])
def test_what_is_no_url_is_an_option_to_be_corrected(url):
    with pytest.raises(exception.ConfigurationError) as caught:
        engine.Database(url, 1.0)
    assert caught.value.option == 'registry_connection'
    told, seen = caught.value, []
    while told is not None:
        seen.append(str(told))
        told = None if told.__suppress_context__ else told.__context__
    assert not any('s3cret' in text for text in seen)

# SPDX-License-Identifier: Apache-2.0

"""Where a service is: its endpoint in the catalogue, and parts of URLs.  Pure.

A service in several regions is not chosen among: all volumes of the right
region would be missing in the wrong one.
"""

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
import dataclasses
import re
from typing import Any
from urllib import parse

from manila_drivers import exception

_VERSION = re.compile(r'/v\d+(\.\d+)?(?=/|$)')


@dataclasses.dataclass(frozen=True)
class Wanted:
    """The endpoint that is looked for.

    :param service: word for the service.
    :param group: section of the configuration.
    :param types: names in the catalogue, the first that is there counts.
    :param interface: public, internal or admin.
    :param region: None for the only one that there is.
    :param region_told: whether the operator has named the region; one that
        is a default gives way where no endpoint is in it.
    """

    service: str
    group: str
    types: Sequence[str]
    interface: str = 'public'
    region: str | None = None
    region_told: bool = True


def find(catalogue: Iterable[Mapping[str, Any]], wanted: Wanted) -> str:
    """Return the URL of a service's endpoint.

    :param catalogue: in the form of Keystone v3.
    :raises BackendError: the service is not in it.
    :raises ConfigurationError: it is there, but in no such region or with no
        such interface, or there are several.
    """
    endpoints = _of_type(list(catalogue), wanted)
    there = [each for each in endpoints
             if _interface(each) == wanted.interface]
    if not there:
        raise exception.ConfigurationError(
            '[%s] endpoint_type' % wanted.group,
            'the catalogue has no %s endpoint of the %s service' % (
                wanted.interface, wanted.service),
            answer='interfaces %s' % _words(map(_interface, endpoints)))
    near = [each for each in there if _region(each) == wanted.region]
    if wanted.region and not near and wanted.region_told:
        raise exception.ConfigurationError(
            '[%s] region_name' % wanted.group,
            'the catalogue has no %s service in region %s' % (
                wanted.service, wanted.region),
            answer='regions %s' % _words(map(_region, there)))
    chosen = near if wanted.region and near else there
    urls = {str(each.get('url') or '') for each in chosen}
    if len(urls) > 1:
        raise exception.ConfigurationError(
            '[%s] region_name' % wanted.group,
            'the catalogue has several %s services' % wanted.service,
            answer=_words('%s in region %s' % (each.get('url'),
                                               _region(each))
                          for each in chosen))
    return urls.pop()


def regions(catalogue: Iterable[Mapping[str, Any]], wanted: Wanted,
            url: str) -> frozenset[str]:
    """Return all regions that have a service at a URL.

    Regions may share a service.  One that is not in the catalogue is in none.
    """
    return frozenset(
        _region(endpoint) for each in catalogue
        if each.get('type') in wanted.types
        for endpoint in each.get('endpoints') or ()
        if endpoint.get('url') == url)


def _of_type(services: Sequence[Mapping[str, Any]],
             wanted: Wanted) -> Sequence[Mapping[str, Any]]:
    for name in wanted.types:
        found = [endpoint for each in services if each.get('type') == name
                 for endpoint in each.get('endpoints') or ()]
        if found:
            return found
    raise exception.BackendError(
        'The catalogue has no %s service' % wanted.service,
        answer='types %s' % _words(each.get('type') for each in services),
        check='the catalogue, and the project in [%s]' % wanted.group)


def _interface(endpoint: Mapping[str, Any]) -> str:
    return str(endpoint.get('interface') or '').removesuffix('URL')


def _region(endpoint: Mapping[str, Any]) -> str:
    return str(endpoint.get('region_id') or endpoint.get('region') or '')


def _words(found: Iterable[Any]) -> str:
    return ', '.join(sorted({str(each or '(none)') for each in found})) \
        or '(none)'


@dataclasses.dataclass(frozen=True)
class EndpointAddress:
    """An endpoint in parts.

    :param base: path before that of each resource, without a slash at its
        end.
    """

    scheme: str
    host: str
    port: int
    base: str


def address(url: str, option: str) -> EndpointAddress:
    """Take a URL apart.

    :raises ConfigurationError: it is none of http or https.
    """
    parts = parse.urlsplit(url.strip())
    try:
        port = parts.port
    except ValueError:
        port = -1
    if parts.scheme not in ('http', 'https') or not parts.hostname \
            or port == -1:
        raise exception.ConfigurationError(
            option, 'the endpoint is no URL of http or https', answer=url)
    return EndpointAddress(parts.scheme, parts.hostname,
                   port or (443 if parts.scheme == 'https' else 80),
                   parts.path.rstrip('/'))


def versioned(base: str, suffix: str) -> str:
    """Return a path with a version in it.

    :param suffix: added to a path that has none.
    """
    return base if _VERSION.search(base) else base + suffix


def documents(base: str) -> list[str]:
    """Return the paths at which a service may tell its versions.

    First that of the version, without a project, which is a path of its own
    in Cinder; then that of all versions.
    """
    found = _VERSION.search(base)
    if found is None:
        return [base + '/']
    return [base[:found.end()] + '/', base[:found.start()] + '/']


def major(base: str) -> str:
    """Return the version in a path, such as ``v2.1``; '' if there is none."""
    found = _VERSION.search(base)
    return found.group().lstrip('/') if found else ''

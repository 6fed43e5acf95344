# SPDX-License-Identifier: Apache-2.0

"""Lists: pages, their links, their order."""

from urllib.parse import urlsplit

import pytest
import requests

from manila_drivers.testing.simulators import openstack
from tests.transcripts.player import at
from tests.unit.simulators.openstack.hand import PUBLIC_KEY

LISTS = [
    ('compute/servers/detail', 'servers', 'page_limit'),
    ('compute/servers', 'servers', 'page_limit'),
    ('compute/os-keypairs', 'keypairs', 'page_limit'),
    ('volume/volumes/detail', 'volumes', 'page_limit'),
    ('volume/snapshots/detail', 'snapshots', 'page_limit'),
    ('network/ports', 'ports', 'network_page_limit'),
    ('image/images', 'images', 'image_page_limit')]


def fill(hand, sim, path):
    network, _ = hand.network()
    volume = hand.volume()
    for number in range(4):
        name = f'n{number}'
        if 'server' in path:
            hand.server(name=name, networks='none', wait=False)
        elif 'keypairs' in path:
            hand.make('compute/os-keypairs', 'keypair', name=name,
                      public_key=PUBLIC_KEY)
        elif 'volumes' in path:
            hand.volume(name=name)
        elif 'snapshots' in path:
            hand.make('volume/snapshots', 'snapshot', volume_id=volume)
        elif 'ports' in path:
            hand.port(network_id=network)
        else:
            sim.add_image(name)


def following(body, key):
    links = body.get(f'{key}_links') or []
    found = [link['href'] for link in links if link['rel'] == 'next']
    return found[0] if found else body.get('next')


def keys_of(body, key):
    return [each.get('id') or at(each, 'keypair.name') for each in body[key]]


@pytest.mark.parametrize(('path', 'key', 'limit'), LISTS,
                         ids=[each[0] for each in LISTS])
def test_every_list_is_cut_and_says_how_it_goes_on(hand, sim, path, key,
                                                   limit):
    fill(hand, sim, path)
    whole = keys_of(hand.get(path), key)
    setattr(sim.options, limit, 2)
    found, pages, query = [], 0, ''
    while query is not None:
        body = hand.get(path + query)
        found += keys_of(body, key)
        pages += 1
        assert len(body[key]) <= 2
        href = following(body, key)
        query = f'?{urlsplit(href).query}' if href else None
    assert found == whole
    assert pages == -(-len(whole) // 2) > 1


@pytest.mark.parametrize(('path', 'key', 'limit'), LISTS,
                         ids=[each[0] for each in LISTS])
def test_a_limit_is_asked_for_and_filters_go_on(hand, sim, path, key, limit):
    fill(hand, sim, path)
    if path.startswith('network'):
        path += '?device_owner=manila&limit=1'
    else:
        path += '?limit=1'
    body = hand.get(path)
    assert len(body[key]) == 1
    href = following(body, key)
    assert 'limit=1' in href
    if path.startswith('network'):
        assert 'device_owner=manila' in href
    assert hand.get(path.partition('?')[0] + '?' + urlsplit(href).query
                    )[key] != body[key]


@pytest.mark.parametrize(('path', 'status'), [
    ('compute/servers', 400), ('volume/volumes', 404),
    ('network/ports', 404), ('image/images', 400)])
def test_a_marker_that_is_gone_is_refused(hand, path, status):
    assert hand.ask('GET', f'{path}?marker=gone')[0] == status


@pytest.mark.parametrize('path', ['compute/servers', 'volume/volumes',
                                  'network/ports', 'image/images'])
def test_a_limit_that_is_no_number_is_refused(hand, path):
    assert hand.ask('GET', f'{path}?limit=x')[0] == 400


def test_links_lead_to_a_host_that_does_not_answer(hand, sim):
    fill(hand, sim, 'volumes')
    href = following(hand.get('volume/volumes?limit=1'), 'volumes')
    session = requests.Session()
    session.mount('http://', openstack.CloudAdapter(sim))
    with pytest.raises(requests.ConnectionError, match='resolve'):
        session.get(href, timeout=5)
    sim.options.link_url = ''
    href = following(hand.get('volume/volumes?limit=1'), 'volumes')
    assert href.startswith('/volume/v3')


def test_the_next_page_of_images_is_a_path_from_the_services_own_root(hand,
                                                                      sim):
    fill(hand, sim, 'images')
    body = hand.get('image/images?limit=1&status=active')
    assert body['next'].startswith('/v2/images?marker=')
    assert body['next'].endswith('&limit=1&status=active')


def test_lists_are_in_no_useful_order(hand, sim):
    made = [hand.volume() for _ in range(6)]
    listed = [each['id'] for each in hand.get('volume/volumes', 'volumes')]
    assert sorted(listed) == sorted(made)
    assert listed not in (made, made[::-1])
    sim.options.shuffled = False
    listed = [each['id'] for each in hand.get('volume/volumes', 'volumes')]
    assert listed == made[::-1]

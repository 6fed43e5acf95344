# SPDX-License-Identifier: Apache-2.0

"""Audits beside a real Manila with 200 shares of each driver but VAST's.

``test_audit.py`` has that one, and what Manila's API may refuse.
"""

from collections.abc import Iterator

import pytest

from manila_drivers.audit import differences
from manila_drivers.testing.manila import environment
from manila_drivers.testing.manila import releases
from tests.manila import audited_drivers
from tests.unit.audit import api_plants

pytestmark = [pytest.mark.timeout(900), pytest.mark.turns]

KINDS = ('gluster', 'knfs', 'gnfs', 'ces', 'generic',
         'generic-servers')
EACH = pytest.mark.parametrize('crowded', KINDS, indirect=True)
FEW, MANY = 14, 200
ORPHANS = (differences.ORPHAN_SHARE, differences.ORPHAN_SNAPSHOT)

Company = audited_drivers.Company


@pytest.fixture(scope='module')
def crowded(request: pytest.FixtureRequest, place: environment.Environment,
            tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    with audited_drivers.company(
            request.param, place, releases.NEWEST.name,
            tmp_path_factory.mktemp('audited')) as found:
        yield found


@EACH
def test_damage_among_many_is_found_and_mended(crowded: Company) -> None:
    crowded.grow(FEW)
    few = crowded.healthy()
    with pytest.raises(AssertionError, match=r'asked: .*/share_instances/'):
        crowded.healthy('curious')
    assert crowded.healthy('nosy').total() > few.total()
    # Before any damage: a server that reads its files anew mends some of it.
    crowded.grow(MANY)
    hurt, plants = crowded.hurt(), crowded.plants
    found = crowded.audit()
    crowded.expect(found, hurt, hurt)
    with pytest.raises(AssertionError, match=r'not found: .*wider access'):
        crowded.expect(crowded.audit(broken='blind'), hurt, hurt)
    left = [name for name, plant in plants.items() if not plant.mended
            and not set(plant.kinds) <= set(ORPHANS)]
    orphans = [one['Id'] for one in found.rows if one['Kind'] in ORPHANS]
    repair = ['--repair', '--yes', '--widen', *(
        word for ident in orphans for word in ('--remove', ident))]
    with pytest.raises(AssertionError, match=r"beyond: .*'size'"):
        crowded.expect(crowded.audit(*repair, broken='idle'), hurt, left)
    done = crowded.audit(*repair)
    crowded.expect(done, hurt, left)
    # The door counts whatever is no GET by its method.
    assert [path for path in done.asked if not path.startswith('/')] == []
    # An orphan that is called otherwise is none that a driver removes.
    refused = done.lines('could not be repaired')
    assert len(refused) == left.count('given away'), refused
    crowded.end(hurt, left)
    many, count = crowded.healthy(), len(crowded.shares)
    assert count > MANY - len(plants)
    assert many.total() == few.total() + api_plants.pages(
        crowded.kind, count), many - few

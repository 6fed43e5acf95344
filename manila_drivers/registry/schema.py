# SPDX-License-Identifier: Apache-2.0

"""Tables of the registry as they are after the last revision.

``revisions`` says how an older registry becomes this one; a test compares.
"""

from typing import Any

import sqlalchemy as sa

METADATA: Any = sa.MetaData()

#: For MariaDB, where names would be compared without regard to their case.
OPTIONS = {'mysql_engine': 'InnoDB', 'mysql_charset': 'utf8mb4',
           'mysql_collate': 'utf8mb4_bin'}


def _json() -> Any:
    return sa.JSON(none_as_null=True)


SHARES: Any = sa.Table(
    'shares', METADATA,
    sa.Column('id', sa.String(36), primary_key=True),
    sa.Column('backend', sa.String(255), nullable=False),
    sa.Column('name', sa.String(255), nullable=False),
    sa.Column('proto', sa.String(32), nullable=False),
    sa.Column('size', sa.Integer),
    sa.Column('status', sa.String(32), nullable=False),
    sa.Column('task', _json()),
    sa.Column('failure', sa.Text, nullable=False),
    sa.Column('locations', _json(), nullable=False),
    sa.Column('specs', _json()),
    sa.Column('snapshot_id', sa.String(36)),
    sa.Column('created_at', sa.String(32), nullable=False),
    sa.Column('version', sa.Integer, nullable=False),
    sa.UniqueConstraint('backend', 'name', name='one_share_of_a_name'),
    **OPTIONS)

SNAPSHOTS: Any = sa.Table(
    'snapshots', METADATA,
    sa.Column('id', sa.String(36), primary_key=True),
    sa.Column('backend', sa.String(255), nullable=False),
    sa.Column('name', sa.String(255), nullable=False),
    sa.Column('share_id', sa.String(36), sa.ForeignKey('shares.id'),
              nullable=False),
    sa.Column('size', sa.Integer),
    sa.Column('status', sa.String(32), nullable=False),
    sa.Column('location', sa.Text, nullable=False),
    sa.Column('failure', sa.Text, nullable=False),
    sa.Column('created_at', sa.String(32), nullable=False),
    sa.Column('version', sa.Integer, nullable=False),
    sa.UniqueConstraint('backend', 'name', name='one_snapshot_of_a_name'),
    **OPTIONS)

RULES: Any = sa.Table(
    'rules', METADATA,
    sa.Column('id', sa.String(36), primary_key=True),
    sa.Column('share_id', sa.String(36), sa.ForeignKey('shares.id'),
              nullable=False),
    sa.Column('kind', sa.String(32), nullable=False),
    sa.Column('target', sa.String(255), nullable=False),
    sa.Column('level', sa.String(8), nullable=False),
    sa.Column('state', sa.String(16), nullable=False),
    sa.Column('reason', sa.Text, nullable=False),
    sa.Column('created_at', sa.String(32), nullable=False),
    sa.Column('version', sa.Integer, nullable=False),
    sa.UniqueConstraint('share_id', 'kind', 'target',
                        name='one_rule_for_a_target'),
    **OPTIONS)

PRIVATE: Any = sa.Table(
    'private_data', METADATA,
    sa.Column('entity_id', sa.String(36), primary_key=True),
    sa.Column('name', sa.String(255), primary_key=True),
    sa.Column('value', sa.Text, nullable=False),
    **OPTIONS)

LEASES: Any = sa.Table(
    'leases', METADATA,
    sa.Column('name', sa.String(255), primary_key=True),
    sa.Column('owner', sa.String(255), nullable=False),
    # Milliseconds of the database's own clock, since 1970.
    sa.Column('expires', sa.BigInteger, nullable=False),
    **OPTIONS)

# SPDX-License-Identifier: Apache-2.0

"""Records of what was made without Manila, and of what was begun.

They are in a database of any number of hosts: an SQLite file of one host,
PostgreSQL or MariaDB.  Nothing else needs SQLAlchemy (extra ``registry``),
and neither do the values in ``records``.
"""

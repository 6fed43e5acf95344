# SPDX-License-Identifier: Apache-2.0

"""manila-tempest-plugin against separate Manila services.

Run with ``tox -e tempest``; see ``run.py``.
"""

# SPDX-License-Identifier: Apache-2.0

"""Cinder: volumes, snapshots, quotas, messages."""

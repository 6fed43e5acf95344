# SPDX-License-Identifier: Apache-2.0

"""Requests that a real cloud has answered, to be played to another one."""

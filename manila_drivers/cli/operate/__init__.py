# SPDX-License-Identifier: Apache-2.0

"""Commands that work on shares, on cliff (extra ``cli``)."""

# SPDX-License-Identifier: Apache-2.0

"""Labs of the drivers in this library."""

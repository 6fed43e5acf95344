# SPDX-License-Identifier: Apache-2.0

"""The Generic driver: shares on Cinder volumes, served by Nova servers."""

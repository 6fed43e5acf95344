# SPDX-License-Identifier: Apache-2.0

"""The image that service virtual machines of the Generic driver boot from.

``python3 -m tools.service_image DIRECTORY`` builds it; see ``__main__.py``.
"""

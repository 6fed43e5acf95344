# SPDX-License-Identifier: Apache-2.0

"""Nova: servers, attachments, key pairs, quotas."""

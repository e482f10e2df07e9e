# SPDX-License-Identifier: Apache-2.0
"""Who changed what: each change becomes a link of a chain."""

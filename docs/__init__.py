# SPDX-License-Identifier: Apache-2.0
"""The manual pages, and what makes parts of them."""

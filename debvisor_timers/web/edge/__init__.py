# SPDX-License-Identifier: Apache-2.0
"""The edge of the server: what every request passes before any route sees it."""

# SPDX-License-Identifier: Apache-2.0
"""The only door to systemd: ports, adapters, and an in-memory twin."""

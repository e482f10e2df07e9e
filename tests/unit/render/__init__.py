# SPDX-License-Identifier: Apache-2.0
"""How systemd is told."""

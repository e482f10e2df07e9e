# SPDX-License-Identifier: Apache-2.0
"""debvisor-timers: jobs in YAML become plain systemd timers."""

__version__ = "0.1.0"

# SPDX-License-Identifier: Apache-2.0
"""An in-memory twin of systemd: the same ports, proven the same by tests/contract."""

from __future__ import annotations

from debvisor_timers.systemd.memory.state import Execution, Outcome
from debvisor_timers.systemd.memory.steps import Steps
from debvisor_timers.systemd.memory.system import MemorySystemd

__all__ = ["Execution", "MemorySystemd", "Outcome", "Steps"]

# SPDX-License-Identifier: Apache-2.0
"""Loads before the first connection what a change needs: a fork has it then."""

from __future__ import annotations

from debvisor_timers.operations.applying import settings, steps, verify
from debvisor_timers.operations.auditing import attempts, audit, deeds
from debvisor_timers.operations.editing import edit, enable
from debvisor_timers.operations.holding import pause, skip_next, tidy
from debvisor_timers.operations.past import rename
from debvisor_timers.operations.runs import run, stop
from debvisor_timers.operations.safety import rollback, trying
from debvisor_timers.systemd import real

LOADED = (
    *(settings, steps, verify, attempts, audit, deeds, edit, enable, pause, skip_next, tidy),
    *(rename, run, stop, rollback, trying, real),
)
"""What is loaded."""

# SPDX-License-Identifier: Apache-2.0
"""The host that operations work on: its ports and its layout, as one value."""

from __future__ import annotations

from dataclasses import dataclass

from debvisor_timers.layout import Layout
from debvisor_timers.systemd.ports import (
    Analyzer,
    Clock,
    Journal,
    Machine,
    Manager,
    UnitDirectory,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """Everything that an operation may touch; real on a host, in memory in tests.

    units: the folder where systemd reads units; scripts: the folder of the jobs' scripts.
    shadows: the folder with the old services of jobs that were changed while they ran.
    """

    layout: Layout
    units: UnitDirectory
    scripts: UnitDirectory
    shadows: UnitDirectory
    manager: Manager
    journal: Journal
    analyzer: Analyzer
    clock: Clock
    machine: Machine

# SPDX-License-Identifier: Apache-2.0
"""The real parts of this host, wired; nothing is opened before it is used."""

from __future__ import annotations

from typing import TypedDict

from debvisor_timers.layout import Layout
from debvisor_timers.render.names import OWN_PATTERNS, service_unit
from debvisor_timers.systemd.analyzer import CommandAnalyzer
from debvisor_timers.systemd.clock import SystemClock
from debvisor_timers.systemd.journal import SystemdJournal
from debvisor_timers.systemd.machine import SystemMachine
from debvisor_timers.systemd.manager import SystemdManager
from debvisor_timers.systemd.ports import (
    Analyzer,
    Clock,
    Journal,
    Machine,
    Manager,
    UnitDirectory,
)
from debvisor_timers.systemd.unit_directory import WANTS_FOLDERS, DiskUnitDirectory


class Parts(TypedDict):
    """The ports of a host, by the names that operations use."""

    units: UnitDirectory
    scripts: UnitDirectory
    shadows: UnitDirectory
    manager: Manager
    journal: Journal
    analyzer: Analyzer
    clock: Clock
    machine: Machine


def real_parts(layout: Layout) -> Parts:
    """Return the adapters for the host that we run on, with the folders of `layout`."""
    return Parts(
        units=DiskUnitDirectory(layout.units, OWN_PATTERNS, folders=WANTS_FOLDERS),
        scripts=DiskUnitDirectory(layout.scripts, ("*",), mode=0o755),
        shadows=DiskUnitDirectory(layout.shadows, (service_unit("*"),)),
        manager=SystemdManager(stamps=layout.stamps),
        journal=SystemdJournal(),
        analyzer=CommandAnalyzer(),
        clock=SystemClock(),
        machine=SystemMachine(),
    )

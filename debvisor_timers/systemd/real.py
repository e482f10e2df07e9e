# SPDX-License-Identifier: Apache-2.0
"""The real parts of a host, wired; nothing is opened before it is used."""

from __future__ import annotations

import os
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


class Folders(TypedDict):
    """The folders of a host, by the names that operations use."""

    units: UnitDirectory
    scripts: UnitDirectory
    shadows: UnitDirectory


class Parts(Folders):
    """The ports of a host, by the names that operations use."""

    manager: Manager
    journal: Journal
    analyzer: Analyzer
    clock: Clock
    machine: Machine


def real_parts(layout: Layout) -> Parts:
    """Return the adapters for the host of `layout`: this one, a user's part of it, an image."""
    folders = Folders(
        units=DiskUnitDirectory(layout.units, OWN_PATTERNS, folders=WANTS_FOLDERS),
        scripts=DiskUnitDirectory(layout.scripts, ("*",), mode=0o755),
        shadows=DiskUnitDirectory(layout.shadows, (service_unit("*"),)),
    )
    if not layout.runs_here:
        return _offline(layout, folders)
    if layout.user:
        return _of_user(layout, folders)
    return Parts(
        **folders,
        manager=SystemdManager(stamps=layout.stamps),
        journal=SystemdJournal(),
        analyzer=CommandAnalyzer(),
        clock=SystemClock(),
        machine=SystemMachine(),
    )


def _of_user(layout: Layout, folders: Folders) -> Parts:
    from debvisor_timers.systemd.user_journal import UserJournal  # noqa: PLC0415 - few want it

    return Parts(
        **folders,
        machine=SystemMachine(),
        manager=SystemdManager(stamps=layout.stamps, user=True),
        journal=UserJournal(SystemdJournal(folders=()), os.geteuid()),
        analyzer=CommandAnalyzer(user=True),
        clock=SystemClock(),
    )


def _offline(layout: Layout, folders: Folders) -> Parts:
    from debvisor_timers.systemd import offline  # noqa: PLC0415 - few want it

    return Parts(
        **folders,
        machine=SystemMachine(layout.root),
        manager=offline.OfflineManager(layout.root, stamps=layout.stamps),
        journal=offline.OfflineJournal(layout.root),
        analyzer=offline.OfflineAnalyzer(),
        clock=offline.offline_clock(layout.root),
    )

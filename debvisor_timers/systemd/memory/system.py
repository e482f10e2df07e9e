# SPDX-License-Identifier: Apache-2.0
"""The in-memory twin of a host's systemd: all ports over one state, and a clock to turn."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from debvisor_timers.layout import BOOT_TARGET, TARGET, UNDO_SERVICE, WATCH_SERVICE, WATCH_TIMER
from debvisor_timers.systemd.memory.analyzer import MemoryAnalyzer
from debvisor_timers.systemd.memory.engine import Engine
from debvisor_timers.systemd.memory.folder import MemoryFolder
from debvisor_timers.systemd.memory.journal import MemoryJournal
from debvisor_timers.systemd.memory.machine import MemoryMachine
from debvisor_timers.systemd.memory.manager import MemoryManager
from debvisor_timers.systemd.memory.state import Execution, Outcome, State
from debvisor_timers.systemd.memory.steps import Steps
from debvisor_timers.systemd.ports import ActiveState
from debvisor_timers.systemd.unit_directory import WANTS_FOLDERS

OWN_PATTERNS = ("debvisor-job-*", "debvisor-boot-*", "debvisor-path-*")
_START = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
_TARGETS = {
    TARGET: "[Unit]\nDescription=Jobs of DebVisor\n[Install]\nWantedBy=multi-user.target\n",
    BOOT_TARGET: f"[Unit]\nDescription=Boot triggers\nStopPropagatedFrom={TARGET}\n",
}
_SERVICES = {
    UNDO_SERVICE: "[Unit]\nDescription=Undo\n[Service]\nType=oneshot\nExecStart=/bin/true\n",
    WATCH_SERVICE: "[Unit]\nDescription=Watch\n[Service]\nType=oneshot\nExecStart=/bin/true\n",
    # The twin runs no programs of ours, so nothing is to start them either.
    WATCH_TIMER: "[Unit]\nDescription=Watch\n[Timer]\nOnActiveSec=100y\n",
}


class MemoryClock:
    """A Clock that stands still until the twin's time is moved."""

    def __init__(self, state: State) -> None:
        """Share `state` with the other parts of the twin."""
        self._state = state

    def now(self) -> datetime:
        """Return the twin's time, aware, in UTC."""
        return self._state.now

    def zone(self) -> str:
        """Return the name of the twin's time zone."""
        return self._state.zone


class MemorySystemd:
    """A host without a host: the ports, and what a test does to the world behind them.

    The two targets are there, enabled and started, as after an installation and a boot. Services
    succeed at once unless `set_outcome` says otherwise. Nothing happens but by a call.
    """

    def __init__(
        self,
        *,
        now: datetime = _START,
        zone: str = "UTC",
        version: int = 257,
        patterns: Sequence[str] = OWN_PATTERNS,
        folders: Sequence[str] = WANTS_FOLDERS,
    ) -> None:
        """Boot a host at `now` whose unit directory owns `patterns`, in `folders` as well."""
        self.state = State(now=now, zone=zone, version=version)
        self.steps: Steps = self.state.steps
        self._engine = Engine(self.state)
        self.clock = MemoryClock(self.state)
        self.machine = MemoryMachine(self.state)
        self.manager = MemoryManager(self.state, self._engine)
        self.journal = MemoryJournal(self.state)
        self.analyzer = MemoryAnalyzer(self.state)
        self.units = MemoryFolder("units", self.steps, self.state.disk, patterns, folders)
        self.scripts = MemoryFolder("scripts", self.steps, self.state.scripts, ("*",))
        # What systemd reads there changes nothing here: the twin's runs keep their definition.
        self.shadows = MemoryFolder("shadows", self.steps, {}, ("debvisor-job-*.service",))
        self.state.shipped.update(_TARGETS | _SERVICES)
        self.state.enabled.update(_TARGETS)
        self._engine.boot()

    @property
    def executions(self) -> list[Execution]:
        """Return every execution of a service so far, oldest first."""
        return self.state.executions

    def ship(self, name: str, text: str, *, enabled: bool = False) -> None:
        """Put a unit of others on the host; with `enabled`, every boot starts it."""
        self.state.shipped[name] = text
        if enabled:
            self.state.enabled.add(name)

    def touch(self, path: str) -> None:
        """Make the file `path`, or write to it, as path units see it."""
        self.state.paths.add(path)
        self._engine.change(path)

    def remove(self, path: str) -> None:
        """Remove the file `path`."""
        self.state.paths.discard(path)
        self._engine.change(path)

    def set_outcome(self, service: str, outcome: Outcome) -> None:
        """Let the executions of `service` that start from now on end like that."""
        self.state.outcomes[service] = outcome

    def set_between_attempts(self, service: str, *, has_job: bool = True) -> None:
        """Let `service`, which failed, wait for its next attempt; without a job: for ever.

        The twin itself does not retry.
        """
        unit = self.state.loaded[service]
        unit.active, unit.ends_at = ActiveState.ACTIVATING, None
        unit.sub = "auto-restart" if has_job else "auto-restart-queued"
        unit.job = "start" if has_job else ""

    def put_drop_in(self, path: str, text: str) -> None:
        """Put a drop-in on the disk; the twin's units know nothing of it."""
        self.state.drop_ins[Path(path)] = text

    def advance(self, by: timedelta) -> None:
        """Let time pass: timers fire and services end, in order."""
        self._engine.advance_to(self.state.now + by)

    def advance_to(self, when: datetime) -> None:
        """Let time pass until `when`, aware."""
        self._engine.advance_to(when.astimezone(UTC))

    def reboot(self, *, downtime: timedelta = timedelta(seconds=30)) -> None:
        """Cut the power, and boot after `downtime`: files, stamps and the journal are kept."""
        self.state.now += downtime
        self._engine.boot()

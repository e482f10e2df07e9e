# SPDX-License-Identifier: Apache-2.0
"""A host in memory with job files on a real disk: where operations are tested."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from debvisor_timers.layout import Layout
from debvisor_timers.operations.applying.apply import ApplyOptions, ApplyResult, apply
from debvisor_timers.operations.host import Host
from debvisor_timers.systemd.memory import MemorySystemd
from debvisor_timers.systemd.ports import ActiveState, Entry

NIGHTLY = """\
jobs:
  nightly:
    schedule: {cron: "0 2 * * *", catch_up: once}
    command: [/bin/true]
"""
TWO = (
    NIGHTLY
    + """\
  hourly:
    schedule: "0 * * * *"
    script: echo hello
"""
)


class World:
    """A host whose systemd is the twin; `write` puts job files, `apply` applies them."""

    def __init__(self, folder: Path) -> None:
        self.systemd = MemorySystemd(now=datetime(2026, 11, 23, 12, 0, 7, tzinfo=UTC))
        self.layout = Layout(config=folder / "etc", state=folder / "state", runtime=folder / "run")
        self.layout.jobs.mkdir(parents=True)
        self.host = Host(
            layout=self.layout,
            units=self.systemd.units,
            scripts=self.systemd.scripts,
            shadows=self.systemd.shadows,
            manager=self.systemd.manager,
            journal=self.systemd.journal,
            analyzer=self.systemd.analyzer,
            clock=self.systemd.clock,
            machine=self.systemd.machine,
        )

    def write(self, text: str, name: str = "a.yaml") -> None:
        (self.layout.jobs / name).write_text(text, encoding="utf-8")

    def apply(
        self,
        text: str | None = None,
        *,
        yes: bool = True,
        allow_empty: bool = False,
        overwrite_edits: bool = False,
    ) -> ApplyResult:
        if text is not None:
            self.write(text)
        options = ApplyOptions(
            confirm_removal=lambda _plan: yes,
            allow_empty=allow_empty,
            overwrite_edits=overwrite_edits,
        )
        return apply(self.host, options)

    def picture(self) -> Mapping[str, object]:
        """Return all that an apply may change and an undo must bring back."""
        timers = self.systemd.manager.units("debvisor-*")
        return {
            "units": dict(self.units()),
            "scripts": dict(self.systemd.scripts.read()),
            "timers": {unit.name: unit.active_state for unit in timers},
            "next": {name: self.systemd.manager.timer(name).next_elapse for name in self.running()},
            "files": sorted(
                str(path.relative_to(self.layout.state))
                for path in self.layout.state.rglob("*")
                if (path.is_file() and "generations" in path.parts) or path.name == "apply.json"
            ),
        }

    def units(self) -> Mapping[str, Entry]:
        return self.systemd.units.read()

    def running(self) -> set[str]:
        """Return the timers and path units that wait."""
        return {
            unit.name
            for unit in self.systemd.manager.units("debvisor-*.timer", "debvisor-*.path")
            if unit.active_state is ActiveState.ACTIVE
        }

    def ran(self) -> list[str]:
        """Return the services that were executed, in order."""
        return [execution.unit for execution in self.systemd.executions]

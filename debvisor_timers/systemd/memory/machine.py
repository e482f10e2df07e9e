# SPDX-License-Identifier: Apache-2.0
"""The twin's Machine: all is in order until a test says otherwise."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from debvisor_timers.errors import SystemdError
from debvisor_timers.systemd.memory.state import State
from debvisor_timers.systemd.ports import FileEntry, FileStatus, LinkEntry, Space

_FOLDER = FileStatus(uid=0, group="debvisor-timers", mode=0o2750)


class MemoryMachine:
    """A Machine whose answers are attributes, to be set by tests."""

    def __init__(self, state: State) -> None:
        """Share `state` with the other parts of the twin; install the package."""
        self._state = state
        self.files: dict[Path, FileStatus | None] = {}
        self.spaces: dict[Path, Space] = {}
        self.groups = {"root", "debvisor-timers"}
        self.libraries = {"click": "8.2.0"}
        self.packages = {"dpkg"}
        self.required: Sequence[str] = ("click<9,>=8.1.7",)
        self.other_modules: list[str] = []
        self.faults: dict[str, str] = {}
        self.settings: dict[str, str] = {}
        self.journal_size = 50 * 2**20
        self.error_of_clock = timedelta(milliseconds=20)

    def enablement(self, unit: str) -> str:
        """Return `enabled` for what a boot starts, as systemctl is-enabled does."""
        self._state.steps.look("machine.enablement")
        if self._state.disk.get(unit) == LinkEntry("/dev/null"):
            return "masked"
        if unit in self._state.enabled:
            return "enabled"
        entry = self._state.disk.get(unit)
        text = entry.text if isinstance(entry, FileEntry) else self._state.shipped.get(unit)
        if text is None:
            return ""
        return "disabled" if "[Install]" in text else "static"

    def status(self, path: Path) -> FileStatus | None:
        """Return whose `path` is: root's, unless a test has said otherwise."""
        return self.files.get(path, _FOLDER)

    def space(self, path: Path) -> Space | None:
        """Return what is free: half of 100 GB, unless a test has said otherwise."""
        return self.spaces.get(path, Space(free_bytes=50 * 10**9, bytes=0.5, inodes=0.9))

    def has_group(self, name: str) -> bool:
        """Return whether there is a group of that name."""
        return name in self.groups

    def library(self, name: str) -> str | None:
        """Return the version of an installed library."""
        return self.libraries.get(name)

    def missing_packages(self, names: Collection[str]) -> frozenset[str]:
        """Return those of `names` that a test has not installed."""
        return frozenset(names) - self.packages

    def requirements(self) -> Sequence[str]:
        """Return what the package needs."""
        return self.required

    def differing(self, programs: Path) -> list[str]:  # noqa: ARG002
        """Return the modules that are of another version."""
        return self.other_modules

    def fault_of(self, program: Path) -> str:
        """Return what a test has said of the program."""
        return self.faults.get(program.name, "")

    def journald(self) -> Mapping[str, str]:
        """Return the settings of journald."""
        return self.settings

    def journal_bytes(self) -> int:
        """Return how much room the journal takes."""
        return self.journal_size

    def clock_error(self) -> timedelta:
        """Return how wrong the clock may be."""
        if self.error_of_clock < timedelta():
            raise SystemdError("the kernel does not tell how wrong the clock is")
        return self.error_of_clock

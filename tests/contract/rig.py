# SPDX-License-Identifier: Apache-2.0
"""A systemd to try things on, the real one or the twin, with the same handles."""

from __future__ import annotations

import math
import os
import shutil
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from debvisor_timers.errors import SystemdError
from debvisor_timers.layout import Layout
from debvisor_timers.systemd.analyzer import CommandAnalyzer
from debvisor_timers.systemd.clock import SystemClock
from debvisor_timers.systemd.journal import SystemdJournal
from debvisor_timers.systemd.machine import SystemMachine
from debvisor_timers.systemd.manager import SystemdManager
from debvisor_timers.systemd.memory import MemorySystemd, Outcome
from debvisor_timers.systemd.ports import (
    Analyzer,
    Clock,
    FileEntry,
    Journal,
    LinkEntry,
    Machine,
    Manager,
    UnitDirectory,
)
from debvisor_timers.systemd.unit_directory import DiskUnitDirectory

TARGET = "contract.target"
PATTERNS = ("contract*",)
FOLDERS = (f"{TARGET}.wants",)
STARTING = "7d4958e842da4a758f6c1cdc7b36dcc5"

_WATCHED = Path("/run/contract")
_DEADLINE = timedelta(seconds=10)
_TICK = timedelta(milliseconds=20)


class Rig(ABC):
    """The five ports, time, and the few things behind the ports that a test has to set."""

    units: UnitDirectory
    manager: Manager
    journal: Journal
    analyzer: Analyzer
    clock: Clock
    machine: Machine

    @abstractmethod
    def let_pass(self, span: timedelta) -> None:
        """Let `span` of systemd's time pass."""

    @abstractmethod
    def stamp(self, timer: str) -> datetime | None:
        """Return what the stamp of a persistent timer says."""

    @abstractmethod
    def set_stamp(self, timer: str, when: datetime) -> None:
        """Let systemd believe that `timer` was last triggered at `when`."""

    @abstractmethod
    def touch(self, name: str) -> None:
        """Make the file `name` in the folder that path units of the contract watch, or write it."""

    @abstractmethod
    def remove(self, name: str) -> None:
        """Remove that file."""

    @abstractmethod
    def put_drop_in(self, path: str, text: str) -> None:
        """Put a drop-in at `path`, below a folder contract-*.d."""

    @abstractmethod
    def keep_target(self) -> None:
        """Let the boot want the target, as it wants ours once it is installed."""

    @abstractmethod
    def service(
        self,
        name: str,
        *,
        unit: str = "",
        extra: str = "",
        fails: bool = False,
        takes: float = 0,
        skipped: bool = False,
    ) -> FileEntry:
        """Return a service whose runs end like that; `takes` counts in seconds."""

    def write(self, **files: str | FileEntry) -> None:
        """Write unit files: `a_timer` is contract-a.timer."""
        self.units.write(
            {
                unit_name(name): FileEntry(entry) if isinstance(entry, str) else entry
                for name, entry in files.items()
            }
        )

    def enable(self, *timers: str) -> None:
        """Let the target want each of `timers`."""
        links = {f"{FOLDERS[0]}/{name}": LinkEntry(f"../{name}") for name in timers}
        target = {TARGET: FileEntry("[Unit]\nDescription=Timers of the contract\n")}
        self.units.write({**target, **links})

    def wait_for(self, condition: Callable[[], bool], what: str) -> None:
        """Let time pass until `condition` holds; fail after a while."""
        deadline = self.clock.now() + _DEADLINE
        while not condition():
            assert self.clock.now() < deadline, f"waited in vain until {what}"
            self.let_pass(_TICK)

    def in_seconds(self, seconds: float) -> datetime:
        """Return a whole second that is at least `seconds` ahead, less than a second more."""
        ahead = self.clock.now().timestamp() + seconds
        return datetime.fromtimestamp(math.ceil(ahead), UTC)

    def pass_to(self, when: datetime) -> None:
        """Let time pass until a moment after `when`."""
        self.let_pass(max(when - self.clock.now(), timedelta()) + timedelta(milliseconds=100))

    def starts(self, service: str) -> int:
        """Return how often `service` has been started so far, by PID 1's own records."""
        self._settle_journal()
        match = {"_PID": "1", "UNIT": service, "MESSAGE_ID": STARTING}
        return sum(1 for _ in self.journal.records([match], since=self.began))

    def is_idle(self, service: str) -> bool:
        """Return True when `service` is not running."""
        return self.manager.service(service).sub_state in {"dead", "failed"}

    def clean(self) -> None:
        """Take away all that a test has left."""
        self.manager.stop([unit.name for unit in self.manager.units(*PATTERNS)])
        names = list(self.units.read())
        self.units.write(dict.fromkeys(names))
        self.manager.reload()
        for unit in self.manager.units(*PATTERNS):
            self.manager.reset_failed(unit.name)
        for name in names:
            if name.endswith(".timer"):
                self.manager.remove_stamp(name)

    @property
    def began(self) -> datetime:
        """Return when the test began."""
        return self._began

    def _settle_journal(self) -> None:
        """Wait until all that was logged before can be read: journald keeps the order."""
        mark = uuid4().hex
        self.journal.send({"MESSAGE": "mark", "CONTRACT_MARK": mark})
        match = {"CONTRACT_MARK": mark}
        self.wait_for(lambda: any(self.journal.records([match])), "journald has caught up")

    def __init__(self) -> None:
        """Note when the test began."""
        self._began = self.clock.now()


class RealRig(Rig):
    """The systemd that is PID 1 here."""

    def __init__(self) -> None:
        """Open nothing yet."""
        self._stamps = Layout().stamps
        self._drop_ins: set[Path] = set()
        units = Path("/etc/systemd/system")
        self._link = units / "multi-user.target.wants" / TARGET
        self.units = DiskUnitDirectory(units, PATTERNS, folders=FOLDERS)
        self._connected = SystemdManager(stamps=self._stamps)
        self.manager = self._connected
        self.journal = SystemdJournal()
        self.analyzer = CommandAnalyzer()
        self.clock = SystemClock()
        self.machine = SystemMachine()
        super().__init__()

    def let_pass(self, span: timedelta) -> None:
        """Wait."""
        time.sleep(span.total_seconds())

    def stamp(self, timer: str) -> datetime | None:
        """Return when the stamp was last touched."""
        with suppress(FileNotFoundError):
            seconds = (self._stamps / f"stamp-{timer}").stat().st_mtime
            return datetime.fromtimestamp(seconds, UTC)
        return None

    def set_stamp(self, timer: str, when: datetime) -> None:
        """Write a stamp of that age."""
        self._stamps.mkdir(parents=True, exist_ok=True)
        stamp = self._stamps / f"stamp-{timer}"
        stamp.touch()
        os.utime(stamp, (when.timestamp(), when.timestamp()))

    def touch(self, name: str) -> None:
        """Open it for writing, and close it."""
        _WATCHED.mkdir(exist_ok=True)
        (_WATCHED / name).write_text("x")

    def remove(self, name: str) -> None:
        """Unlink it."""
        (_WATCHED / name).unlink()

    def put_drop_in(self, path: str, text: str) -> None:
        """Write it, with its folder."""
        file = Path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        self._drop_ins.add(file.parent)

    def keep_target(self) -> None:
        """Link it where `systemctl enable` would."""
        self._link.parent.mkdir(exist_ok=True)
        self._link.symlink_to(f"../{TARGET}")
        self.manager.reload()

    def clean(self) -> None:
        """Take the link away as well, and close the connection."""
        self._link.unlink(missing_ok=True)
        for folder in self._drop_ins:
            shutil.rmtree(folder, ignore_errors=True)
        super().clean()
        shutil.rmtree(_WATCHED, ignore_errors=True)
        self._connected.close()

    def service(
        self,
        name: str,
        *,
        unit: str = "",
        extra: str = "",
        fails: bool = False,
        takes: float = 0,
        skipped: bool = False,
    ) -> FileEntry:
        """Return a service that runs true, false or sleep."""
        program = "/bin/false" if fails else f"/bin/sleep {takes}" if takes else "/bin/true"
        return _service(program, unit, extra, skipped=skipped)


class TwinRig(Rig):
    """The in-memory twin, whose time passes only here."""

    def __init__(self) -> None:
        """Boot a twin."""
        self.twin = MemorySystemd(patterns=PATTERNS, folders=FOLDERS)
        self.units = self.twin.units
        self.manager = self.twin.manager
        self.journal = self.twin.journal
        self.analyzer = self.twin.analyzer
        self.clock = self.twin.clock
        self.machine = self.twin.machine
        super().__init__()

    def let_pass(self, span: timedelta) -> None:
        """Turn the clock."""
        self.twin.advance(span)

    def stamp(self, timer: str) -> datetime | None:
        """Return the stamp."""
        return self.twin.state.stamps.get(timer)

    def set_stamp(self, timer: str, when: datetime) -> None:
        """Set the stamp."""
        self.twin.state.stamps[timer] = when

    def touch(self, name: str) -> None:
        """Tell the twin."""
        self.twin.touch(watched(name))

    def remove(self, name: str) -> None:
        """Tell the twin."""
        self.twin.remove(watched(name))

    def put_drop_in(self, path: str, text: str) -> None:
        """Tell the twin."""
        self.twin.put_drop_in(path, text)

    def keep_target(self) -> None:
        """Enable it."""
        self.twin.state.enabled.add(TARGET)

    def service(
        self,
        name: str,
        *,
        unit: str = "",
        extra: str = "",
        fails: bool = False,
        takes: float = 0,
        skipped: bool = False,
    ) -> FileEntry:
        """Return a service, and tell the twin how its runs end."""
        outcome = Outcome(
            result="exit-code" if fails else "success",
            exit_status=1 if fails else 0,
            duration=timedelta(seconds=takes),
            skipped=skipped,
        )
        self.twin.set_outcome(name, outcome)
        return _service("/bin/true", unit, extra, skipped=skipped)


def unit_name(name: str) -> str:
    """Return the unit that a keyword stands for: `a_timer` is contract-a.timer."""
    stem, _, kind = name.rpartition("_")
    return f"contract-{stem}.{kind}"


def timer(schedule: str, *, unit: str = "", extra: str = "") -> str:
    """Return the text of a timer unit with the line `schedule`, to the microsecond."""
    return f"[Unit]\n{unit}\n[Timer]\n{schedule}\nAccuracySec=1us\n{extra}\n"


def watched(name: str) -> str:
    """Return the path of the file `name` that `touch` makes; the folder's own for an empty name."""
    return str(_WATCHED / name)


def path(*lines: str, unit: str = "") -> str:
    """Return the text of a path unit."""
    return "\n".join((f"[Unit]\n{unit}\n[Path]", *lines, ""))


def at(when: datetime) -> str:
    """Return the line that lets a timer elapse at `when` and at no other time."""
    return f"OnCalendar={when:%Y-%m-%d %H:%M:%S} UTC"


def error_name(error: SystemdError) -> str:
    """Return the last part of the D-Bus name of `error`."""
    return error.dbus_name.rpartition(".")[2]


def _service(program: str, unit: str, extra: str, *, skipped: bool) -> FileEntry:
    condition = "ConditionPathExists=/nonexistent\n" if skipped else ""
    return FileEntry(
        f"[Unit]\n{condition}{unit}\n[Service]\nType=oneshot\nExecStart={program}\n{extra}\n"
    )

# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: ARG002 - the ports say what is asked; here most of it has no answer
"""A system that does not run: files below a folder, with no manager and no journald.

Its manager has loaded nothing, and debvisor-timers.target is stopped: so an apply writes and starts
nothing, as under the emergency brake. Its next boot reads what was written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from debvisor_timers.errors import RefusedError, SystemdError
from debvisor_timers.history.records import JournalMatch, JournalRecord
from debvisor_timers.systemd.analyzer import CommandAnalyzer
from debvisor_timers.systemd.clock import SystemClock
from debvisor_timers.systemd.drop_ins import UNIT_PATH, drop_in_files
from debvisor_timers.systemd.journal import SystemdJournal
from debvisor_timers.systemd.manager import SystemdManager
from debvisor_timers.systemd.ports import (
    ActiveState,
    CalendarAnswer,
    Exposure,
    Finding,
    JobResult,
    ServiceState,
    TimerState,
    UnitState,
)

_LIBRARY = re.compile(r"libsystemd-shared-(?P<version>\d+)")
_FOLDERS = ("usr/lib/systemd", "usr/lib/*/systemd", "usr/lib64/systemd", "lib/*/systemd")


class OfflineManager:
    """A manager that has not been started."""

    def __init__(self, root: Path, *, stamps: Path) -> None:
        """root: where / of that system is here; stamps: Layout.stamps."""
        self._root = root
        self._stamps = SystemdManager(stamps=stamps)

    def version(self) -> int:
        """Return the version of the systemd that is installed there."""
        for folder in _FOLDERS:
            for path in self._root.glob(f"{folder}/libsystemd-shared-*.so"):
                if match := _LIBRARY.match(path.name):
                    return int(match["version"])
        raise SystemdError(
            f"there is no systemd below {self._root}", fix="name the folder that holds its /usr"
        )

    def booted(self) -> datetime:
        """Raise RefusedError: it has not booted."""
        raise self._not_running("has not booted")

    def reload(self) -> None:
        """Do nothing: its boot reads all unit files."""

    def units(self, *patterns: str) -> list[UnitState]:
        """Return none: nothing is loaded."""
        return []

    def start(
        self, units: Sequence[str], *, wait: bool = True, timeout: timedelta | None = None
    ) -> dict[str, JobResult]:
        """Raise RefusedError, unless there is nothing to start."""
        if units:
            raise self._not_running(f"cannot start {units[0]}")
        return {}

    def stop(
        self, units: Sequence[str], *, wait: bool = True, timeout: timedelta | None = None
    ) -> dict[str, JobResult]:
        """Return nothing: no unit is loaded."""
        return {}

    def start_once(self, service: str, *, after: timedelta, description: str) -> None:
        """Raise RefusedError: no timer runs."""
        raise self._not_running(f"cannot start {service}")

    def timer(self, name: str) -> TimerState:
        """Return that it neither has triggered nor will."""
        return TimerState(last_trigger=None, next_elapse=None)

    def timers(self, names: Iterable[str]) -> dict[str, TimerState]:
        """Return the same for each of `names`."""
        return {name: self.timer(name) for name in names}

    def next_elapses(self, names: Iterable[str]) -> dict[str, datetime]:
        """Return none."""
        return {}

    def active_since(self, name: str) -> datetime | None:
        """Return None: no unit is active."""
        return None

    def service(self, name: str) -> ServiceState:
        """Return the state of a unit that is not loaded."""
        return ServiceState(
            active_state=ActiveState.INACTIVE,
            sub_state="dead",
            result="success",
            invocation_id="",
            need_daemon_reload=False,
        )

    def stale(self, names: Iterable[str]) -> list[str]:
        """Return none."""
        return []

    def drop_ins(self, name: str) -> tuple[Path, ...]:
        """Return none: nothing was merged."""
        return ()

    def drop_in_files(self, folders: Sequence[str]) -> dict[Path, str]:
        """Return all drop-ins that are there, by their paths here."""
        return drop_in_files(
            [self._root / folder.relative_to("/") for folder in UNIT_PATH], folders
        )

    def sources(self, name: str) -> list[tuple[Path, str]]:
        """Return nothing: no unit is loaded."""
        return []

    def reset_failed(self, name: str) -> None:
        """Do nothing."""

    def exists(self, path: str) -> bool:
        """Return whether there is such a path on that system."""
        return (self._root / path.lstrip("/")).exists()

    def touch_stamp(self, timer: str) -> None:
        """Let the timer believe that it was triggered now, when it boots."""
        self._stamps.touch_stamp(timer)

    def remove_stamp(self, timer: str) -> None:
        """Remove what is remembered of a timer that is gone."""
        self._stamps.remove_stamp(timer)

    def _not_running(self, what: str) -> RefusedError:
        return RefusedError(
            f"the system below {self._root} {what}: it does not run",
            fix="boot it, and ask there",
        )


class OfflineAnalyzer(CommandAnalyzer):
    """systemd-analyze of this host: it can judge directives, not what is there on the other."""

    def verify(self, units: Mapping[str, str]) -> list[Finding]:
        """Return the complaints about lines; units and programs of this host count for nothing."""
        return [finding for finding in super().verify(units) if finding.line]

    def calendar(
        self, specs: Sequence[str], *, after: datetime, count: int
    ) -> list[CalendarAnswer]:
        """Return the next `count` elapses of each of `specs`, by the time zones of this host."""
        return super().calendar(specs, after=after, count=count)

    def exposure(self, service: str) -> Exposure | None:
        """Return None: no service is loaded."""
        return None


class OfflineJournal:
    """What journald has left below a folder; nothing is added to it."""

    def __init__(self, root: Path) -> None:
        """root: where / of that system is here."""
        self._root = root
        self._folder = root / "var/log/journal"
        self._journal = SystemdJournal(path=self._folder)

    def records(
        self,
        matches: Sequence[JournalMatch],
        *,
        newest_first: bool = False,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[JournalRecord]:
        """Yield the records that satisfy one of `matches`; none where it has never run."""
        if not self._folder.exists():
            return iter(())
        return self._journal.records(matches, newest_first=newest_first, since=since, until=until)

    def records_from(
        self, cursor: str, matches: Sequence[JournalMatch]
    ) -> Iterator[JournalRecord] | None:
        """Yield the records from the one at `cursor` on; None when it is not there."""
        return self._journal.records_from(cursor, matches) if self._folder.exists() else None

    def boot_id(self) -> str:
        """Return an id that no boot has."""
        return "0" * 32

    def boots(self) -> set[str]:
        """Return the ids of all boots that the journal has records of."""
        return self._journal.boots() if self._folder.exists() else set()

    def send(self, fields: Mapping[str, str]) -> None:
        """Raise SystemdError: nobody takes it."""
        raise SystemdError(f"no journald runs below {self._root}")

    def sync(self) -> None:
        """Do nothing."""


def offline_clock(root: Path) -> SystemClock:
    """Return our clock, with the time zone of the system below `root`."""
    return SystemClock(etc=root / "etc", zoneinfo=root / "usr/share/zoneinfo")

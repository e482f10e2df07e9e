# SPDX-License-Identifier: Apache-2.0
"""The ports: all that we ask of systemd, as Protocols, and the values that cross them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from debvisor_timers.history.outcome import Exit
from debvisor_timers.history.records import JournalMatch, JournalRecord
from debvisor_timers.systemd.ports.machine import FileStatus, Machine, Space

__all__ = [
    "ActiveState",
    "Analyzer",
    "CalendarAnswer",
    "Clock",
    "Entry",
    "Exposure",
    "FileEntry",
    "FileStatus",
    "Finding",
    "JobResult",
    "Journal",
    "LinkEntry",
    "Machine",
    "Manager",
    "ServiceState",
    "Space",
    "TimerState",
    "UnitDirectory",
    "UnitState",
]


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A regular file; text that is not UTF-8 comes with surrogate escapes."""

    text: str


@dataclass(frozen=True, slots=True)
class LinkEntry:
    """A symbolic link, its target as it stands in the link."""

    target: str


Entry = FileEntry | LinkEntry


class UnitDirectory(Protocol):
    """A folder that we share with others, in which we own entries by name and content."""

    def read(self) -> dict[str, Entry]:
        """Return every entry with one of our name patterns, by its path relative to the folder."""

    def entry(self, name: str) -> Entry | None:
        """Return the entry of ours with this name at the top, None where there is none.

        Costs nothing for the thousands beside it.
        """

    def write(self, changes: Mapping[str, Entry | None]) -> None:
        """Make `changes` (None removes): stage all, sync once, then rename each.

        Until the first rename nothing is changed. Durable when it returns.
        Raises SystemdError with the path that could not be written.
        """


class ActiveState(StrEnum):
    """ActiveState= of a unit."""

    ACTIVE = "active"
    RELOADING = "reloading"
    INACTIVE = "inactive"
    FAILED = "failed"
    ACTIVATING = "activating"
    DEACTIVATING = "deactivating"
    MAINTENANCE = "maintenance"
    REFRESHING = "refreshing"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitState:
    """A loaded unit, as systemd lists it; `job` is the type of a queued job, empty for none."""

    name: str
    load_state: str
    active_state: ActiveState
    sub_state: str
    job: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerState:
    """When a timer last triggered its service and when it will; None: never, or not armed.

    While the service runs systemd reports no next elapse (systemd 257). Elapses since the boot
    (OnBootSec=) are told as instants, too, which move when the clock is set.
    """

    last_trigger: datetime | None
    next_elapse: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceState:
    """What systemd holds of a service right now; forgotten when the unit is unloaded.

    exit: how the main process ended; empty while it runs, or when there was none.
    restarts: how often systemd has restarted it, the restart that a start limit refused included.
    start_limit: within how much time it may be started only so often; zero for no limit.
    """

    active_state: ActiveState
    sub_state: str
    result: str
    invocation_id: str
    need_daemon_reload: bool
    exit: Exit = field(default_factory=Exit)
    restarts: int = 0
    start_limit: timedelta = timedelta()


class JobResult(StrEnum):
    """How a job of systemd's queue ended; DONE does not mean that a service ran (skips too)."""

    DONE = "done"
    CANCELED = "canceled"
    TIMEOUT = "timeout"
    FAILED = "failed"
    DEPENDENCY = "dependency"
    SKIPPED = "skipped"
    INVALID = "invalid"
    ASSERT = "assert"
    UNSUPPORTED = "unsupported"
    COLLECTED = "collected"
    ONCE = "once"
    FROZEN = "frozen"
    CONCURRENCY = "concurrency"


class Manager(Protocol):
    """systemd's manager (PID 1).

    Every method raises SystemdError when systemd says no, and PermissionRefusedError when it is
    the caller who may not.
    """

    def version(self) -> int:
        """Return systemd's major version, 257 for `257.13-1~deb13u1`."""

    def booted(self) -> datetime:
        """Return when PID 1 began to start units: stamps before that are of an earlier boot."""

    def reload(self) -> None:
        """Reload all unit files (daemon-reload); returns when it is done."""

    def units(self, *patterns: str) -> list[UnitState]:
        """Return the loaded units that match one of the shell patterns, in order of their names."""

    def start(
        self, units: Sequence[str], *, wait: bool = True, timeout: timedelta | None = None
    ) -> dict[str, JobResult]:
        """Queue a start job for each of `units`; with `wait`, until all have ended.

        Returns the result of each job (empty without `wait`).
        Raises SystemdError for a unit that cannot be queued, and on `timeout`.
        """

    def stop(
        self, units: Sequence[str], *, wait: bool = True, timeout: timedelta | None = None
    ) -> dict[str, JobResult]:
        """Queue a stop job for each of `units` that is loaded; like `start` otherwise."""

    def start_once(self, service: str, *, after: timedelta, description: str) -> None:
        """Let a transient timer start the loaded or installed `service` once, `after` from now.

        The timer has its name, and is gone when it has fired, when it is stopped, and after a
        reboot. A reload puts nothing off, nor does a clock that is set back.
        Raises SystemdError when there is no such service, or such a timer already.
        """

    def timer(self, name: str) -> TimerState:
        """Return when the timer unit `name` last triggered and when it will next."""

    def timers(self, names: Iterable[str]) -> dict[str, TimerState]:
        """Return the same for each of `names`; all None for one that does not exist."""

    def next_elapses(self, names: Iterable[str]) -> dict[str, datetime]:
        """Return when each of the timers `names` elapses next by its OnCalendar= lines.

        Without those that are not armed. For many timers: twice as fast as `timers`.
        """

    def active_since(self, name: str) -> datetime | None:
        """Return since when the unit `name` is active, whatever was done to the clock meanwhile.

        None for one that is not.
        """

    def service(self, name: str) -> ServiceState:
        """Return the state of the service unit `name`."""

    def stale(self, names: Iterable[str]) -> list[str]:
        """Return those of the loaded units `names` whose files changed since they were loaded."""

    def drop_ins(self, name: str) -> tuple[Path, ...]:
        """Return the drop-ins that systemd has merged into the unit `name`."""

    def drop_in_files(self, folders: Sequence[str]) -> dict[Path, str]:
        """Return all drop-ins on the disk in folders with these patterns, and what is in each.

        folders: such as `a-*.timer.d`, wherever systemd looks for units. Loaded or not; an empty
        text for one that the caller may not read.
        """

    def sources(self, name: str) -> list[tuple[Path, str]]:
        """Return the file of the unit `name`, then its drop-ins, each with its text on the disk.

        Empty where there is no such unit. As `systemctl cat` shows them.
        """

    def reset_failed(self, name: str) -> None:
        """Forget that the unit failed and how often it was started; nothing if it is not loaded."""

    def exists(self, path: str) -> bool:
        """Return whether PathExists= of `path` holds now; False where the caller cannot look."""

    def touch_stamp(self, timer: str) -> None:
        """Let the Persistent= timer believe that it was triggered now: it misses nothing."""

    def remove_stamp(self, timer: str) -> None:
        """Remove what systemd remembers on disk of a timer that is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that systemd-analyze has to say about a unit file; line 0: about the whole."""

    unit: str
    line: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarAnswer:
    """What systemd makes of one OnCalendar= expression.

    elapses: aware, UTC, ascending; fewer than asked for when the schedule ends.
    error: systemd's own words when it refuses the expression; empty otherwise.
    """

    spec: str
    normalized: str = ""
    elapses: tuple[datetime, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """How much of the host a service can reach, from 0 (nothing) to 10; `rating` in one word."""

    score: float
    rating: str

    def __str__(self) -> str:
        """Return it as systemd-analyze says it: `4.2 OK`."""
        return f"{self.score:.1f} {self.rating}"


class Analyzer(Protocol):
    """systemd-analyze: systemd's own reading of unit files and calendars."""

    def verify(self, units: Mapping[str, str]) -> list[Finding]:
        """Load the unit files `units` (name to text) beside the host's own; return all complaints.

        Complaints about units and drop-ins of others are left out. A complaint is a line on stderr:
        the exit status is 0 or 1 for the same text, depending on its options (systemd 257).
        """

    def calendar(
        self, specs: Sequence[str], *, after: datetime, count: int
    ) -> list[CalendarAnswer]:
        """Return the next `count` elapses of each of `specs`, strictly after `after`, in order.

        Only whole seconds of `after` count.
        """

    def timestamp(self, text: str) -> datetime:
        """Return the instant that systemd reads from `text`, aware, in UTC.

        Times without a zone are the host's: `2026-11-27 02:00`, `tomorrow`, `+3h`, `now`, `@0`.
        Raises UsageError for what is no time.
        Source: systemd.time(7) PARSING TIMESTAMPS.
        """

    def exposure(self, service: str) -> Exposure | None:
        """Return what `systemd-analyze security` says of a service as systemd has it loaded.

        Drop-ins count; None for one that does not exist. It is a sum of directives, and knows
        nothing of what the program does.
        """


class Journal(Protocol):
    """systemd's journal."""

    def records(
        self,
        matches: Sequence[JournalMatch],
        *,
        newest_first: bool = False,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[JournalRecord]:
        """Yield the records that satisfy one of `matches`, oldest first unless said otherwise.

        Lazy: a caller that stops reading costs nothing more. Raises SystemdError when the journal
        cannot be opened.
        """

    def records_from(
        self, cursor: str, matches: Sequence[JournalMatch]
    ) -> Iterator[JournalRecord] | None:
        """Yield the records that satisfy one of `matches`, from the record at `cursor` on.

        In the journal's order, whatever clocks say; that record itself is included if it satisfies
        them. None when the journal no longer has it.
        """

    def boot_id(self) -> str:
        """Return the id of this boot as records have it: 32 hex digits."""

    def boots(self) -> set[str]:
        """Return the ids of all boots that the journal has records of."""

    def send(self, fields: Mapping[str, str]) -> None:
        """Append a record with `fields` (native protocol; any text is allowed as a value)."""

    def sync(self) -> None:
        """Return when all that was sent before can be read, and is on the disk.

        Raises SystemdError when journald does not answer, PermissionRefusedError without root.
        """


class Clock(Protocol):
    """The time, and where the host is."""

    def now(self) -> datetime:
        """Return the current time, aware, in UTC."""

    def zone(self) -> str:
        """Return the name of the host's time zone, `UTC` when none is set."""

# SPDX-License-Identifier: Apache-2.0
"""What the twin of a host is made of: its disk, its loaded units, its journal, its clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

from debvisor_timers.history.outcome import Exit
from debvisor_timers.history.records import JournalRecord
from debvisor_timers.jobs.duration import parse_timespan
from debvisor_timers.systemd.memory.steps import Steps
from debvisor_timers.systemd.memory.unit_text import UnitText
from debvisor_timers.systemd.ports import ActiveState, Entry, JobResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a service is to end: what systemd calls its result, and after how long.

    result: success, exit-code, timeout, signal, ...; skipped: a Condition*= is not met.
    """

    result: str = "success"
    exit_status: int = 0
    duration: timedelta = timedelta()
    skipped: bool = False

    @classmethod
    def failure(cls, exit_status: int = 1, *, duration: timedelta = timedelta()) -> Outcome:
        """Return the outcome of a program that exits with `exit_status`."""
        return cls(result="exit-code", exit_status=exit_status, duration=duration)


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One execution of a service: what a test looks at to see that nothing ran, or what did."""

    unit: str
    trigger: str
    at: datetime


@dataclass(slots=True, kw_only=True)
class Loaded:
    """A unit in PID 1's memory: the text as it was when it was read, and the state.

    stopped_with: the units whose stop stops this one as well.
    """

    name: str
    text: UnitText = field(default_factory=UnitText)
    load_state: str = "loaded"
    references: frozenset[str] = frozenset()
    wants: frozenset[str] = frozenset()
    stopped_with: frozenset[str] = frozenset()
    active: ActiveState = ActiveState.INACTIVE
    sub: str = "dead"
    result: str = "success"
    invocation_id: str = ""
    job: str = ""
    job_id: int = 0
    activated: datetime | None = None
    deactivated: datetime | None = None
    last_trigger: datetime | None = None
    next_elapse: datetime | None = None
    spent: set[str] = field(default_factory=set)
    fired: list[datetime] = field(default_factory=list)
    ends_at: datetime | None = None
    outcome: Outcome = field(default_factory=Outcome)
    exit: Exit = field(default_factory=Exit)
    restarts: int = 0
    starts: list[datetime] = field(default_factory=list)

    @property
    def start_limit(self) -> timedelta:
        """Return StartLimitIntervalSec=; where it is not set, none: the twin is started a lot."""
        text = self.text.last("Unit", "StartLimitIntervalSec") or "0"
        span = parse_timespan(text)
        return timedelta.max if span is None else span

    @property
    def start_burst(self) -> int:
        """Return StartLimitBurst=."""
        return int(self.text.last("Unit", "StartLimitBurst") or "5")

    @property
    def kind(self) -> str:
        """Return `timer`, `path`, `service`, `target`, ..."""
        return self.name.rpartition(".")[2]

    @property
    def triggers(self) -> str:
        """Return the service of a timer or path unit."""
        own = self.name.rpartition(".")[0] + ".service"
        return self.text.last(self.kind.capitalize(), "Unit", own)

    @property
    def is_up(self) -> bool:
        """Return True while the unit is active or about to be."""
        return self.active not in {ActiveState.INACTIVE, ActiveState.FAILED}


@dataclass(slots=True, kw_only=True)
class State:
    """One host; shared by all the twin's parts."""

    now: datetime
    zone: str = "UTC"
    version: int = 257
    boot_id: str = "0" * 31 + "1"
    booted: datetime = field(init=False)
    disk: dict[str, Entry] = field(default_factory=dict)
    scripts: dict[str, Entry] = field(default_factory=dict)
    shipped: dict[str, str] = field(default_factory=dict)
    drop_ins: dict[Path, str] = field(default_factory=dict)
    transient: dict[str, str] = field(default_factory=dict)
    enabled: set[str] = field(default_factory=set)
    loaded: dict[str, Loaded] = field(default_factory=dict)
    paths: set[str] = field(default_factory=set)
    stamps: dict[str, datetime] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    results: dict[int, JobResult] = field(default_factory=dict)
    executions: list[Execution] = field(default_factory=list)
    records: list[JournalRecord] = field(default_factory=list)
    steps: Steps = field(default_factory=Steps)
    counter: int = 0

    def __post_init__(self) -> None:
        """Boot at the time that it is."""
        self.booted = self.now

    def count(self) -> int:
        """Return the next number, for ids."""
        self.counter += 1
        return self.counter

    def local(self) -> tzinfo:
        """Return the time zone of the host."""
        return UTC if self.zone in {"UTC", "Etc/UTC"} else ZoneInfo(self.zone)

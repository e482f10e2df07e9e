# SPDX-License-Identifier: Apache-2.0
"""The values of the Python API, by the names of the guide: priorities, dependencies, executions."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntEnum, StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

from debvisor_timers.errors import UsageError
from debvisor_timers.history.outcome import RunStatus as JobStatus

if TYPE_CHECKING:
    from debvisor_timers.history.runs import Run
    from debvisor_timers.jobs.emit import Writable

__all__ = [
    "CronExpression",
    "DependencyType",
    "JobDependency",
    "JobExecutionResult",
    "JobPriority",
    "JobStatus",
]


class JobPriority(IntEnum):
    """Who comes first where CPU, disk or memory are short; numbers as in the guide."""

    LOW = 0
    NORMAL = 1
    HIGH = 2
    CRITICAL = 3

    @property
    def word(self) -> str:
        """Return how job files write it."""
        return self.name.lower()

    @classmethod
    def of(cls, value: JobPriority | int | str) -> JobPriority:
        """Return a priority by its number or its word. Raises ValueError for another."""
        if isinstance(value, str) and not value.isdecimal():
            try:
                return cls[value.upper()]
            except KeyError:
                raise ValueError(f"{value!r} is no priority") from None
        return cls(int(value) if isinstance(value, str) else value)


class DependencyType(StrEnum):
    """What one job makes of another: see depends_on and conflicts_with in debvisor-timers-jobs(5).

    CONFLICTS: the two never run at the same time.
    """

    REQUIRES = "requires"
    AFTER = "after"
    OPTIONAL = "optional"
    CONFLICTS = "conflicts"


@dataclass(frozen=True, slots=True)
class JobDependency:
    """That a job needs another one; timeout_seconds: how long a run waits for it, None: 1 h.

    dependency_type: or its word. Raises UsageError for another, and for what is no time.
    """

    job_id: str
    dependency_type: DependencyType = DependencyType.REQUIRES
    timeout_seconds: float | None = None

    def __post_init__(self) -> None:
        """Take words for types: as a mere text one would not be told from `requires`."""
        try:
            kind = DependencyType(str(self.dependency_type).lower())
        except ValueError as error:
            raise UsageError(
                f"{self.dependency_type!r} is no type of a dependency",
                fix=f"give a DependencyType, or {', '.join(DependencyType)}",
            ) from error
        object.__setattr__(self, "dependency_type", kind)
        if self.timeout_seconds is not None:
            seconds = number_of_seconds(self.timeout_seconds, "timeout_seconds")
            object.__setattr__(self, "timeout_seconds", seconds)

    def to_dict(self) -> dict[str, object]:
        """Return it as JSON has it."""
        return {
            "job_id": self.job_id,
            "dependency_type": str(self.dependency_type),
            "timeout_seconds": self.timeout_seconds,
        }

    def written(self) -> dict[str, Writable]:
        """Return it as an item of depends_on or conflicts_with in a job file."""
        item: dict[str, Writable] = {"job": self.job_id}
        if self.dependency_type not in {DependencyType.REQUIRES, DependencyType.CONFLICTS}:
            item["type"] = str(self.dependency_type)
        if self.timeout_seconds is not None:
            item["wait"] = as_number(self.timeout_seconds)
        return item


@dataclass(frozen=True, slots=True)
class CronExpression:
    """When a job runs, as it is written: five fields, a macro, or lines of OnCalendar=."""

    text: str

    def to_string(self) -> str:
        """Return the text."""
        return self.text

    def __str__(self) -> str:
        """Return the text."""
        return self.text


@dataclass(frozen=True, kw_only=True)
class JobExecutionResult:
    """A run of a job.

    start_time, end_time: naive, in UTC, as programs for the guide compare them with utcnow();
    `started` and `ended` are the same with their zone. exit_code: None where no program ended by
    itself. status: in the guide's words; outcome: in finer ones (`timed out`, `lost`, ...), with
    `reason`. stdout, stderr: what the journal has of them, read when they are asked for.
    """

    job_id: str
    execution_id: str
    status: JobStatus
    outcome: str
    reason: str
    started: datetime
    ended: datetime | None
    exit_code: int | None
    trigger: str
    attempts: int | None
    _read_output: Callable[[], tuple[str, str]] = field(repr=False, compare=False)

    @classmethod
    def of(cls, run: Run, read_output: Callable[[], tuple[str, str]]) -> JobExecutionResult:
        """Return `run` by the names of the guide."""
        return cls(
            job_id=run.job,
            execution_id=run.id,
            status=run.status,
            outcome=str(run.outcome),
            reason=run.reason,
            started=run.start,
            ended=run.end,
            exit_code=0 if run.status is JobStatus.COMPLETED else run.exit_status,
            trigger=str(run.trigger),
            attempts=run.attempts,
            _read_output=read_output,
        )

    @property
    def start_time(self) -> datetime:
        """Return when the run began: naive, UTC."""
        return naive(self.started)

    @property
    def end_time(self) -> datetime | None:
        """Return when it ended: naive, UTC; None while it is under way, or where it was lost."""
        return None if self.ended is None else naive(self.ended)

    @property
    def duration_seconds(self) -> float:
        """Return how long it took; 0 where it has no end."""
        return 0.0 if self.ended is None else (self.ended - self.started).total_seconds()

    @property
    def stdout(self) -> str:
        """Return what it printed on standard output, of all attempts; the newest of very much."""
        return self._output[0]

    @property
    def stderr(self) -> str:
        """Return what it printed on standard error, and what our programs said of a failure."""
        return self._output[1]

    @cached_property
    def _output(self) -> tuple[str, str]:
        return self._read_output()

    def to_dict(self) -> dict[str, object]:
        """Return it as JSON has it: times in ISO 8601 with the offset, without the output."""
        return {
            "job_id": self.job_id,
            "execution_id": self.execution_id,
            "status": str(self.status),
            "outcome": self.outcome,
            "reason": self.reason,
            "start_time": self.started.astimezone().isoformat(),
            "end_time": None if self.ended is None else self.ended.astimezone().isoformat(),
            "duration_seconds": self.duration_seconds,
            "exit_code": self.exit_code,
            "trigger": self.trigger,
            "attempts": self.attempts,
        }


def naive(moment: datetime) -> datetime:
    """Return an aware instant as programs for the guide have it: without a zone, in UTC."""
    return moment.astimezone(UTC).replace(tzinfo=None)


def as_number(seconds: float) -> int | float:
    """Return a number of seconds as a person would write it."""
    return int(seconds) if seconds == int(seconds) else seconds


def number_of_seconds(value: object, name: str) -> float:
    """Return what an argument says in seconds. Raises UsageError for what is no time."""
    if isinstance(value, timedelta):
        return value.total_seconds()
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        number = math.nan
    if isinstance(value, bool) or not math.isfinite(number):
        raise UsageError(f"{name} is {value!r}", fix="give a number of seconds, or a timedelta")
    return number


def check_texts(**arguments: object) -> None:
    """Raise UsageError where an argument is no text."""
    for name, value in arguments.items():
        if not isinstance(value, str):
            raise UsageError(f"{name} is {value!r}", fix="give a text")


def known_status(status: JobStatus | str) -> str:
    """Return the word of a status. Raises UsageError for one that there is not."""
    try:
        return str(JobStatus(str(status).lower()))
    except ValueError as error:
        raise UsageError(
            f"there is no status {str(status)!r}", fix=f"use one of: {', '.join(JobStatus)}"
        ) from error


def check_limit(limit: object) -> None:
    """Raise UsageError where a limit is no number from 0 on."""
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 0:
        raise UsageError(f"limit is {limit!r}", fix="give how many runs are wanted")

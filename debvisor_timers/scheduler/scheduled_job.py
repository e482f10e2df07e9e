# SPDX-License-Identifier: Apache-2.0
"""A job of the Python API, by the names of the guide; its dependencies can be changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableSequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, overload

from debvisor_timers.errors import UsageError
from debvisor_timers.scheduler.values import (
    CronExpression,
    DependencyType,
    JobDependency,
    JobPriority,
    naive,
    number_of_seconds,
)

if TYPE_CHECKING:
    from debvisor_timers.jobs.model import Job
    from debvisor_timers.operations.list import JobRow
    from debvisor_timers.scheduler.keys import JobFields


class Dependencies(MutableSequence[JobDependency]):
    """The dependencies of a job: each change of the list is a change of the job, and applied.

    One that cannot be applied raises the error of that, and leaves the list as it was.
    """

    def __init__(
        self,
        several: Iterable[JobDependency] = (),
        on_change: Callable[[list[JobDependency]], object] = lambda _several: None,
    ) -> None:
        """Hold `several`; on_change is called with what they are to be, before they are it."""
        self._several = list(several)
        self._on_change = on_change

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._several)

    def __iter__(self) -> Iterator[JobDependency]:
        """Yield them in order."""
        return iter(self._several)

    def __repr__(self) -> str:
        """Return them as a list."""
        return repr(self._several)

    def __eq__(self, other: object) -> bool:
        """Return True for a list of the same."""
        return list(self) == list(other) if isinstance(other, Iterable) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    @overload
    def __getitem__(self, index: int) -> JobDependency: ...

    @overload
    def __getitem__(self, index: slice) -> list[JobDependency]: ...

    def __getitem__(self, index: int | slice) -> JobDependency | list[JobDependency]:
        """Return one of them, or some."""
        return self._several[index]

    @overload
    def __setitem__(self, index: int, value: JobDependency) -> None: ...

    @overload
    def __setitem__(self, index: slice, value: Iterable[JobDependency]) -> None: ...

    def __setitem__(
        self, index: int | slice, value: JobDependency | Iterable[JobDependency]
    ) -> None:
        """Put another in the place of one, or some."""
        several = list(self._several)
        several[index] = value  # type: ignore[index, assignment]
        self._become(several)

    def __delitem__(self, index: int | slice) -> None:
        """Take one away, or some."""
        several = list(self._several)
        del several[index]
        self._become(several)

    def insert(self, index: int, value: JobDependency) -> None:
        """Add one before another."""
        several = list(self._several)
        several.insert(index, value)
        self._become(several)

    def extend(self, values: Iterable[JobDependency]) -> None:
        """Add several as one change."""
        self._become([*self._several, *values])

    def clear(self) -> None:
        """Take all away as one change."""
        self._become([])

    def _become(self, several: list[JobDependency]) -> None:
        self._on_change(several)
        self._several = several


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How often a job has run, skips apart, and how often it failed."""

    executions: int = 0
    failures: int = 0


@dataclass(kw_only=True, eq=False)
class ScheduledJob:
    """A job as it was when it was asked for.

    cron_expression: None for a job without a schedule. timezone: None for that of the host.
    last_execution, next_execution: naive, in UTC, as programs for the guide have times; None where
    there is none, or it is not known yet.
    state: in the words of `debvisor-timers list`. A change is made by `update_job`, or by way of
    `dependencies`.
    """

    job_id: str
    name: str
    cron_expression: CronExpression | None = None
    timezone: str | None = None
    task_type: str = ""
    task_config: Mapping[str, object] = field(default_factory=dict)
    priority: JobPriority = JobPriority.NORMAL
    enabled: bool = True
    owner: str = ""
    description: str = ""
    timeout_seconds: float | None = None
    max_retries: int = 0
    tags: Mapping[str, str] = field(default_factory=dict)
    dependencies: Dependencies = field(default_factory=Dependencies)
    last_execution: datetime | None = None
    next_execution: datetime | None = None
    state: str = ""
    _count: Callable[[], Counts] = field(default=Counts, repr=False)

    @property
    def execution_count(self) -> int:
        """Return how often it has run, skips apart."""
        return self._count().executions

    @property
    def failure_count(self) -> int:
        """Return how often it has failed."""
        return self._count().failures

    def to_dict(self) -> dict[str, object]:
        """Return it as JSON has it."""
        counts = self._count()
        return {
            "job_id": self.job_id,
            "name": self.name,
            "description": self.description,
            "cron_expression": str(self.cron_expression) if self.cron_expression else None,
            "timezone": self.timezone,
            "task_type": self.task_type,
            "task_config": dict(self.task_config),
            "priority": self.priority.word,
            "enabled": self.enabled,
            "owner": self.owner,
            "timeout_seconds": self.timeout_seconds,
            "max_retries": self.max_retries,
            "tags": dict(self.tags),
            "dependencies": [each.to_dict() for each in self.dependencies],
            "execution_count": counts.executions,
            "failure_count": counts.failures,
            "last_execution": _iso(self.last_execution),
            "next_execution": _iso(self.next_execution),
            "state": self.state,
        }


def job_of_row(
    row: JobRow,
    count: Callable[[], Counts],
    on_change: Callable[[list[JobDependency]], object],
) -> ScheduledJob:
    """Return a job of the list by the names of the guide."""
    job = row.job
    last = row.last.start if row.last else None
    common = {
        "job_id": row.job_id,
        "last_execution": naive(last) if last else None,
        "next_execution": naive(row.next_start) if row.next_start else None,
        "state": str(row.state),
        "_count": count,
    }
    if job is None:
        return ScheduledJob(name=row.job_id, enabled=False, **common)  # type: ignore[arg-type]
    return ScheduledJob(
        name=job.title,
        cron_expression=_expression(job),
        timezone=job.schedule.timezone if job.schedule else None,
        task_type=job.task.type if job.task else "",
        task_config=job.task.config if job.task else {},
        priority=JobPriority.of(str(job.priority)),
        enabled=job.enabled,
        owner=job.owner,
        description=job.description,
        timeout_seconds=job.timeout.total_seconds() if job.timeout else None,
        max_retries=job.retries.max,
        tags=dict(job.tags),
        dependencies=Dependencies(_dependencies(job), on_change),
        **common,  # type: ignore[arg-type]
    )


_DEFAULTS: Mapping[str, Callable[[], object]] = {
    "name": str,
    "timezone": lambda: None,
    "task_type": str,
    "task_config": dict,
    "priority": lambda: JobPriority.NORMAL,
    "enabled": lambda: True,
    "owner": str,
    "description": str,
    "timeout_seconds": lambda: None,
    "max_retries": int,
    "tags": dict,
}


def _expression(job: Job) -> CronExpression | None:
    if job.schedule is None:
        return None
    return CronExpression(job.schedule.cron or "; ".join(job.schedule.on_calendar))


def _dependencies(job: Job) -> Iterator[JobDependency]:
    for each in job.depends_on:
        if each.job is not None:
            kind = DependencyType(str(each.type))
            yield JobDependency(each.job, kind, each.wait.total_seconds())
    for other in job.conflicts_with:
        wait = other.wait.total_seconds() if other.wait else None
        yield JobDependency(other.job, DependencyType.CONFLICTS, wait)


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment.isoformat()}+00:00"


def with_fields(job: ScheduledJob, fields: JobFields) -> ScheduledJob:
    """Return `job` with what `fields` say of it: None stands for the default, as in its file."""
    said: dict[str, object] = {**fields}
    changed = {
        name: said[name] if said[name] is not None else default()
        for name, default in _DEFAULTS.items()
        if name in said
    }
    if "cron_expr" in fields:
        cron = fields["cron_expr"]
        changed["cron_expression"] = None if cron is None else CronExpression(cron)
    if fields.get("priority") is not None:
        changed["priority"] = JobPriority.of(fields["priority"] or JobPriority.LOW)
    if fields.get("timeout_seconds") is not None:
        changed["timeout_seconds"] = number_of_seconds(fields["timeout_seconds"], "timeout_seconds")
    if "dependencies" in fields:
        changed["dependencies"] = Dependencies(fields["dependencies"] or ())
    changed["name"] = changed.get("name", job.name) or job.job_id
    return replace(job, **changed)  # type: ignore[arg-type]


def to_be(
    job: ScheduledJob,
    fields: JobFields,
    on_change: Callable[[str, list[JobDependency]], None],
) -> ScheduledJob:
    """Return `job` as a batch is going to make it; on_change: of its dependencies, of which job."""
    changed = with_fields(job, fields)
    if changed.dependencies is not job.dependencies or not job.state:
        changed.dependencies = Dependencies(
            changed.dependencies, lambda several: on_change(job.job_id, several)
        )
    changed.state = job.state or "not applied"
    return changed


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
    """Which jobs a list is to have; None: any."""

    owner: str | None = None
    task_type: str | None = None
    enabled: bool | None = None
    tags: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        """Raise UsageError for tags that are none."""
        if self.tags is not None and not isinstance(self.tags, Mapping):
            raise UsageError(f"tags are {self.tags!r}", fix="give a dict")

    def fits(self, job: ScheduledJob) -> bool:
        """Return whether a job is all of this."""
        return (
            (self.owner is None or job.owner == self.owner)
            and (self.task_type is None or job.task_type == self.task_type)
            and (self.enabled is None or job.enabled is self.enabled)
            and (self.tags is None or self.tags.items() <= job.tags.items())
        )

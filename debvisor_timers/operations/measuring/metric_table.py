# SPDX-License-Identifier: Apache-2.0
"""The table of metrics: the name, type, labels and meaning of each, and its values in a reading."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from debvisor_timers.history.outcome import RunOutcome
from debvisor_timers.history.skip_cause import SkipCause
from debvisor_timers.history.totals import Durations
from debvisor_timers.operations.list import JobState
from debvisor_timers.operations.measuring.readings import ENDINGS, JobReading, Readings

PREFIX = "debvisor_timers_"
JOB_ID = "job_id"
"""Not `job`: Prometheus gives each series a label of that name, and would rename ours."""

_UNDER_WAY = {JobState.RUNNING, JobState.WAITING, JobState.RETRYING}


class MetricType(StrEnum):
    """What Prometheus may do with a metric; a counter only ever rises."""

    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


class Sample(NamedTuple):
    """One value; labels: their values, in the order of the metric's labels."""

    labels: tuple[str, ...]
    value: float | Durations


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric: a row of the table.

    samples: returns its values in a reading; a value that is not known has none.
    """

    name: str
    type: MetricType
    labels: tuple[str, ...]
    help: str
    samples: Callable[[Readings], Iterator[Sample]]


def _of_host(name: str, help_: str, pick: Callable[[Readings], float | None]) -> Metric:
    """Return a gauge with one value."""

    def samples(readings: Readings) -> Iterator[Sample]:
        value = pick(readings)
        if value is not None:
            yield Sample((), value)

    return Metric(name=PREFIX + name, type=MetricType.GAUGE, labels=(), help=help_, samples=samples)


def _by(
    label: str,
    name: str,
    help_: str,
    pick: Callable[[Readings], Mapping[str, float]],
    *,
    type_: MetricType = MetricType.GAUGE,
) -> Metric:
    """Return a metric of the host with a value for each value of `label`."""

    def samples(readings: Readings) -> Iterator[Sample]:
        yield from (Sample((word,), value) for word, value in pick(readings).items())

    return Metric(name=PREFIX + name, type=type_, labels=(label,), help=help_, samples=samples)


def _of_job(
    name: str,
    help_: str,
    pick: Callable[[JobReading], float | Durations | None],
    *,
    type_: MetricType = MetricType.GAUGE,
) -> Metric:
    """Return a metric with one value for each job."""

    def samples(readings: Readings) -> Iterator[Sample]:
        for job in readings.jobs:
            value = pick(job)
            if value is not None:
                yield Sample((job.job_id,), value)

    return Metric(
        name=f"{PREFIX}job_{name}", type=type_, labels=(JOB_ID,), help=help_, samples=samples
    )


def _of_job_by(
    label: str,
    name: str,
    help_: str,
    pick: Callable[[JobReading], Mapping[str, float]],
    *,
    type_: MetricType = MetricType.COUNTER,
) -> Metric:
    """Return a metric with a value for each job and each value of `label`."""

    def samples(readings: Readings) -> Iterator[Sample]:
        for job in readings.jobs:
            yield from (Sample((job.job_id, word), value) for word, value in pick(job).items())

    labels = (JOB_ID, label)
    return Metric(
        name=f"{PREFIX}job_{name}", type=type_, labels=labels, help=help_, samples=samples
    )


def _info(readings: Readings) -> Iterator[Sample]:
    for job in readings.jobs:
        yield Sample((job.job_id, job.title, job.owner, job.priority), 1)


def _states(readings: Readings) -> Mapping[str, float]:
    """Return how many jobs are in each state; those without one are told too, as 0."""
    states = [job.state for job in readings.jobs]
    return {state.replace(" ", "_"): states.count(state) for state in JobState}


def _time(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


def _seconds(duration: timedelta | None) -> float | None:
    return None if duration is None else duration.total_seconds()


def _flag(value: bool | None) -> float | None:  # noqa: FBT001 - it is the value, no option
    return None if value is None else float(value)


def _last_end(job: JobReading) -> float | None:
    """Return when the last run ended; of a lost one nobody knows."""
    is_known = job.last and job.last.outcome is not RunOutcome.LOST
    return _time(job.last.end) if job.last and is_known else None


def _runs(job: JobReading) -> Mapping[str, float]:
    """Return the runs by each end, those that never came as 0: a counter must begin before."""
    return {str(outcome): job.counts.runs.get(outcome, 0) for outcome in ENDINGS}


def _skips(job: JobReading) -> Mapping[str, float]:
    """Return the skips by each cause; that of the schedule itself also as 0, for the same end."""
    counts = {SkipCause.OVERLAP: 0, **job.counts.skips}
    return {str(cause): count for cause, count in counts.items()}


_HOST = (
    _by(
        "version",
        "build_info",
        "Always 1; the version of debvisor-timers.",
        lambda r: {r.version: 1},
    ),
    _of_host(
        "metrics_timestamp_seconds",
        "When these metrics were made, in seconds since 1970.",
        lambda r: _time(r.taken),
    ),
    _of_host(
        "target_active",
        "1: debvisor-timers.target is active; 0: no job is started by its timer or by a path.",
        lambda r: _flag(r.is_target_active),
    ),
    _of_host(
        "maintenance",
        "1: the host is in maintenance, and no schedule of it starts a job.",
        lambda r: _flag(r.is_in_maintenance),
    ),
    _by("state", "jobs", "How many jobs are in each state that `list` knows.", _states),
    _of_host(
        "definition_errors",
        "How many errors the YAML has; the next apply is refused unless it is 0.",
        lambda r: r.errors,
    ),
    _of_host(
        "apply_pending",
        "1: the YAML, the units or the version are not as the last apply left them.",
        lambda r: _flag(r.is_pending),
    ),
    _of_host(
        "apply_interrupted",
        "1: an apply was cut off and is not recovered yet, or is under way.",
        lambda r: _flag(r.is_interrupted),
    ),
    _of_host(
        "generation",
        "The number of the generation that was applied last; 0 before the first apply.",
        lambda r: r.generation,
    ),
    _of_host(
        "last_apply_timestamp_seconds",
        "When the last generation was applied, in seconds since 1970.",
        lambda r: _time(r.applied),
    ),
    _by(
        "result",
        "applies_total",
        "Applies by their result; one that was cut off is not among them.",
        lambda r: r.applies,
        type_=MetricType.COUNTER,
    ),
    _of_host(
        "index_lag_seconds",
        "The age of the oldest journal record on a run that the index of the history lacks; 0 when "
        "it lacks none.",
        lambda r: _seconds(r.index_lag),
    ),
)

_NOW = (
    Metric(
        name=f"{PREFIX}job_info",
        type=MetricType.GAUGE,
        labels=(JOB_ID, "name", "owner", "priority"),
        help="Always 1; what the YAML says of the job.",
        samples=_info,
    ),
    _of_job(
        "enabled", "1: the schedule and the triggers of the job count.", lambda j: j.is_enabled
    ),
    _of_job(
        "stopped",
        "1: the job is enabled, but its timer or its path unit does not run.",
        lambda j: j.state is JobState.STOPPED,
    ),
    _of_job(
        "paused",
        "1: somebody has paused the job.",
        lambda j: j.is_paused,
    ),
    _of_job(
        "running",
        "1: a run is under way; also while it waits or is between two attempts.",
        lambda j: j.state in _UNDER_WAY,
    ),
    _of_job(
        "running_since_timestamp_seconds",
        "When the run that is under way began, in seconds since 1970; none while there is no run.",
        lambda j: _time(j.under_way_since),
    ),
    _of_job(
        "next_start_timestamp_seconds",
        "When the timer starts the job next, in seconds since 1970.",
        lambda j: _time(j.next_start),
    ),
    _of_job(
        "timeout_seconds",
        "How long an attempt may take; none where there is no limit.",
        lambda j: _seconds(j.timeout),
    ),
)

_LAST = (
    _of_job(
        "last_start_timestamp_seconds",
        "When the last run that is over began, in seconds since 1970. Skipped runs do not count.",
        lambda j: _time(j.last.start) if j.last else None,
    ),
    _of_job(
        "last_end_timestamp_seconds",
        "When the last run ended, in seconds since 1970; none for a lost one.",
        _last_end,
    ),
    _of_job(
        "last_duration_seconds",
        "How long the last run took, with all its attempts.",
        lambda j: _seconds(j.last.duration) if j.last else None,
    ),
    _of_job(
        "last_success",
        "1: the last run succeeded; 0: it ended otherwise.",
        lambda j: j.last.outcome is RunOutcome.SUCCEEDED if j.last else None,
    ),
    _of_job_by(
        "outcome",
        "last_outcome",
        "Always 1; how the last run ended.",
        lambda j: {str(j.last.outcome): 1} if j.last else {},
        type_=MetricType.GAUGE,
    ),
    _of_job(
        "last_success_timestamp_seconds",
        "When the last run that succeeded ended, in seconds since 1970.",
        lambda j: _time(j.last.success_end) if j.last else None,
    ),
    _of_job(
        "last_attempts",
        "How many attempts the last run had.",
        lambda j: j.last.attempts if j.last else None,
    ),
    _of_job(
        "last_waited_seconds",
        "How long the last run waited for other jobs and for locks.",
        lambda j: j.figures.waited if j.figures else None,
    ),
    _of_job(
        "last_cpu_seconds",
        "CPU time that the last run used.",
        lambda j: j.figures.cpu if j.figures else None,
    ),
    _of_job(
        "last_memory_peak_bytes",
        "The most memory that the last run had in use.",
        lambda j: j.figures.memory_peak if j.figures else None,
    ),
    _of_job(
        "consecutive_failures",
        "How many runs have failed since the last one that succeeded. Stopped and skipped runs are "
        "passed over.",
        lambda j: j.consecutive_failures,
    ),
)

_COUNTED = (
    _of_job_by("outcome", "runs_total", "Runs that are over, by how they ended.", _runs),
    _of_job_by(
        "trigger",
        "starts_total",
        "Runs that are over, by what started them.",
        lambda j: {str(trigger): count for trigger, count in j.counts.starts.items()},
    ),
    _of_job(
        "attempts_total",
        "Attempts of runs that are over.",
        lambda j: j.counts.attempts,
        type_=MetricType.COUNTER,
    ),
    _of_job_by(
        "reason",
        "skipped_elapses_total",
        "Starts that were left out, by the kind of reason.",
        _skips,
    ),
    _of_job(
        "cpu_seconds_total",
        "CPU time that runs used.",
        lambda j: j.counts.cpu_seconds,
        type_=MetricType.COUNTER,
    ),
    _of_job(
        "duration_seconds",
        "How long runs took, with all their attempts.",
        lambda j: j.counts.durations,
        type_=MetricType.HISTOGRAM,
    ),
)

TABLE: tuple[Metric, ...] = (*_HOST, *_NOW, *_LAST, *_COUNTED)
"""All metrics, in the order in which they are printed."""

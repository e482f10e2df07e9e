# SPDX-License-Identifier: Apache-2.0
"""A run as a row of the index, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from debvisor_timers.history.attempt import Attempt
from debvisor_timers.history.figures import RunFigures
from debvisor_timers.history.outcome import Ending, Exit, RunName, RunOutcome, Trigger
from debvisor_timers.history.runs import Run

RUN_COLUMNS: Mapping[str, str] = {
    "job": "TEXT NOT NULL",
    "id": "TEXT NOT NULL",
    "start": "INTEGER NOT NULL",
    "end": "INTEGER",
    "outcome": "TEXT NOT NULL",
    "reason": "TEXT NOT NULL",
    "trigger": "TEXT NOT NULL",
    "attempts": "INTEGER NOT NULL",
    "waited": "INTEGER",
    "cpu": "INTEGER",
    "memory_peak": "INTEGER",
    "count": "INTEGER NOT NULL",
    "scheduled_for": "INTEGER",
    "generation": "INTEGER",
    "exit_code": "TEXT NOT NULL",
    "exit_status": "TEXT NOT NULL",
    "boot": "TEXT NOT NULL",
    "more": "TEXT NOT NULL",
}
"""What a run is in the index. Moments and durations are in microseconds; `more` is JSON: what is
shown of a single run alone."""

FIGURES = (
    *("job", "id", "start", "end", "outcome", "trigger"),
    *("attempts", "waited", "cpu", "memory_peak", "count", "reason"),
)
"""The columns of `figures_of`."""

_NONSENSE = (ValueError, KeyError, TypeError, OverflowError, AttributeError)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_OUTCOMES: Mapping[str, RunOutcome] = {str(each): each for each in RunOutcome}
_TRIGGERS: Mapping[str, Trigger] = {str(each): each for each in Trigger}


def usec(moment: datetime) -> int:
    """Return the microseconds from 1970 to `moment`, which is aware."""
    return (moment - _EPOCH) // _MICROSECOND


def moment(microseconds: int) -> datetime:
    """Return the moment that is so many microseconds after 1970 began: aware, UTC."""
    return _EPOCH + timedelta(microseconds=microseconds)


def row_of(run: Run) -> tuple[object, ...]:
    """Return the values of RUN_COLUMNS for `run`, in their order."""
    return (
        run.job,
        run.id,
        usec(run.start),
        _maybe(run.end),
        str(run.outcome),
        run.reason,
        str(run.trigger),
        run.attempts,
        _length(run.waited),
        _length(run.cpu),
        run.memory_peak,
        run.count,
        _maybe(run.scheduled_for),
        run.generation,
        run.exit.code,
        run.exit.status,
        run.boot_id,
        json.dumps(_more(run), separators=(",", ":")),
    )


class IndexFileError(Exception):
    """The file cannot be used: it is damaged, of another version, or no index at all."""


def run_of(row: Sequence[Any]) -> Run:
    """Return the run that a row of all RUN_COLUMNS is. Raises IndexFileError for nonsense."""
    try:
        return _run_of(row)
    except _NONSENSE as error:
        raise IndexFileError(f"a run in it makes no sense: {error}") from error


def _run_of(row: Sequence[Any]) -> Run:
    values = dict(zip(RUN_COLUMNS, row, strict=True))
    more = json.loads(values["more"])
    return Run(
        id=values["id"],
        job=values["job"],
        generation=values["generation"],
        trigger=_TRIGGERS.get(values["trigger"], Trigger.UNKNOWN),
        by=more.get("by", ""),
        scheduled_for=_moment(values["scheduled_for"]),
        start=moment(values["start"]),
        end=_moment(values["end"]),
        ending=Ending(outcome=RunOutcome(values["outcome"]), reason=values["reason"]),
        exit=Exit(code=values["exit_code"], status=values["exit_status"]),
        cpu=_span(values["cpu"]),
        memory_peak=values["memory_peak"],
        invocation_ids=tuple(more.get("invocations", ())),
        boot_id=values["boot"],
        trigger_runs=tuple(RunName(job=job, id=id_) for job, id_ in more.get("answers", ())),
        retry_of=more.get("retry_of", ""),
        waited=_span(values["waited"]),
        each_attempt=_attempts(values, more),
        max_attempts=more.get("max_attempts"),
        result=more.get("result", ""),
        count=values["count"],
        last_scheduled_for=_moment(more.get("last_scheduled_for")),
        overlapped=more.get("overlapped", ""),
        task_result=more.get("task_result", ""),
    )


def figures_of(row: Sequence[Any]) -> RunFigures:
    """Return the figures of a row of the columns FIGURES. Raises IndexFileError for nonsense."""
    job, id_, start, end, outcome, trigger, attempts, waited, cpu, memory, count, reason = row
    try:
        return RunFigures(
            job,
            id_,
            start / 1e6,
            None if end is None or end < start else (end - start) / 1e6,
            _OUTCOMES[outcome],
            _TRIGGERS.get(trigger, Trigger.UNKNOWN),
            attempts,
            None if waited is None else waited / 1e6,
            None if cpu is None else cpu / 1e6,
            memory,
            count,
            reason,
        )
    except _NONSENSE as error:
        raise IndexFileError(f"a run in it makes no sense: {error}") from error


def _more(run: Run) -> dict[str, object]:
    more = {
        "by": run.by,
        "invocations": run.invocation_ids,
        "answers": [(name.job, name.id) for name in run.trigger_runs],
        "retry_of": run.retry_of,
        "attempts": [] if _is_plain(run) else [*map(_attempt_of, run.each_attempt)],
        "max_attempts": run.max_attempts,
        "result": run.result,
        "last_scheduled_for": _maybe(run.last_scheduled_for),
        "overlapped": run.overlapped,
        "task_result": run.task_result,
    }
    return {name: value for name, value in more.items() if value or value == 0}


def _is_plain(run: Run) -> bool:
    """Return True where the only attempt says nothing that the run does not, as most do."""
    if len(run.each_attempt) != 1 or len(run.invocation_ids) != 1:
        return False
    values: dict[str, Any] = {
        "start": usec(run.start),
        "end": _maybe(run.end),
        "outcome": run.outcome,
    }
    values |= {"reason": run.reason, "exit_code": run.exit.code, "exit_status": run.exit.status}
    return (_the_only(values, run.invocation_ids),) == run.each_attempt


def _the_only(values: Mapping[str, Any], invocations: Sequence[str]) -> Attempt:
    """Return the attempt of a run that had one."""
    exit_ = (values["exit_code"], values["exit_status"])
    how = (values["outcome"], values["reason"], *exit_)
    return _attempt((1, *invocations[:1], values["start"], values["end"], *how))


def _attempts(values: Mapping[str, Any], more: Mapping[str, Any]) -> tuple[Attempt, ...]:
    if values["attempts"] == 1 and "attempts" not in more:
        return (_the_only(values, more.get("invocations", ())),)
    return tuple(map(_attempt, more.get("attempts", ())))


def _attempt_of(attempt: Attempt) -> list[object]:
    return [
        attempt.number,
        attempt.invocation_id,
        usec(attempt.start),
        _maybe(attempt.end),
        str(attempt.ending.outcome),
        attempt.ending.reason,
        attempt.exit.code,
        attempt.exit.status,
    ]


def _attempt(values: Sequence[Any]) -> Attempt:
    number, invocation, start, end, outcome, reason, code, status = values
    return Attempt(
        number=number,
        invocation_id=invocation,
        start=moment(start),
        end=_moment(end),
        ending=Ending(outcome=RunOutcome(outcome), reason=reason),
        exit=Exit(code=code, status=status),
    )


def _maybe(when: datetime | None) -> int | None:
    return None if when is None else usec(when)


def _moment(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else moment(microseconds)


def _length(duration: timedelta | None) -> int | None:
    return None if duration is None else duration // _MICROSECOND


def _span(microseconds: int | None) -> timedelta | None:
    return None if microseconds is None else timedelta(microseconds=microseconds)

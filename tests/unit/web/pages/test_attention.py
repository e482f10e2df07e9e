# SPDX-License-Identifier: Apache-2.0
"""What needs attention, and in which order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from debvisor_timers.history.figures import RunFigures
from debvisor_timers.history.last import parse_last
from debvisor_timers.history.outcome import Trigger
from debvisor_timers.history.report import Missed
from debvisor_timers.history.trend import DurationTrend, TrendKind
from debvisor_timers.history.under_way import UnderWay
from debvisor_timers.jobs.load import load_definitions
from debvisor_timers.operations.list import JobList, JobRow, JobState
from debvisor_timers.operations.past.trends import Slow
from debvisor_timers.operations.safety.finding import FindingKind, StatusFinding
from debvisor_timers.web.pages.attention import Alert, Looked, alerts
from tests.unit.operations.last_runs import FAILED_AT_TWO
from tests.unit.web.pages.test_strip import a_run

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
NOBODY = Path("/nonexistent")


def row(job_id: str, **changes: Any) -> JobRow:
    usual = {"job": None, "state": JobState.SCHEDULED, "last": None, "next_start": None}
    return JobRow(job_id=job_id, **{**usual, **changes})


def told(
    *rows: JobRow,
    looked: Looked | None = None,
    runs: Mapping[str, Sequence[RunFigures]] | None = None,
) -> list[Alert]:
    jobs = JobList(rows=rows, definitions=load_definitions(NOBODY))
    return alerts(jobs, looked or Looked(), runs or {}, NOW)


def under_way(minutes: int, **changes: Any) -> UnderWay:
    return UnderWay(
        id="run",
        invocation_id="i",
        attempt=1,
        max_attempts=1,
        start=NOW - timedelta(minutes=minutes),
        trigger=Trigger.TIMER,
        **changes,
    )


def test_nothing_is_told_of_a_job_that_waits_for_its_time() -> None:
    assert told(row("a", next_start=NOW + timedelta(hours=1))) == []


def test_a_failure_is_told_until_the_job_runs_again() -> None:
    last = parse_last(FAILED_AT_TWO)

    (alert,) = told(row("a", last=last))

    assert (alert.kind, alert.tone, alert.job, alert.run) == ("Failed", "bad", "a", last.id)  # type: ignore[union-attr]
    assert alert.why == "exit status 3"
    assert told(row("a", last=last, state=JobState.RUNNING)) == []


def test_a_start_that_is_overdue_by_more_than_a_minute_is_late() -> None:
    def late(seconds: int) -> list[Alert]:
        return told(row("a", next_start=NOW - timedelta(seconds=seconds)))

    assert late(59) == []
    assert [alert.kind for alert in late(90)] == ["Late"]


def test_a_run_is_slow_that_takes_twice_as_long_as_any_before_it() -> None:
    before = {"a": [a_run(number, 600.0) for number in range(5)]}
    running = {"state": JobState.RUNNING}

    def slow(run: UnderWay) -> list[Alert]:
        return told(row("a", under_way=run, **running), runs=before)

    assert slow(under_way(19)) == []
    (alert,) = slow(under_way(21))
    assert alert.why == "it has been running for 21min; usually it takes 10min"
    assert slow(under_way(21, waiting="for pool backup")) == []
    assert slow(under_way(21, waited=timedelta(minutes=5))) == []


def test_of_few_runs_nobody_can_tell_what_is_slow() -> None:
    run = row("a", state=JobState.RUNNING, under_way=under_way(300))

    assert told(run, runs={"a": [a_run(number, 1.0) for number in range(4)]}) == []


def test_what_is_bad_comes_before_what_is_odd() -> None:
    looked = Looked(
        findings=(
            StatusFinding(kind=FindingKind.EDITED, subject="a", message="by hand", fix="x"),
            StatusFinding(kind=FindingKind.BRAKE, subject="all", message="is stopped", fix="y"),
            StatusFinding(kind=FindingKind.FAILED, subject="b", message="told anyway", fix="z"),
        ),
        missed=(Missed(job="a", skipped={}, unseen=3), Missed(job="gone", skipped={}, unseen=1)),
    )

    found = told(row("a"), row("b", last=parse_last(FAILED_AT_TWO)), looked=looked)

    assert [alert.kind for alert in found] == ["Brake", "Failed", "Missed", "Edited"]
    assert found[2].why == "3 runs of the last day never began"


def test_a_job_that_is_going_to_reach_its_time_out_is_told() -> None:
    at = datetime(2026, 12, 24, tzinfo=UTC).timestamp()
    trend = DurationTrend(kind=TrendKind.GROWING, count=20, limit_at=at)
    slow = Slow(job="a", timeout=timedelta(hours=1), durations=trend, failures=None)

    (alert,) = told(row("a"), looked=Looked(slow=(slow,)))

    assert alert.why == "it takes longer and longer, and reaches its time-out about 24 Dec 2026"

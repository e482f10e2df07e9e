# SPDX-License-Identifier: Apache-2.0
"""What a report tells of runs: sums, failures, flaky jobs, what was missed."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from debvisor_timers.history.figures import RunFigures
from debvisor_timers.history.outcome import RunOutcome, Trigger
from debvisor_timers.history.report import (
    Missed,
    Sums,
    between,
    by_job,
    failed_jobs,
    flaky_jobs,
    missed_runs,
    sums_of,
)

LETTERS = {
    "s": RunOutcome.SUCCEEDED,
    "f": RunOutcome.FAILED,
    "t": RunOutcome.TIMED_OUT,
    "l": RunOutcome.LOST,
    "x": RunOutcome.STOPPED,
    "k": RunOutcome.SKIPPED,
    "r": RunOutcome.RUNNING,
}
_numbers = count(1)


def runs(letters: str, *, job: str = "a", retried: str = "", **more: Any) -> list[RunFigures]:
    """Return a run for each letter, one a minute; `r` in `retried`: it had three attempts."""
    return [
        RunFigures(
            job=job,
            id=f"run-{next(_numbers)}",
            start=60.0 * number,
            duration=1.0,
            outcome=LETTERS[letter],
            trigger=Trigger.TIMER,
            attempts=3 if retried[number : number + 1] == "r" else 1,
            waited=None,
            cpu=None,
            memory_peak=None,
            elapses=1,
            reason="",
        )._replace(**more)
        for number, letter in enumerate(letters)
    ]


def test_sums_count_each_run_once() -> None:
    found = sums_of({"a": runs("ssftlx"), "b": [*runs("skr"), *runs("k", elapses=4)]})

    assert found == Sums(runs=7, succeeded=3, failed=3, stopped=1, skipped=5, under_way=1)
    assert found.success_rate == 0.5
    assert sums_of({}).success_rate is None


def test_runs_by_job_keep_the_order_of_the_journal() -> None:
    """After a clock was set back, the newest run has not the latest start."""
    found = by_job([*reversed(runs("sf")), *runs("s", job="b")])

    assert [run.start for run in found["a"]] == [60, 0]
    assert list(found) == ["a", "b"]


def test_what_fails_since_the_clock_was_set_back_still_fails() -> None:
    found = failed_jobs(by_job([*runs("ss", start=7200.0), *runs("f", start=3600.0)]))

    assert [one.is_failing for one in found] == [True]


def test_a_period_has_the_runs_that_started_in_it() -> None:
    found = between({"a": runs("ssss"), "b": runs("s")}, 60, 180)

    assert [run.start for run in found["a"]] == [60, 120]
    assert "b" not in found


def test_failed_jobs_begin_with_those_that_still_fail() -> None:
    found = failed_jobs(
        {"ok": runs("sss"), "again": runs("ffffs"), "still": runs("ssfkx"), "worse": runs("stl")}
    )

    assert [(one.job, len(one.failures), one.of, one.is_failing) for one in found] == [
        ("worse", 2, 3, True),
        ("still", 1, 4, True),
        ("again", 4, 5, False),
    ]
    assert [run.outcome for run in found[0].failures] == [RunOutcome.LOST, RunOutcome.TIMED_OUT]


@pytest.mark.parametrize(
    ("letters", "retried", "is_flaky"),
    [
        ("ssssfssss", "", False),
        ("ffffssss", "", False),
        ("sfsfs", "", True),
        ("sfskxfs", "", True),
        ("fffff", "", False),
        ("sssss", "  r", True),
        ("fffff", "rrrrr", False),
        ("s" * 51, "r", False),
        ("s" * 40 + "fsfs", "", True),
        ("s" * 400 + "fsfs", "", False),
    ],
)
def test_a_flaky_job_changes_or_needs_further_attempts(
    letters: str, retried: str, *, is_flaky: bool
) -> None:
    assert bool(flaky_jobs({"a": runs(letters, retried=retried)})) == is_flaky


def test_what_was_missed_is_told_by_reason() -> None:
    several = [
        *runs("ll"),
        *runs("k", reason="excluded: holidays"),
        *runs("k", reason="still running", elapses=7),
        *runs("s", trigger=Trigger.CATCH_UP),
    ]

    found = missed_runs({"a": several, "b": runs("sss")}, {"c": [100.0, 200.0]})

    assert found == (
        Missed(
            job="a",
            skipped={"still running": 7, "excluded: holidays": 1},
            lost=2,
            catch_ups=1,
        ),
        Missed(job="c", skipped={}, unseen=2, first=100.0, last=200.0),
    )

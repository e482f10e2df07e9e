# SPDX-License-Identifier: Apache-2.0
"""Which runs somebody wants: by words, and as the index finds them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from debvisor_timers.errors import UsageError
from debvisor_timers.history.filter import RunFilter, outcomes_named, triggers_named
from debvisor_timers.history.index import Index
from debvisor_timers.history.outcome import RunOutcome, Trigger
from debvisor_timers.history.past import Past
from debvisor_timers.history.reading import News, Place, ReadRun
from tests.unit.operations.kept_runs import a_run

FIRST = datetime(2026, 10, 1, 2, 0, tzinfo=UTC)
SEVERAL = [
    a_run(FIRST, 60.0, id="a1"),
    a_run(FIRST + timedelta(days=1), 60.0, id="a2", outcome=RunOutcome.FAILED),
    a_run(FIRST + timedelta(days=2), 60.0, id="b1", job="other", trigger=Trigger.MANUAL),
    a_run(FIRST + timedelta(days=3), 60.0, id="b2", job="other", outcome=RunOutcome.LOST),
    a_run(FIRST + timedelta(days=4), 0.0, id="b%", job="other", outcome=RunOutcome.SKIPPED),
]
FAILED = frozenset({RunOutcome.FAILED, RunOutcome.LOST})
DAY = timedelta(days=1)


@pytest.fixture
def past() -> Iterator[Past]:
    with closing(Index.in_memory()) as index:
        index.add(
            News(
                boot="b",
                place=Place(),
                runs=[ReadRun(run=run, is_settled=True) for run in SEVERAL],
                jobs=frozenset({"nightly", "other"}),
            )
        )
        yield Past(index)


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        ({}, "b% b2 b1 a2 a1"),
        ({"jobs": ("nightly",)}, "a2 a1"),
        ({"jobs": ("nightly", "other", "none")}, "b% b2 b1 a2 a1"),
        ({"jobs": ()}, ""),
        ({"jobs": ("none",)}, ""),
        ({"jobs": ("' OR 1 --",)}, ""),
        ({"outcomes": FAILED}, "b2 a2"),
        ({"triggers": frozenset({Trigger.MANUAL})}, "b1"),
        ({"triggers": frozenset({Trigger.BOOT})}, ""),
        ({"since": FIRST + DAY}, "b% b2 b1 a2"),
        ({"until": FIRST + DAY}, "a1"),
        ({"since": FIRST + DAY, "until": FIRST + DAY}, ""),
        ({"since": datetime(1, 1, 1, tzinfo=UTC), "until": datetime.max.replace(tzinfo=UTC)},
         "b% b2 b1 a2 a1"),
        ({"run": "b"}, "b% b2 b1"),
        ({"run": "b%"}, "b%"),
        ({"run": "%"}, ""),
        ({"jobs": ("other",), "outcomes": FAILED, "since": FIRST, "run": "b2"}, "b2"),
    ],
)  # fmt: skip
def test_the_runs_that_are_wanted(past: Past, wanted: dict[str, Any], ids: str) -> None:
    asked = RunFilter(**wanted)
    found = [run.id for run in past.runs(asked)]
    assert found == ids.split()
    assert [each.id for each in past.figures(asked)] == found[::-1]
    pages = [run.id for at in range(len(found) + 1) for run in past.runs(asked, limit=1, offset=at)]
    assert pages == found


def test_thousands_of_jobs_may_be_asked_for(past: Past) -> None:
    jobs = tuple(f"job-{number}" for number in range(20_000))
    assert len(past.runs(RunFilter(jobs=(*jobs, "other")))) == 3


def test_the_newest_run_of_each_job_that_was_no_skip(past: Past) -> None:
    assert {job: run.id for job, run in past.newest().items()} == {"nightly": "a2", "other": "b2"}


def test_outcomes_by_name() -> None:
    assert outcomes_named([]) == frozenset()
    failed = {RunOutcome.FAILED, RunOutcome.TIMED_OUT, RunOutcome.LOST}
    assert outcomes_named(["failed"]) == failed
    assert outcomes_named(["failed", "stopped"]) == {*failed, RunOutcome.STOPPED}
    assert outcomes_named(["timed-out", "lost"]) == {RunOutcome.TIMED_OUT, RunOutcome.LOST}
    assert outcomes_named(["timed_out"]) == {RunOutcome.TIMED_OUT}
    with pytest.raises(UsageError, match="there is no status 'faxled'"):
        outcomes_named(["lost", "faxled"])


def test_triggers_by_name() -> None:
    assert triggers_named(["catch-up", "timer"]) == {Trigger.CATCH_UP, Trigger.TIMER}
    with pytest.raises(UsageError, match="there is no trigger 'cron'"):
        triggers_named(["cron"])

# SPDX-License-Identifier: Apache-2.0
"""The numbers of runs: computed by hand here."""

from __future__ import annotations

import statistics
from dataclasses import asdict
from math import isfinite
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debvisor_timers.history.figures import RunFigures
from debvisor_timers.history.order import median, percentile
from debvisor_timers.history.outcome import RunOutcome, Trigger
from debvisor_timers.history.statistics import Durations, Streak, Usage, statistics_of
from tests.unit.history.figured import DAY, START, ended, nights, run


def test_runs_are_counted_by_how_they_ended() -> None:
    numbers = statistics_of(ended("sssftlx-r"))

    assert (numbers.total, numbers.succeeded, numbers.failed) == (7, 3, 3)
    assert (numbers.timed_out, numbers.lost, numbers.stopped) == (1, 1, 1)
    assert (numbers.skipped, numbers.under_way) == (1, 1)
    assert numbers.success_rate == 0.5


def test_a_skip_tells_of_several_elapses() -> None:
    skipped = run(outcome=RunOutcome.SKIPPED, attempts=0, duration=None, elapses=12)

    numbers = statistics_of([skipped, run(outcome=RunOutcome.SKIPPED, attempts=0), run()])

    assert (numbers.total, numbers.skipped, numbers.skipped_elapses) == (1, 2, 13)


def test_durations() -> None:
    numbers = statistics_of(nights([10, 20, 30, 40, 200]))

    assert numbers.durations == Durations(count=5, average=60, median=30, p95=200, longest=200)


def test_95_of_100_runs_took_no_longer_than_p95() -> None:
    numbers = statistics_of(nights(range(1, 101)))

    assert numbers.durations
    assert (numbers.durations.median, numbers.durations.p95) == (50.5, 95)


@pytest.mark.parametrize(
    "other",
    [
        run(outcome=RunOutcome.TIMED_OUT, duration=1800.0),
        run(outcome=RunOutcome.STOPPED, duration=5.0),
        run(outcome=RunOutcome.LOST, duration=None),
        run(outcome=RunOutcome.FAILED, duration=90.0, attempts=0),
        run(outcome=RunOutcome.SKIPPED, duration=0.0, attempts=0),
        run(outcome=RunOutcome.RUNNING, duration=None),
        run(duration=-3600.0),
        run(duration=None),
    ],
)
def test_what_was_cut_off_or_never_began_has_no_duration_that_counts(other: RunFigures) -> None:
    numbers = statistics_of([run(duration=60.0), other, run(duration=80.0)])

    assert numbers.durations == Durations(count=2, average=70, median=70, p95=80, longest=80)


def test_a_failure_by_its_own_counts_among_durations() -> None:
    numbers = statistics_of([run(duration=60.0), run(duration=20.0, outcome=RunOutcome.FAILED)])

    assert numbers.durations
    assert numbers.durations.average == 40


@pytest.mark.parametrize(
    ("outcomes", "succeeded", "length", "first"),
    [
        ("s", True, 1, 0),
        ("fss", True, 2, 1),
        ("sftl", False, 3, 1),
        ("sfx-f", False, 2, 1),
        ("fsx", True, 1, 1),
        ("ssr", True, 2, 0),
    ],
)
def test_a_streak_ends_where_a_run_ended_otherwise(
    outcomes: str, succeeded: bool, length: int, first: int
) -> None:
    streak = statistics_of(ended(outcomes)).streak

    assert streak == Streak(succeeded=succeeded, length=length, start=START + first * DAY)


def test_attempts_catch_ups_and_waits() -> None:
    numbers = statistics_of(
        [
            run(attempts=1, waited=0.0),
            run(attempts=3, waited=12.5),
            run(attempts=2, waited=30.0, trigger=Trigger.CATCH_UP),
            run(attempts=0, outcome=RunOutcome.SKIPPED, waited=99.0, trigger=Trigger.CATCH_UP),
        ]
    )

    assert (numbers.retried, numbers.further_attempts, numbers.catch_ups) == (2, 3, 1)
    assert (numbers.waits, numbers.waited, numbers.waited_longest) == (2, 42.5, 30.0)


def test_what_runs_used() -> None:
    numbers = statistics_of(
        [run(cpu=1.0, memory_peak=100), run(cpu=4.0, memory_peak=300), run(memory_peak=None)]
    )

    assert numbers.cpu == Usage(count=2, total=5.0, median=2.5, most=4.0)
    assert numbers.memory == Usage(count=2, total=400, median=200, most=300)


def test_the_last_run_is_the_newest_that_has_ended() -> None:
    numbers = statistics_of(ended("sfr-"))

    assert numbers.first
    assert numbers.last
    assert (numbers.first.id, numbers.last.id) == ("run-0", "run-1")


@pytest.mark.parametrize("outcomes", ["", "-", "---", "r"])
def test_without_a_run_that_has_ended_nothing_is_claimed(outcomes: str) -> None:
    numbers = statistics_of(ended(outcomes))

    assert (numbers.total, numbers.success_rate, numbers.durations) == (0, None, None)
    assert (numbers.last, numbers.streak, numbers.cpu, numbers.memory) == (None, None, None, None)


def test_runs_that_were_all_stopped_have_no_rate_and_no_streak() -> None:
    numbers = statistics_of(ended("xx"))

    assert (numbers.total, numbers.success_rate, numbers.streak) == (2, None, None)


seconds = st.none() | st.floats(-1e6, 1e9)
any_runs = st.lists(
    st.builds(
        run,
        start=st.floats(0, 4e9),
        duration=seconds,
        waited=seconds,
        cpu=st.none() | st.floats(0, 1e9),
        memory_peak=st.none() | st.integers(0, 2**63),
        outcome=st.sampled_from(RunOutcome),
        trigger=st.sampled_from(Trigger),
        attempts=st.integers(0, 9),
        elapses=st.integers(1, 10_000),
    ),
    max_size=60,
)


@given(any_runs)
def test_numbers_add_up_whatever_runs_there_are(runs: list[RunFigures]) -> None:
    numbers = statistics_of(runs)

    assert numbers.total == numbers.succeeded + numbers.failed + numbers.stopped
    assert numbers.total + numbers.skipped + numbers.under_way == len(runs)
    assert numbers.timed_out + numbers.lost <= numbers.failed
    assert numbers.success_rate is None or 0 <= numbers.success_rate <= 1
    assert all(map(isfinite, floats(asdict(numbers))))
    if lengths := numbers.durations:
        assert 0 <= lengths.median <= lengths.p95 <= lengths.longest
        assert lengths.average <= lengths.longest * (1 + 1e-9)


def floats(value: Any) -> list[float]:
    if isinstance(value, dict):
        return [number for each in value.values() for number in floats(each)]
    return [value] if isinstance(value, float) else []


@given(st.lists(st.floats(-1e9, 1e9), min_size=1))
def test_the_median_is_that_of_the_standard_library(values: list[float]) -> None:
    assert median(sorted(values)) == statistics.median(values)


@given(st.lists(st.integers(), min_size=1), st.integers(1, 100))
def test_so_many_of_a_hundred_do_not_exceed_a_percentile(values: list[int], percent: int) -> None:
    found = percentile(sorted(values), percent)

    assert found in values
    assert sum(value <= found for value in values) * 100 >= percent * len(values)
    assert sum(value < found for value in values) * 100 < percent * len(values)

# SPDX-License-Identifier: Apache-2.0
"""Trends: told where they are, and not where chance is."""

from __future__ import annotations

import time
from math import comb, isfinite, sin, tau
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debvisor_timers.history.figures import RunFigures
from debvisor_timers.history.outcome import RunOutcome
from debvisor_timers.history.slope import fit_line, fit_step, thinned
from debvisor_timers.history.statistics import statistics_of
from debvisor_timers.history.trend import TrendKind, chance, duration_trend, failure_trend
from debvisor_timers.history.unusual import unusual_runs
from tests.unit.history.figured import DAY, START, ended, nights, run

WEEK = 7 * DAY


def noise(seed: int, share: float) -> list[float]:
    """Return factors around 1 that scatter by `share`; always the same."""
    chances = Random(seed)
    return [chances.lognormvariate(0, share) for _ in range(1000)]


# --- durations -----------------------------------------------------------------------------------


def test_a_straight_line_is_found_exactly() -> None:
    """Ten minutes, and ten seconds more each night: 70 s a week, half an hour after 120 nights."""
    trend = duration_trend(nights(600 + 10 * day for day in range(41)), timeout=1800)

    assert trend.kind is TrendKind.GROWING
    assert trend.slope * WEEK == pytest.approx(70)
    assert trend.level == pytest.approx(800)
    assert trend.now == pytest.approx(1000)
    # 800 s are left on night 40, at 10 s a night: that is 80 nights, and twice as far as foreseen.
    assert trend.limit_at == pytest.approx(START + 120 * DAY)


def test_outliers_do_not_bend_it() -> None:
    lengths = [600 + 10.0 * day for day in range(41)]
    lengths[3] = lengths[20] = 9000.0

    trend = duration_trend(nights(lengths), timeout=None)

    assert trend.slope * WEEK == pytest.approx(70, rel=0.02)


def test_it_is_found_in_noise_with_its_uncertainty() -> None:
    factors = noise(1, 0.1)

    trend = duration_trend(nights((600 + 10 * d) * factors[d] for d in range(60)), timeout=None)

    assert trend.kind is TrendKind.GROWING
    assert 0 < trend.low * WEEK < 70 < trend.high * WEEK


def test_a_limit_that_is_far_away_is_not_foreseen() -> None:
    """After 40 nights nobody can say what is in more than 80."""
    runs = nights(600 + 10 * day for day in range(41))

    assert duration_trend(runs, timeout=1801).limit_at is None
    assert duration_trend(runs, timeout=None).limit_at is None


def test_what_is_steady_reaches_no_limit() -> None:
    """By chance the line rises, and the limit is near: that foresees nothing."""
    factors = noise(3, 0.1)
    runs = nights(1750 * factors[day] for day in range(30))

    trend = duration_trend(runs, timeout=1800)

    assert (trend.kind, trend.slope > 0) == (TrendKind.STEADY, True)
    assert trend.limit_at is None


def test_what_becomes_faster() -> None:
    trend = duration_trend(nights(1000 - 10 * day for day in range(41)), timeout=1800)

    assert trend.kind is TrendKind.SHRINKING
    assert trend.slope * WEEK == pytest.approx(-70)
    assert trend.limit_at is None


def test_a_step_is_no_slope() -> None:
    """Nothing is foreseen from it: what jumped once does not go on growing."""
    factors = noise(2, 0.1)
    lengths = [(300 if day < 36 else 700) * factors[day] for day in range(60)]

    trend = duration_trend(nights(lengths), timeout=1800)

    assert (trend.kind, trend.limit_at) == (TrendKind.STEP, None)
    assert trend.step
    assert trend.step.x == START + 36 * DAY
    assert trend.step.before == pytest.approx(300, rel=0.05)
    assert trend.step.after == pytest.approx(700, rel=0.05)


@pytest.mark.parametrize("seed", range(20))
def test_chance_is_no_trend(seed: int) -> None:
    factors = noise(seed, 0.3)

    trend = duration_trend(nights(600 * factors[day] for day in range(100)), timeout=None)

    assert trend.kind is TrendKind.STEADY


def test_a_wandering_level_is_hardly_ever_a_trend() -> None:
    """Neighbours that are alike tell less than as many runs that know nothing of each other."""
    found = [
        duration_trend(nights(wandering(seed)), timeout=None).kind is not TrendKind.STEADY
        for seed in range(50)
    ]

    assert sum(found) <= 2


def wandering(seed: int) -> list[float]:
    level, lengths = 1.0, []
    for factor in noise(seed, 0.1)[:60]:
        level = level**0.7 * factor
        lengths.append(600 * level)
    return lengths


def test_a_job_that_is_slow_on_weekends_makes_no_step_when_one_comes() -> None:
    """Three weeks of an hourly job, from a Monday on, seen in the last night of a weekend."""
    factors = noise(5, 0.05)
    lengths = [
        (1200 if hour // 24 % 7 >= 5 else 600) * factors[hour % 100] for hour in range(24 * 21)
    ]

    trend = duration_trend(nights(lengths, apart=3600), timeout=None)

    assert trend.kind is TrendKind.STEADY


def test_what_was_as_long_before_by_chance_makes_no_step() -> None:
    """Five short runs, one long, one short, five long: whoever tosses a coin sees that."""
    lengths = [5.0] * 5 + [600.0] + [5.0] + [600.0] * 5

    assert duration_trend(nights(lengths), timeout=None).kind is not TrendKind.STEP


def test_what_is_steady_takes_the_median() -> None:
    """Of pairs of runs that differ much, the means are more than most runs take."""
    lengths = [10.0, 10.0, 1000.0] * 30

    assert duration_trend(nights(lengths), timeout=None).level == 10.0


def test_a_job_that_is_slow_in_the_evening_has_no_trend() -> None:
    hours = [600 * (1 + sin(hour / 24 * tau) / 2) for hour in range(24 * 8)]

    assert duration_trend(nights(hours, apart=3600), timeout=None).kind is TrendKind.STEADY
    few = duration_trend(nights(hours[:15], apart=3600), timeout=None)
    assert (few.kind, few.count) == (TrendKind.TOO_FEW, 15)


@pytest.mark.parametrize(
    "lengths",
    [
        [300.0] * 30,
        [0.0] * 30,
        [0.020 + 0.001 * day for day in range(30)],  # milliseconds do not matter
        [600.0 + day for day in range(31)],  # nor do 5 % in a month
    ],
)
def test_what_does_not_matter_is_no_trend(lengths: list[float]) -> None:
    assert duration_trend(nights(lengths), timeout=None).kind is TrendKind.STEADY


@pytest.mark.parametrize("count", [0, 1, 2, 9])
def test_few_runs_have_no_trend(count: int) -> None:
    trend = duration_trend(nights(10.0 * 2**day for day in range(count)), timeout=9.0)

    assert (trend.kind, trend.count) == (TrendKind.TOO_FEW, count)


def test_runs_that_began_at_the_same_instant_have_no_trend() -> None:
    assert duration_trend(nights(range(20), apart=0), timeout=1.0).kind is TrendKind.TOO_FEW


def test_only_what_the_job_itself_took_counts() -> None:
    """Neither a wait for a lock, nor retries, nor an early failure, makes a job slower."""
    others = [
        {"duration": 90.0 + 100 * day, "waited": 100.0 * day} if day % 4 == 0 else
        {"duration": 90.0 * day, "attempts": 3} if day % 4 == 1 else
        {"duration": 90.0 * day, "outcome": RunOutcome.FAILED} if day % 4 == 2 else
        {"duration": 90.0}
        for day in range(60)
    ]  # fmt: skip
    runs = [run(start=START + day * DAY, **other) for day, other in enumerate(others)]

    trend = duration_trend(runs, timeout=None)

    assert (trend.kind, trend.count, trend.level) == (TrendKind.STEADY, 30, 90.0)


# --- failures ------------------------------------------------------------------------------------


def test_it_fails_more_often() -> None:
    runs = ended("s" * 24 + "ff" + "s" * 24 + "s" * 20 + "f" * 9 + "s" * 21)

    trend = failure_trend(runs)

    assert trend.kind is TrendKind.GROWING
    assert (trend.failed_before, trend.before) == (2, 50)
    assert (trend.failed_after, trend.after) == (9, 50)
    assert failure_trend(runs[::-1]).kind is TrendKind.SHRINKING


@pytest.mark.parametrize("outcomes", ["s" * 50, "f" * 50, "sf" * 25, "sssss" + "f" + "s" * 14])
def test_it_fails_as_often_as_before(outcomes: str) -> None:
    assert failure_trend(ended(outcomes)).kind is TrendKind.STEADY


def test_skips_and_stops_are_not_among_the_halves() -> None:
    trend = failure_trend(ended("-x" * 50 + "sstl"))

    assert (trend.kind, trend.before, trend.after) == (TrendKind.TOO_FEW, 2, 2)
    assert (trend.failed_before, trend.failed_after) == (0, 2)


@given(st.integers(0, 12), st.integers(1, 12), st.integers(0, 12), st.integers(1, 12))
def test_the_chance_is_that_of_drawing_from_an_urn(
    marked: int, drawn: int, others_marked: int, others: int
) -> None:
    marked, others_marked = min(marked, drawn), min(others_marked, others)
    everything, red = drawn + others, marked + others_marked

    def exactly(count: int) -> float:
        return comb(red, count) * comb(everything - red, drawn - count) / comb(everything, drawn)

    more = sum(exactly(count) for count in range(marked + 1, min(drawn, red) + 1))
    assert chance(marked, drawn, others_marked, others) == pytest.approx(more + exactly(marked) / 2)


# --- any -----------------------------------------------------------------------------------------


@given(
    st.lists(
        st.builds(
            run,
            start=st.floats(0, 4e9),
            duration=st.none() | st.floats(-1e6, 1e9),
            waited=st.none() | st.floats(-1e6, 1e9),
            outcome=st.sampled_from(RunOutcome),
            attempts=st.integers(0, 2),
        ),
        max_size=80,
    ),
    st.none() | st.floats(0.001, 1e9),
)
def test_nothing_comes_out_that_is_no_number(runs: list[RunFigures], timeout: float | None) -> None:
    trend = duration_trend(runs, timeout=timeout)
    failure_trend(runs)

    assert trend.low <= trend.slope <= trend.high
    assert all(map(isfinite, [trend.slope, trend.low, trend.high, trend.level, trend.now]))
    assert trend.limit_at is None or trend.limit_at >= trend.last


points = st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1e6)), min_size=2, max_size=200)


@given(points)
def test_few_points_stand_for_many(many: list[tuple[float, float]]) -> None:
    few = thinned(sorted(many))

    assert 2 <= len(few) <= 60
    assert few == sorted(many) or len(many) > 60
    assert few == sorted(few, key=lambda point: point[0])


def test_a_line_and_a_step_need_points() -> None:
    assert fit_line([(1.0, 2.0), (1.0, 5.0)]) is None
    assert fit_step([(1.0, 2.0)] * 9, least=5) is None
    assert fit_step([(float(x), float(x > 4)) for x in range(10)], least=5) is not None


def test_twenty_thousand_runs_take_a_moment() -> None:
    factors = noise(3, 0.2)
    runs = nights((20 * factors[n % 997] for n in range(20_000)), apart=1728, memory_peak=10**8)

    before = time.process_time()
    statistics_of(runs)
    duration_trend(runs, timeout=600)
    failure_trend(runs)
    unusual_runs(runs)
    took = time.process_time() - before

    # About 50 ms; ten times that would be another algorithm, not another machine.
    assert took < 0.5

# SPDX-License-Identifier: Apache-2.0
"""Unusual runs: those that anybody would call so, and no others."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debvisor_timers.history.figures import RunFigures
from debvisor_timers.history.outcome import RunOutcome
from debvisor_timers.history.unusual import Oddity, unusual_runs
from tests.unit.history.figured import nights, run

MIB = 1024**2


def test_a_run_that_took_much_longer_is_named() -> None:
    (found,) = unusual_runs(nights([300.0] * 20 + [1200.0, 300.0]))

    assert (found.run, found.oddity) == ("run-20", Oddity.LONG)
    assert found.value == 1200.0
    assert found.usual == pytest.approx(300)
    assert found.factor == pytest.approx(4)


def test_a_backup_that_was_done_at_once_is_named() -> None:
    (found,) = unusual_runs(nights([300.0] * 20 + [2.0]))

    assert (found.run, found.oddity, found.value) == ("run-20", Oddity.SHORT, 2.0)


def test_a_run_that_used_much_more_memory_is_named_however_it_ended() -> None:
    runs = nights([300.0] * 20, memory_peak=100 * MIB)
    runs.append(run(id="greedy", outcome=RunOutcome.FAILED, memory_peak=900 * MIB))
    runs.append(run(id="modest", memory_peak=1 * MIB))

    (found,) = unusual_runs(runs)

    assert (found.run, found.oddity, found.value) == ("greedy", Oddity.MEMORY, 900.0 * MIB)


@pytest.mark.parametrize(
    ("usual", "other"),
    [
        (300.0, 430.0),  # less than half as much again
        (300.0, 210.0),
        (0.02, 0.9),  # less than a second
        (0.0, 0.9),
    ],
)
def test_little_more_or_little_less_is_as_usual(usual: float, other: float) -> None:
    assert unusual_runs(nights([usual] * 20 + [other])) == []


def test_from_nothing_to_a_minute_is_unusual() -> None:
    (found,) = unusual_runs(nights([0.0] * 20 + [60.0]))

    assert (found.oddity, found.value) == (Oddity.LONG, 60.0)


def test_what_scatters_much_is_seldom_unusual() -> None:
    chances = Random(5)

    assert len(unusual_runs(nights(chances.uniform(60, 600) for _ in range(300)))) <= 2


def test_a_job_that_takes_longer_on_sundays_is_as_usual() -> None:
    lengths = [7200.0 if day % 7 == 6 else 600.0 for day in range(100)]

    assert [one.run for one in unusual_runs(nights(lengths)[30:])] == []
    (found,) = unusual_runs([*nights(lengths), run(id="all-day", duration=40_000.0)])
    assert found.run == "all-day"


def test_what_stays_so_becomes_usual() -> None:
    """After a change the first runs are named, not all that follow."""
    found = unusual_runs(nights([300.0] * 60 + [900.0] * 120))

    assert [one.run for one in found] == ["run-63", "run-62", "run-61", "run-60"]


@pytest.mark.parametrize("count", [0, 1, 5, 10])
def test_few_runs_make_no_history(count: int) -> None:
    assert unusual_runs(nights([300.0] * (count - 1) + [90_000.0])[:count]) == []


def test_only_the_newest_runs_are_looked_at() -> None:
    lengths = [300.0] * 500
    lengths[299], lengths[300] = 3000.0, 3000.0

    assert [one.run for one in unusual_runs(nights(lengths))] == ["run-300"]


def test_what_was_retried_waited_or_cut_off_is_not_compared() -> None:
    runs = nights([300.0] * 20)
    runs.append(run(duration=3000.0, attempts=4))
    runs.append(run(duration=3000.0, waited=2700.0))
    runs.append(run(duration=3000.0, outcome=RunOutcome.TIMED_OUT))
    runs.append(run(duration=-90_000.0))

    assert unusual_runs(runs) == []


@given(
    st.lists(
        st.builds(
            run,
            duration=st.none() | st.floats(-1e6, 1e9),
            waited=st.none() | st.floats(-1e6, 1e9),
            memory_peak=st.none() | st.integers(0, 2**63),
            outcome=st.sampled_from(RunOutcome),
            attempts=st.integers(0, 2),
        ),
        max_size=60,
    )
)
def test_what_is_named_differs_from_the_usual(runs: list[RunFigures]) -> None:
    for one in unusual_runs(runs):
        assert one.usual > 0
        if one.oddity is Oddity.SHORT:
            assert one.value < one.usual
        else:
            assert one.value > one.usual


@given(st.floats(0, 1e7), st.integers(11, 150))
def test_what_is_always_the_same_is_never_unusual(length: float, count: int) -> None:
    assert unusual_runs(nights([length] * count, memory_peak=int(length))) == []

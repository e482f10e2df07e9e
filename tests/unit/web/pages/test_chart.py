# SPDX-License-Identifier: Apache-2.0
"""The chart of durations: all in percent of its width and height."""

from __future__ import annotations

from debvisor_timers.history.slope import Step
from debvisor_timers.history.trend import DurationTrend, TrendKind
from debvisor_timers.web.pages.chart import Chart, Plotted, chart
from tests.unit.web.pages.test_strip import a_run

TOO_FEW = DurationTrend(kind=TrendKind.TOO_FEW, count=2)
DAY = 86_400.0


def drawn(seconds: list[float], *, timeout: float | None = None) -> Chart:
    runs = [a_run(number, length) for number, length in enumerate(seconds)]
    found = chart(Plotted(runs=runs, trend=TOO_FEW, timeout=timeout))
    assert found is not None
    return found


def test_fewer_than_two_runs_have_no_chart() -> None:
    assert chart(Plotted(runs=[a_run(1)], trend=TOO_FEW, timeout=None)) is None


def test_time_goes_from_left_to_right_and_the_ground_is_zero() -> None:
    found = drawn([50.0, 100.0, 0.0])

    assert [dot.x for dot in found.dots] == [0.0, 50.0, 100.0]
    # The top is 112 seconds: a little above the longest.
    assert [dot.y for dot in found.dots] == [55.36, 10.71, 100.0]


def test_a_time_out_that_is_near_is_a_line() -> None:
    found = drawn([50.0, 100.0], timeout=200.0)

    (line,) = found.lines
    assert (line.kind, line.x1, line.x2) == ("limit", 0.0, 100.0)
    assert line.y1 == line.y2 == 10.71


def test_a_time_out_far_above_is_told_in_words_alone() -> None:
    found = drawn([50.0, 100.0], timeout=3600.0)

    assert found.lines == ()
    assert found.far_limit


def test_skipped_runs_and_those_under_way_are_no_points() -> None:
    runs = [a_run(0), a_run(1), a_run(2, outcome="skipped"), a_run(3, outcome="running")]

    found = chart(Plotted(runs=runs, trend=TOO_FEW, timeout=None))

    assert found is not None
    assert [dot.run.id for dot in found.dots] == ["run-0", "run-1"]


def test_a_growing_trend_goes_on_into_the_time_to_come() -> None:
    trend = DurationTrend(
        kind=TrendKind.GROWING, count=11, slope=1 / DAY, first=0.0, last=10 * DAY, now=20.0
    )
    runs = [a_run(number, 10.0 + number) for number in range(11)]

    found = chart(Plotted(runs=runs, trend=trend, timeout=None))

    assert found is not None
    past, ahead = found.lines
    assert (past.kind, ahead.kind) == ("trend", "ahead")
    assert (past.x1, past.x2) == (0.0, 86.96)
    assert (ahead.x1, ahead.x2) == (86.96, 100.0)
    assert past.y1 > past.y2 == ahead.y1 > ahead.y2


def test_a_step_is_two_levels() -> None:
    step = Step(x=5 * DAY, before=10.0, after=20.0, residual=0.1)
    trend = DurationTrend(
        kind=TrendKind.STEP, count=11, first=0.0, last=10 * DAY, now=20.0, step=step
    )
    runs = [a_run(number, 10.0 if number < 5 else 20.0) for number in range(11)]

    found = chart(Plotted(runs=runs, trend=trend, timeout=None))

    assert found is not None
    low, high = found.lines
    assert (low.x1, low.x2, high.x1, high.x2) == (0.0, 50.0, 50.0, 100.0)
    assert low.y1 == low.y2 > high.y1 == high.y2


def test_the_grid_says_times_that_people_count_in() -> None:
    found = drawn([50.0, 100.0])

    assert [row.words for row in found.rows] == ["0", "30 s", "1 min", "1.5 min"]
    assert [column.words for column in found.columns][:2] == ["Thu 00:00", "Thu 06:00"]


def test_unusual_runs_are_marked() -> None:
    runs = [a_run(0), a_run(1)]

    found = chart(Plotted(runs=runs, trend=TOO_FEW, timeout=None, odd=frozenset({"run-1"})))

    assert found is not None
    assert [dot.is_odd for dot in found.dots] == [False, True]

# SPDX-License-Identifier: Apache-2.0
"""timeline: the time cut into cells, and what a job does in each."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from debvisor_timers.history.buckets import midnight
from debvisor_timers.history.figures import RunFigures
from debvisor_timers.history.outcome import RunOutcome
from debvisor_timers.operations.coming.constant import QUARTER
from debvisor_timers.operations.coming.timeline import Row, Timeline, end_of, zone_of

_INSTANT = timedelta(microseconds=1)
_BAD_FIRST = (
    RunOutcome.FAILED,
    RunOutcome.TIMED_OUT,
    RunOutcome.LOST,
    RunOutcome.STOPPED,
    RunOutcome.RUNNING,
    RunOutcome.WAITING,
    RunOutcome.SKIPPED,
    RunOutcome.SUCCEEDED,
)
_RANK = {outcome: rank for rank, outcome in enumerate(_BAD_FIRST)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What a job does in one cell.

    starts: how many of its runs to come start in it, known or by the calendar alone. is_window: it
    has no known start here, but may start here. skipped: a run that will not take place.
    result: the worst one of the past runs that ended here, or are under way; None for none.
    passing: how a past run is going to end that only passes here; None for none.
    """

    starts: int = 0
    is_window: bool = False
    skipped: bool = False
    result: RunOutcome | None = None
    passing: RunOutcome | None = None


_NOTHING = Cell()


def edges(start: datetime, end: datetime, zone: str, length: timedelta) -> list[datetime]:
    """Return where cells of `length` begin, and `end`: anew at each midnight in `zone`.

    The last cell of a day is shorter where clocks change.
    """
    found = []
    local = zone_of(zone)
    day = start.astimezone(local).date()
    while (at := midnight(day, local)) < end:
        day += timedelta(days=1)
        until = midnight(day, local)
        while at < until:
            found.append(at)
            at += length
    return [*found, end]


def cells(row: Row, bounds: Sequence[datetime], *, now: datetime) -> list[Cell]:
    """Return what the job of `row` does in each cell between two of `bounds`."""
    count = len(bounds) - 1
    starts, skipped, windows = defaultdict[int, int](int), set[int](), set[int]()
    for run in row.runs:
        first = bisect_right(bounds, run.at) - 1
        # A delay is always shorter than the jitter.
        last = bisect_right(bounds, run.latest - _INSTANT) - 1
        if run.skipped:
            skipped.add(first)
            continue
        starts[first] += 1
        if run.latest > run.at:
            windows.update(range(max(first, 0), min(last, count - 1) + 1))
    results, passing = _past(row.past, [bound.timestamp() for bound in bounds], now.timestamp())
    # Most cells are empty, of many rows.
    found = [_NOTHING] * count
    for number in starts.keys() | skipped | windows | results.keys() | passing.keys():
        if 0 <= number < count:
            found[number] = Cell(
                starts=starts[number],
                is_window=number in windows,
                skipped=number in skipped,
                result=results.get(number),
                passing=passing.get(number),
            )
    return found


_ByCell = dict[int, RunOutcome]


def _past(
    runs: Sequence[RunFigures], bounds: Sequence[float], now: float
) -> tuple[_ByCell, _ByCell]:
    """Return the worst outcome of the runs that end in each cell, and of those that pass it."""
    results, passing = _ByCell(), _ByCell()
    for run in runs:
        first = bisect_right(bounds, run.start) - 1
        last = bisect_right(bounds, end_of(run, now)) - 1
        for number in range(max(first, 0), min(last, len(bounds) - 1)):
            passing[number] = _worse(passing.get(number), run.outcome)
        if 0 <= last < len(bounds) - 1:
            results[last] = _worse(results.get(last), run.outcome)
    return results, passing


def _worse(one: RunOutcome | None, other: RunOutcome) -> RunOutcome:
    return other if one is None or _RANK[other] < _RANK[one] else one


def heights(line: Timeline, bounds: Sequence[datetime]) -> list[float]:
    """Return the highest load of a quarter in each cell between two of `bounds`."""
    highest = [0.0] * (len(bounds) - 1)
    for quarter in line.quarters:
        # A quarter that is longer than a cell, or lies in two of them, counts in both.
        first = bisect_right(bounds, quarter.start) - 1
        last = bisect_right(bounds, quarter.start + QUARTER - _INSTANT) - 1
        for number in range(first, min(last, len(highest) - 1) + 1):
            highest[number] = max(highest[number], quarter.load)
    return highest

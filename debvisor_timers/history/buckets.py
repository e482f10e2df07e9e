# SPDX-License-Identifier: Apache-2.0
"""The runs of a job by day or by week, in the zone of the host."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum

from debvisor_timers.history.figures import RunFigures
from debvisor_timers.history.statistics import Statistics, statistics_of

_MOST = 1000
"""Days or weeks; of a longer time only those are told that have runs."""


class Period(StrEnum):
    """By what runs are put together; a week begins on Monday."""

    DAY = "day"
    WEEK = "week"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """The runs that began from `start` on and before `end`: aware, UTC, midnights of a zone."""

    start: datetime
    end: datetime
    statistics: Statistics


def buckets_of(runs: Sequence[RunFigures], *, period: Period, zone: tzinfo) -> list[Bucket]:
    """Return the days or weeks of `zone` from the oldest run to the newest one, ascending.

    Those without runs too, if it is not more than a thousand in all.
    """
    by_day = defaultdict[date, list[RunFigures]](list)
    for run in runs:
        by_day[_first(datetime.fromtimestamp(run.start, zone).date(), period)].append(run)
    if not by_day:
        return []
    length = timedelta(days=7 if period is Period.WEEK else 1)
    first, last = min(by_day), max(by_day)
    count = (last - first) // length + 1
    days = sorted(by_day) if count > _MOST else [first + number * length for number in range(count)]
    return [
        Bucket(
            start=midnight(day, zone),
            end=midnight(day + length, zone),
            statistics=statistics_of(by_day.get(day, [])),
        )
        for day in days
    ]


def midnight(day: date, zone: tzinfo) -> datetime:
    """Return the instant at which `day` begins in `zone`, in UTC."""
    # Where midnight does not exist, this is the end of the gap; where it comes twice, the first.
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _first(day: date, period: Period) -> date:
    return day - timedelta(days=day.weekday()) if period is Period.WEEK else day

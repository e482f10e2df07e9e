# SPDX-License-Identifier: Apache-2.0
"""The days on which expressions fire, day by day over every kind of year."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from datetime import date, timedelta

from debvisor_timers.calendar.cron import parse_cron
from debvisor_timers.calendar.dates import COMMON_YEARS, EVERY_YEAR, LEAP_YEARS, Dates
from tests.models.cron_model import KINDS_OF_YEARS, read_cron
from tests.models.cron_writer import CronWriter


def _days_of(years: tuple[int, ...]) -> Iterator[date]:
    for year in years:
        for offset in range(365 + calendar.isleap(year)):
            yield date(year, 1, 1) + timedelta(days=offset)


def _contains(dates: Dates, day: date) -> bool:
    """Read the set as its docstring says, knowing nothing of how it was made."""
    length = calendar.monthrange(day.year, day.month)[1]
    number = length + 1 - day.day if dates.from_end else day.day
    years = {EVERY_YEAR, LEAP_YEARS if calendar.isleap(day.year) else COMMON_YEARS}
    in_month = day.month in dates.months and number in dates.days
    return in_month and day.isoweekday() in dates.weekdays and dates.years in years


def test_sets_of_dates_hold_exactly_the_days_that_fire() -> None:
    writer = CronWriter(seed=21)
    texts = [writer.expression() for _ in range(40)] + [writer.seldom() for _ in range(40)]
    compared = 0
    for text in texts:
        model = read_cron(text)
        if not model.fires_at_all():
            continue
        sets = parse_cron(text).dates
        compared += 1
        for day in _days_of(KINDS_OF_YEARS):
            assert any(_contains(dates, day) for dates in sets) == model.fires_on(day), (text, day)
    assert compared > 50


def test_the_kinds_of_years_are_all_there_are() -> None:
    kinds = {(date(year, 1, 1).weekday(), calendar.isleap(year)) for year in KINDS_OF_YEARS}
    assert len(kinds) == len(KINDS_OF_YEARS) == 14

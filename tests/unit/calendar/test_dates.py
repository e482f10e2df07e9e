# SPDX-License-Identifier: Apache-2.0
"""Sets of days: coverage, intersection, joining."""

from __future__ import annotations

from debvisor_timers.calendar.dates import (
    COMMON_YEARS,
    LEAP_YEARS,
    Dates,
    intersect,
    join,
)

FRIDAY, MONDAY = frozenset({5}), frozenset({1})
LAST_WEEK = frozenset(range(1, 8))


def test_join_drops_what_another_set_covers() -> None:
    every_friday = Dates(weekdays=FRIDAY)
    third = Dates(weekdays=FRIDAY, days=frozenset(range(15, 22)))
    last = Dates(weekdays=FRIDAY, days=LAST_WEEK, from_end=True)
    assert join([third, every_friday, last]) == (every_friday,)


def test_join_puts_equal_days_and_equal_weekdays_together() -> None:
    days = frozenset(range(8, 15))
    joined = join([Dates(weekdays=FRIDAY, days=days), Dates(weekdays=MONDAY, days=days)])
    assert joined == (Dates(weekdays=FRIDAY | MONDAY, days=days),)


def test_join_leaves_out_days_and_months_that_cannot_meet() -> None:
    april_to_may = Dates(months=frozenset({4, 5}), days=frozenset({31}))
    assert join([april_to_may]) == (Dates(months=frozenset({5}), days=frozenset({31})),)
    assert join([Dates(months=frozenset({2, 4}), days=frozenset({31}))]) == ()


def test_the_31st_of_every_month_stays_as_it_is() -> None:
    assert join([Dates(days=frozenset({31}))]) == (Dates(days=frozenset({31})),)


def test_days_from_both_ends_meet_by_the_length_of_the_month() -> None:
    late = Dates(days=frozenset({25}))
    last_friday = Dates(weekdays=FRIDAY, days=LAST_WEEK, from_end=True)
    # The 25th is in the last seven days of every month, also of a February of 28 days.
    assert intersect(late, last_friday) == [Dates(weekdays=FRIDAY, days=frozenset({25}))]
    early = Dates(days=frozenset({22}))
    assert intersect(early, last_friday) == [
        Dates(
            weekdays=FRIDAY,
            months=frozenset({2}),
            years=COMMON_YEARS,
            days=frozenset({22}),
        )
    ]


def test_leap_and_common_years_never_meet() -> None:
    february = frozenset({2})
    leap = Dates(months=february, years=LEAP_YEARS)
    assert intersect(leap, Dates(months=february, years=COMMON_YEARS)) == []


def test_a_set_of_leap_years_stays_so_when_it_meets_the_end_of_the_month() -> None:
    leap = Dates(months=frozenset({2}), years=LEAP_YEARS, days=frozenset({27}))
    last_friday = Dates(weekdays=FRIDAY, days=LAST_WEEK, from_end=True)
    both = Dates(weekdays=FRIDAY, months=leap.months, years=LEAP_YEARS, days=leap.days)
    assert intersect(leap, last_friday) == intersect(last_friday, leap) == [both]


def test_a_set_of_leap_years_covers_no_set_of_every_year() -> None:
    february = frozenset({2})
    leap = Dates(months=february, years=LEAP_YEARS)
    every = Dates(months=february, days=frozenset({5}))
    assert join([every, leap]) == (every, leap)

# SPDX-License-Identifier: Apache-2.0
"""The two day fields as data."""

from __future__ import annotations

from debvisor_timers.calendar.days import parse_day_of_month, parse_day_of_week


def test_days_of_month_keep_their_forms_apart() -> None:
    field = parse_day_of_month("1,10-12,L,L-3,l-0,15W,01w,LW")
    assert field.days == {1, 10, 11, 12}
    assert field.from_end == {1, 4}
    assert field.nearest == {1, 15}
    assert field.last_weekday
    assert not field.star


def test_weekdays_count_from_monday_and_sunday_is_7() -> None:
    field = parse_day_of_week("0,1,sat,3#2,SUN#1,7L,frIl")
    assert field.weekdays == {7, 1, 6}
    assert field.nth == {(3, 2), (7, 1)}
    assert field.last == {7, 5}
    assert not field.star


def test_a_question_mark_is_a_star() -> None:
    assert parse_day_of_month("?") == parse_day_of_month("*")
    assert parse_day_of_week("?") == parse_day_of_week("*")
    assert parse_day_of_week("?").star

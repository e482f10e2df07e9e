# SPDX-License-Identifier: Apache-2.0
"""Lists of plain values: ranges, steps, names."""

from __future__ import annotations

import pytest

from debvisor_timers.calendar.fields import parse_values
from debvisor_timers.calendar.kinds import DAY_OF_WEEK, FIELDS, HOUR, MINUTE, MONTH, FieldKind


@pytest.mark.parametrize(
    ("kind", "text", "values"),
    [
        (MINUTE, "5-5", [5]),
        (MINUTE, "*/60", [0]),
        (MINUTE, "*/2147483647", [0]),
        (MINUTE, "30-59/40", [30]),
        (MINUTE, "50/3", [50, 53, 56, 59]),
        (MINUTE, "59/1", [59]),
        (MINUTE, "1,5-9/2,7", [1, 5, 7, 9]),
        (HOUR, "2-23/24", [2]),
        (MONTH, "jan-mar/2,DEC,Oct", [1, 3, 10, 12]),
        (MONTH, "*/5", [1, 6, 11]),
        (MONTH, "nov-12", [11, 12]),
        (DAY_OF_WEEK, "fri-sun", [5, 6, 7]),
        (DAY_OF_WEEK, "5-0", [5, 6, 7]),
        (DAY_OF_WEEK, "mon-SUN/3", [1, 4, 7]),
        (DAY_OF_WEEK, "sun-thu", [0, 1, 2, 3, 4]),
        (DAY_OF_WEEK, "sun-sun", [0]),
        (DAY_OF_WEEK, "7-0", [7]),
        (DAY_OF_WEEK, "sun-7", [0, 1, 2, 3, 4, 5, 6, 7]),
        (DAY_OF_WEEK, "2/2", [2, 4, 6]),
        (DAY_OF_WEEK, "1/2", [1, 3, 5, 7]),
        (DAY_OF_WEEK, "*/2", [0, 2, 4, 6]),
        (DAY_OF_WEEK, "*/7", [0, 7]),
    ],
)
def test_values_of_a_field(kind: FieldKind, text: str, values: list[int]) -> None:
    assert sorted(parse_values(text, kind).values) == values


def test_every_kind_is_full_with_a_star() -> None:
    sizes = [len(parse_values("*", kind).values) for kind in FIELDS]
    assert sizes == [60, 24, 31, 12, 8]

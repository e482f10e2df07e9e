# SPDX-License-Identifier: Apache-2.0
"""Numbers as people write them."""

from __future__ import annotations

import pytest

from debvisor_timers.calendar.counting import enumerate_words, in_numbers, ordinal


def test_ordinals() -> None:
    numbers = [1, 2, 3, 4, 11, 12, 13, 21, 22, 23, 31]
    words = ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "22nd", "23rd", "31st"]
    assert [ordinal(number) for number in numbers] == words


@pytest.mark.parametrize(
    ("words", "text"),
    [(["a"], "a"), (["a", "b"], "a or b"), (["a", "b", "c"], "a, b or c"), ([], "")],
)
def test_enumerations(words: list[str], text: str) -> None:
    assert enumerate_words(words, "or") == text


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ([5], "day 5"),
        ([5, 6], "days 5 and 6"),
        ([1, 5, 6, 7], "days 1 and 5-7"),
        ([1, 4, 7, 10], "days 1, 4, 7 and 10"),
        ([1, 4, 7, 10, 13], "every 3rd day from 1 to 13"),
    ],
)
def test_numbers_with_their_name(numbers: list[int], text: str) -> None:
    assert in_numbers("day", numbers) == text

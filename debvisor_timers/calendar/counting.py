# SPDX-License-Identifier: Apache-2.0
"""Sets of numbers as people write them: runs, steps, enumerations, ordinals."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise


def runs(numbers: Sequence[int]) -> list[list[int]]:
    """Return ascending numbers as runs of consecutive ones; two neighbours stay apart."""
    found: list[list[int]] = []
    for number in numbers:
        if found and found[-1][-1] + 1 == number:
            found[-1].append(number)
        else:
            found.append([number])
    return [part for run in found for part in ([run] if len(run) > 2 else [[one] for one in run])]


def step_between(numbers: Sequence[int], *, at_least: int) -> int:
    """Return the step between ascending numbers; 0 when it varies or they are too few."""
    if len(numbers) < at_least:
        return 0
    step = numbers[1] - numbers[0]
    regular = all(after - before == step for before, after in pairwise(numbers))
    return step if regular else 0


def enumerate_words(words: Sequence[str], last: str = "and") -> str:
    """Return `a`, `a and b`, `a, b and c`."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def ordinal(number: int) -> str:
    """Return `1st`, `2nd`, `3rd`, `4th`, ... `11th`."""
    endings = {1: "st", 2: "nd", 3: "rd"}  # codespell:ignore nd
    ending = "th" if number % 100 in {11, 12, 13} else endings.get(number % 10, "th")
    return f"{number}{ending}"


def in_numbers(name: str, numbers: Sequence[int]) -> str:
    """Return `day 1`, `days 1, 5 and 20-31`, or `every 2nd day from 1 to 31`."""
    if len(numbers) == 1:
        return f"{name} {numbers[0]}"
    step = step_between(numbers, at_least=5)
    if step > 1:
        return f"every {ordinal(step)} {name} from {numbers[0]} to {numbers[-1]}"
    parts = [f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs(numbers)]
    return f"{name}s {enumerate_words(parts)}"

# SPDX-License-Identifier: Apache-2.0
"""Medians and the like, of numbers that are sorted: without what `import statistics` costs."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil


def median(ascending: Sequence[float]) -> float:
    """Return the middle of `ascending`, or the mean of the two in the middle; at least one."""
    middle, is_odd = divmod(len(ascending), 2)
    if is_odd:
        return ascending[middle]
    return (ascending[middle - 1] + ascending[middle]) / 2


def percentile(ascending: Sequence[float], percent: int) -> float:
    """Return the smallest of `ascending` that `percent` of them do not exceed (nearest rank)."""
    return ascending[max(ceil(len(ascending) * percent / 100), 1) - 1]


def deviation(ascending: Sequence[float], middle: float) -> float:
    """Return the median distance from `middle`, as a standard deviation: outliers change little.

    1.4826: so it is that of a normal distribution, where the numbers come from one.
    """
    return 1.4826 * median(sorted(abs(each - middle) for each in ascending))

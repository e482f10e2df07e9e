# SPDX-License-Identifier: Apache-2.0
"""What all boxes measured, by name; medians and ratios of it."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median
from typing import Any

from tests.bench.measure import Sample


class Result:
    """The samples of every round together."""

    def __init__(self) -> None:
        self.samples: dict[str, list[Sample]] = {}
        self.numbers: dict[str, list[float]] = {}
        self.facts: dict[str, str] = {}

    def add(self, measured: Mapping[str, Any]) -> None:
        """Add what one box measured."""
        for name, samples in measured["samples"].items():
            self.samples.setdefault(name, []).extend(samples)
        for name, numbers in measured["numbers"].items():
            self.numbers.setdefault(name, []).extend(numbers)

    def walls(self, name: str) -> list[float]:
        return [sample["wall"] for sample in self.samples[name]]

    def wall(self, name: str) -> float:
        """Return the median seconds of `name`."""
        return median(self.walls(name))

    def cpu(self, name: str) -> float:
        """Return the median CPU seconds of `name`, PID 1's included."""
        return median(sample["cpu"] + sample["pid1"] for sample in self.samples[name])

    def number(self, name: str) -> float:
        return median(self.numbers[name])

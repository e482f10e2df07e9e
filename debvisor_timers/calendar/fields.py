# SPDX-License-Identifier: Apache-2.0
"""Lists of plain values in the fields of a cron expression."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from debvisor_timers.calendar import mistakes
from debvisor_timers.calendar.kinds import DAY_OF_WEEK, FieldKind
from debvisor_timers.errors import ScheduleError

# Debian's cron reads numbers into a C int; a step beyond it would mean something else there.
LARGEST_STEP = 2**31 - 1

_VALUE = r"[0-9]+|[A-Za-z]{3}"
_ITEM = re.compile(rf"(?:\*|(?P<first>{_VALUE})(?:-(?P<last>{_VALUE}))?)(?:/(?P<step>[0-9]+))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """The values of a minute, hour or month field, and whether it begins with `*`."""

    values: frozenset[int]
    star: bool


@lru_cache(maxsize=4096)
def parse_values(text: str, kind: FieldKind) -> Values:
    """Return the values that the field `text` of `kind` lists.

    Raises ScheduleError whose start counts from the beginning of the field.
    """
    values: set[int] = set()
    for item, at in split_items(text, kind):
        values.update(parse_item(item, at, kind))
    return Values(values=frozenset(values), star=text.startswith("*"))


def split_items(text: str, kind: FieldKind) -> Iterator[tuple[str, int]]:
    """Yield the items of a list with the place where each begins; an empty one is an error."""
    at = 0
    for item in text.split(","):
        if not item:
            raise mistakes.empty_item(text, at, kind.name)
        yield item, at
        at += len(item) + 1


def parse_item(item: str, at: int, kind: FieldKind) -> range:
    """Return the values of one item: `*`, a value or a range, each with or without a step.

    `a/n` counts from a to the end of the field. A range of weekdays may end in Sunday, as 0 or 7.
    """
    match = _ITEM.fullmatch(item)
    if match is None:
        raise mistakes.explain(item, at, kind, _ITEM)
    first, last, step = match.group("first", "last", "step")
    start, stop = kind.low, kind.high
    if first is not None:
        start = parse_value(first, at, kind)
        stop = kind.high if step else start
    if last is not None:
        stop = parse_value(last, at + match.start("last"), kind)
        if stop == 0 and kind is DAY_OF_WEEK and start > 0:
            stop = 7
        if stop < start:
            raise mistakes.backward_range(item, at, kind, start=start)
    return range(start, stop + 1, _parse_step(step, at + match.start("step"), item, kind))


def parse_value(text: str, at: int, kind: FieldKind) -> int:
    """Return the number that `text`, digits or a name, stands for in a field of `kind`."""
    if not text.isdigit():
        number = kind.names.get(text.lower())
        if number is None:
            raise mistakes.unknown_name(text, at, kind)
        return number
    number = int(text)
    if not kind.low <= number <= kind.high:
        raise mistakes.out_of_range(text, at, kind)
    return number


def _parse_step(text: str | None, at: int, item: str, kind: FieldKind) -> int:
    if text is None:
        return 1
    step = int(text)
    if step == 0:
        raise mistakes.zero_step(item, at, len(text), kind)
    if step > LARGEST_STEP:
        raise ScheduleError(
            f"{kind.name} step {mistakes.quote(text)} is too large",
            fix=f"use a step from 1 to {kind.high}",
            start=at,
            length=len(text),
        )
    return step

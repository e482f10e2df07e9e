# SPDX-License-Identifier: Apache-2.0
"""The five fields as Debian's cron takes them: what it refuses, what it accepts and reads oddly."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from debvisor_timers.calendar.macros import MACROS

REBOOT = "@reboot"
WORDS = (REBOOT, *MACROS)
"""The words that cron 3.0pl1-197 knows in the place of the five fields; capitals count."""

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_LEADING = re.compile(r"\*|[0-9A-Za-z]+")


class Reading(StrEnum):
    """What Debian's cron makes of a field.

    ODD: it takes it, and leaves out a part of it, or makes nothing of it, without a word.
    """

    PLAIN = "plain"
    ODD = "odd"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One of the five fields: its name in cron's own messages, its values, names of values."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()


FIELDS = (
    Field(name="minute", low=0, high=59),
    Field(name="hour", low=0, high=23),
    Field(name="day-of-month", low=1, high=31),
    Field(name="month", low=1, high=12, names=("", *_MONTHS)),
    Field(name="day-of-week", low=0, high=7, names=tuple(_DAYS)),
)


def read_field(text: str, field: Field) -> Reading:
    """Return what cron 3.0pl1-197 makes of the field `text`."""
    reading = Reading.PLAIN
    rest = text
    while True:
        item, rest = _item(rest, field)
        if item is Reading.REFUSED:
            return item
        if item is Reading.ODD:
            reading = Reading.ODD
        if not rest.startswith(","):
            # What stands behind an item is passed over up to the next blank.
            return Reading.ODD if rest else reading
        rest = rest[1:]


def _item(text: str, field: Field) -> tuple[Reading, str]:
    """Return what becomes of the item that `text` begins with, and the text behind it."""
    first, rest = _value(text, field)
    if first is None:
        return Reading.REFUSED, rest
    low = high = first
    if first == _STAR:
        low, high = field.low, field.high
    elif rest.startswith("-"):
        last, rest = _value(rest[1:], field)
        if last is None or last == _STAR:
            return Reading.REFUSED, rest
        high = last
    elif rest.startswith("/"):
        return Reading.REFUSED, rest
    if rest.startswith("/"):
        step, rest = _digits(rest[1:])
        if not step:
            return Reading.REFUSED, rest
    return Reading.ODD if high < low else Reading.PLAIN, rest


_STAR = -1


def _value(text: str, field: Field) -> tuple[int | None, str]:
    match = _LEADING.match(text)
    if match is None:
        return None, text
    word, rest = match[0], text[match.end() :]
    if word == "*":
        return _STAR, rest
    if word.isdigit() and len(word) < 10:
        number = int(word)
        return (number if field.low <= number <= field.high else None), rest
    name = word.lower()
    return (field.names.index(name) if name and name in field.names else None), rest


def _digits(text: str) -> tuple[int, str]:
    match = re.match("[0-9]{1,9}(?![0-9A-Za-z])", text)
    return (int(match[0]), text[match.end() :]) if match else (0, text)

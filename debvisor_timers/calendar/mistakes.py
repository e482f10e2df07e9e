# SPDX-License-Identifier: Apache-2.0
"""What to say about an item of a cron field that cannot be read: what, where, how to mend."""

from __future__ import annotations

import difflib
import re

from debvisor_timers.calendar.kinds import DAY_OF_MONTH, DAY_OF_WEEK, FieldKind
from debvisor_timers.errors import ScheduleError

_SPREAD = "write a fixed {name} such as {example}; to spread jobs out, use jitter"


def quote(text: str) -> str:
    """Return `text` in quotes, unprintable characters escaped, long texts cut."""
    return repr(text if len(text) <= 40 else text[:37] + "...")


def empty_item(text: str, at: int, name: str) -> ScheduleError:
    """Return the error for a list with nothing before, between or after its commas."""
    return ScheduleError(
        f"{name} {quote(text)} has an empty item in its list",
        fix="remove the extra comma, or write the missing value",
        start=min(at, len(text) - 1),
    )


def out_of_range(text: str, at: int, kind: FieldKind) -> ScheduleError:
    """Return the error for a number that the field does not have."""
    shown = text if len(text) <= 12 else quote(text)
    return ScheduleError(
        f"{kind.name} {shown} is outside {kind.low}-{kind.high}",
        fix=f"use {kind.hint}",
        start=at,
        length=len(text),
    )


def zero_step(item: str, at: int, length: int, kind: FieldKind) -> ScheduleError:
    """Return the error for `*/0`."""
    return ScheduleError(
        f"{kind.name} {quote(item)} has a step of 0",
        fix="use a step of 1 or more",
        start=at,
        length=length,
    )


def unknown_name(text: str, at: int, kind: FieldKind) -> ScheduleError:
    """Return the error for three letters that are no name in this field."""
    if not kind.names:
        message = f"{kind.name} {quote(text)} is not a number; only months and weekdays have names"
        return ScheduleError(message, fix=f"use {kind.hint}", start=at, length=len(text))
    near = difflib.get_close_matches(text.lower(), kind.names, n=1)
    fix = f"did you mean {quote(near[0])}?" if near else f"use {kind.hint}"
    message = f"{kind.name} {quote(text)} is not a name of this field"
    return ScheduleError(message, fix=fix, start=at, length=len(text))


def backward_range(item: str, at: int, kind: FieldKind, *, start: int) -> ScheduleError:
    """Return the error for a range whose end comes before its beginning; cron would never fire."""
    body, _, step = item.partition("/")
    first, last = body.split("-")
    if step:
        fix = "list the values one by one"
    else:
        highest, lowest = _ends(kind, named=first.lower() in kind.names)
        head = first if start == kind.high else f"{first}-{highest}"
        tail = last if last.lower() == lowest else f"{lowest}-{last}"
        fix = f"write '{head},{tail}' for both ends, or turn the range around"
    return ScheduleError(
        f"{kind.name} range {quote(item)} runs backward; cron would never fire",
        fix=fix,
        start=at,
        length=len(item),
    )


def _ends(kind: FieldKind, *, named: bool) -> tuple[str, str]:
    if kind is DAY_OF_WEEK:
        return ("sun", "mon") if named else ("7", "1")
    return ("dec", "jan") if named else (str(kind.high), str(kind.low))


def explain(item: str, at: int, kind: FieldKind, grammar: re.Pattern[str]) -> ScheduleError:
    """Return the error for an item outside the grammar, with advice where its origin is known."""
    strange = re.search(r"[^!-~]", item)
    if strange is not None:
        return _strange_character(strange.group(), at + strange.start(), kind)
    for pattern, elsewhere, message, fix in _KNOWN:
        if elsewhere is not kind and pattern.match(item):
            return _error(item, at, kind, message, fix)
    if re.fullmatch(r"[A-Za-z]+", item):
        return _word(item, at, kind)
    readable = grammar.match(item)
    if readable is not None:
        return _rest(item, at, kind, readable.end())
    return _error(item, at, kind, "{name} {item} is not understood", "use {hint}; {forms}")


def _error(item: str, at: int, kind: FieldKind, message: str, fix: str) -> ScheduleError:
    words = {
        "name": kind.name,
        "item": quote(item),
        "hint": kind.hint,
        "forms": kind.forms,
        "example": str(min(kind.high, 17)) if kind.high > 12 else "3",
        "digits": re.sub(r"[^0-9].*", "", item.lstrip("+-/")),
    }
    length = len(item)
    return ScheduleError(
        message.format_map(words), fix=fix.format_map(words), start=at, length=length
    )


def _strange_character(character: str, at: int, kind: FieldKind) -> ScheduleError:
    number = f"U+{ord(character):04X}"
    return ScheduleError(
        f"{kind.name}: character {quote(character)} ({number}) has no meaning in a cron expression",
        fix="remove it, or use plain digits, letters and spaces",
        start=at,
    )


def _word(item: str, at: int, kind: FieldKind) -> ScheduleError:
    short = item[:3].lower()
    if short in kind.names:
        message, fix = "{name} {item}: names have exactly three letters", f"write '{short}'"
        return _error(item, at, kind, message, fix)
    return unknown_name(item, at, kind)


def _rest(item: str, at: int, kind: FieldKind, end: int) -> ScheduleError:
    good, rest = item[:end], item[end:]
    return ScheduleError(
        f"{kind.name} {quote(item)}: {quote(rest)} after {quote(good)} is not understood",
        fix=f"write {quote(good)} alone, or {kind.hint}",
        start=at + end,
        length=len(rest),
    )


def _known(
    pattern: str, message: str, fix: str, elsewhere: FieldKind | None = None
) -> tuple[re.Pattern[str], FieldKind | None, str, str]:
    return re.compile(pattern, re.IGNORECASE), elsewhere, message, fix


# Tried in order: what other schedulers write, and slips that have a plain cure. `elsewhere` is the
# field in which the form has a meaning, and its mistakes another reason.
_KNOWN = (
    _known(r"H(?:[/(-]|$)", "{name} {item}: 'H' is Jenkins' hash of the job's name", _SPREAD),
    _known(r".*~", "{name} {item}: '~' draws a random value in cronie", _SPREAD),
    _known(
        r".*\?",
        "{name} {item}: '?' stands only alone, in day of month or day of week",
        "write '*' for every {name}",
    ),
    _known(r"[+-][0-9]", "{name} {item}: numbers have no sign", "use {hint}"),
    _known(r"/[0-9]+$", "{name} {item} has a step of nothing", "write '*/{digits}'"),
    _known(
        r"(?:[0-9]+|[a-z]{3})-$",
        "{name} {item} is a range without an end",
        "write its last value too",
    ),
    _known(
        r".*/$", "{name} {item} has no number after its '/'", "write the step, or remove the '/'"
    ),
    _known(
        r"(?:L(?:-?[0-9]+)?W?|[0-9]+W)$",
        "{name} {item}: 'L' and 'W' belong in day of month",
        "move it there, or use {hint}",
        elsewhere=DAY_OF_MONTH,
    ),
    _known(
        r"(?:[0-9]|[a-z]{3})(?:#[0-9]+|L)$",
        "{name} {item}: 'd#n' and 'dL' belong in day of week",
        "move it there, or use {hint}",
        elsewhere=DAY_OF_WEEK,
    ),
    _known(
        r"[^#L]+[-/][^#]+(?:#[0-9]+|[LW])$",
        "{name} {item}: '#', 'L' and 'W' go with one day",
        "write an item for each day, with commas between them",
    ),
    _known(r"0x", "{name} {item} is not a decimal number", "use {hint}"),
)

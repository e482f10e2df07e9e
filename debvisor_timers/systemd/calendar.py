# SPDX-License-Identifier: Apache-2.0
"""systemd-analyze calendar: asked zone by zone, its answers read back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from debvisor_timers.calendar.zones import check_zone
from debvisor_timers.errors import ScheduleError
from debvisor_timers.systemd.analyze import HOST_ZONE, at_once, parts, processors, run
from debvisor_timers.systemd.ports import CalendarAnswer

_ERROR = "Failed to parse calendar specification '"
_KEYS = ("Normalized form:", "Next elapse:", "(in UTC):", "Iteration #")
# A line that ends with the time of day and a zone: all that stands before is read the same without.
_ZONED = re.compile(r"(?P<rest>(?:.* )?[0-9*.,/:]*:[0-9*.,/:]*) +(?P<zone>[A-Z]\w*(?:/[\w+-]+)+)")
# Three lines of text for each elapse: so many of them are 40 MB.
_MOST_ELAPSES = 200_000
# To start systemd-analyze takes as long as so many elapses.
_FEWEST_ELAPSES = 1_000


@dataclass(frozen=True, slots=True)
class _Question:
    """A line as it is asked: `asked` in `zone` elapses when `spec` does."""

    spec: str
    asked: str
    zone: str = HOST_ZONE


def ask_calendar(specs: Iterable[str], *, after: datetime, count: int) -> list[CalendarAnswer]:
    """Return the next `count` elapses of each of the distinct `specs`, strictly after `after`.

    A line with a zone at its end is asked without it, in that zone: systemd 257 would fork a
    process for each elapse, of 1.2 ms instead of 0.02 ms. That the answers are the same is shown by
    tests/contract/test_zones.py.
    """
    base = f"@{max(int(after.timestamp()), 0)}"  # it knows no time before 1970
    groups: dict[str, list[_Question]] = {}
    for spec in specs:
        question = _question(spec)
        groups.setdefault(question.zone, []).append(question)
    calls = [call for group in groups.values() for call in _shares(group, count)]
    answers = at_once(lambda call: _ask(call, base, count), calls)
    return [answer for some in answers for answer in some]


def _question(spec: str) -> _Question:
    match = _ZONED.fullmatch(spec)
    if match is None or not _is_zone(match["zone"]):
        return _Question(spec, spec)
    return _Question(spec, match["rest"], match["zone"])


def _is_zone(name: str) -> bool:
    try:
        check_zone(name)
    except ScheduleError:
        return False
    return True


def _shares(group: Sequence[_Question], count: int) -> Iterator[list[_Question]]:
    """Yield the questions of one zone in shares for one process each."""
    share = max(_FEWEST_ELAPSES // count, -(-len(group) // processors()), 1)
    most = min(share, max(_MOST_ELAPSES // count, 1))
    start = 0
    for part in parts([question.asked for question in group], most=most):
        yield list(group[start : start + len(part)])
        start += len(part)


def _ask(questions: Sequence[_Question], base: str, count: int) -> list[CalendarAnswer]:
    asked = [question.asked for question in questions]
    zone = questions[0].zone
    done = run("calendar", f"--iterations={count}", f"--base-time={base}", "--", *asked, zone=zone)
    errors = {text: error for text in asked if (error := _error(text, done.stderr))}
    blocks = _blocks(done.stdout)
    if len(blocks) + sum(text in errors for text in asked) != len(asked):
        if len(asked) == 1:
            said = done.stderr.strip() or done.stdout.strip()
            error = said or "systemd-analyze says nothing"
            return [CalendarAnswer(spec=questions[0].spec, error=error)]
        return [answer for question in questions for answer in _ask([question], base, count)]
    good = iter(blocks)
    return [
        _refused(question, errors[question.asked])
        if question.asked in errors
        else _answer(question, next(good), count)
        for question in questions
    ]


def _error(text: str, stderr: str) -> str:
    start = f"{_ERROR}{text}': "
    return next((line for line in stderr.splitlines() if line.startswith(start)), "")


def _refused(question: _Question, error: str) -> CalendarAnswer:
    said = error.removeprefix(f"{_ERROR}{question.asked}'")
    return CalendarAnswer(spec=question.spec, error=f"{_ERROR}{question.spec}'{said}")


def _blocks(stdout: str) -> list[list[tuple[str, str]]]:
    """Return the lines of interest of each answer, as pairs of key and value."""
    blocks: list[list[tuple[str, str]]] = []
    for line in stdout.splitlines():
        key = line.lstrip()
        if not key.startswith(_KEYS):
            continue
        name, _, value = key.partition(": ")
        if name == "Normalized form":
            blocks.append([])
        blocks[-1].append((name, value.strip()))
    return blocks


def _answer(question: _Question, block: list[tuple[str, str]], count: int) -> CalendarAnswer:
    elapses: list[datetime] = []
    for name, value in block[1:]:
        if value == "never":
            continue
        if name == "(in UTC)":
            elapses[-1] = _parse_utc(value)
        else:
            elapses.append(_parse_utc(value))
    normalized = block[0][1]
    if question.asked != question.spec:
        normalized += f" {question.zone}"
    return CalendarAnswer(spec=question.spec, normalized=normalized, elapses=tuple(elapses[:count]))


def _parse_utc(text: str) -> datetime:
    """Return the instant that is written as `Mon 2026-11-23 02:00:00 UTC`.

    A local time (another zone in the place of UTC) is read as if it were UTC: the line that
    follows it, `(in UTC)`, takes its place.
    """
    _day, date, clock, *_zone = text.split()
    return datetime.fromisoformat(f"{date} {clock}").replace(tzinfo=UTC)

# SPDX-License-Identifier: Apache-2.0
"""The twin's Analyzer: the complaints that matter to us, in systemd's words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice

from debvisor_timers.jobs.directives import KNOWN_KEYS
from debvisor_timers.systemd.instants import no_instant
from debvisor_timers.systemd.memory.calendar import CalendarError, parse_calendar
from debvisor_timers.systemd.memory.instants import parse_instant
from debvisor_timers.systemd.memory.loading import MONOTONIC, PATH_LINES
from debvisor_timers.systemd.memory.state import State
from debvisor_timers.systemd.memory.unit_text import Line, UnitText, parse_unit
from debvisor_timers.systemd.ports import (
    CalendarAnswer,
    Entry,
    Exposure,
    FileEntry,
    Finding,
    LinkEntry,
)

_SECTIONS = {"timer": "Timer", "path": "Path", "service": "Service"}
_PROTECTS = ("Protect", "Private", "Restrict", "NoNewPrivileges", "Lock", "SystemCall")
# Source: systemd 257, analyze-security.c.
_RATINGS = ((9.0, "UNSAFE"), (7.0, "EXPOSED"), (5.0, "MEDIUM"), (0.1, "OK"), (-99.0, "PERFECT"))


class MemoryAnalyzer:
    """An Analyzer that knows sections, keys, calendars, and what a unit cannot be without."""

    def __init__(self, state: State) -> None:
        """Share `state` with the other parts of the twin."""
        self._state = state

    def verify(self, units: Mapping[str, str]) -> list[Finding]:
        """Return the complaints about `units`."""
        self._state.steps.look("analyzer.verify")
        found: list[Finding] = []
        for name, text in units.items():
            found.extend(_about_lines(name, text))
            found.extend(_about_unit(name, parse_unit(text)))
            found.extend(self._about_needs(name, parse_unit(text), units))
        return list(dict.fromkeys(found))

    def calendar(
        self, specs: Sequence[str], *, after: datetime, count: int
    ) -> list[CalendarAnswer]:
        """Return the next `count` elapses of each of `specs`, strictly after `after`, in order.

        Where systemd would rewrite an expression (`2025..2197/5`), `normalized` is only close.
        """
        self._state.steps.look("analyzer.calendar")
        base = after.astimezone(UTC).replace(microsecond=0)
        return [self._answer(spec, base, count) for spec in specs]

    def timestamp(self, text: str) -> datetime:
        """Return the instant that `text` names; raises UsageError for none that the twin knows."""
        self._state.steps.look("analyzer.timestamp")
        instant = parse_instant(text, now=self._state.now, local=self._state.local())
        if instant is None:
            raise no_instant(text)
        return instant

    def exposure(self, service: str) -> Exposure | None:
        """Return a score that falls with each directive of a sandbox; not systemd's own sum."""
        self._state.steps.look("analyzer.exposure")
        entry = self._state.disk.get(service)
        if not isinstance(entry, FileEntry):
            return None
        score = 9.6 - 0.4 * sum(1 for line in parse_unit(entry.text).lines if _protects(line))
        rating = next(word for least, word in _RATINGS if score >= least)
        return Exposure(score=max(score, 0.0), rating=rating)

    def _answer(self, spec: str, base: datetime, count: int) -> CalendarAnswer:
        try:
            calendar = parse_calendar(spec)
        except CalendarError:
            error = f"Failed to parse calendar specification '{spec}': Invalid argument"
            return CalendarAnswer(spec=spec, error=error)
        elapses = islice(calendar.elapses(base, self._state.local()), count)
        return CalendarAnswer(spec=spec, normalized=calendar.normalized, elapses=tuple(elapses))

    def _about_needs(
        self, name: str, unit: UnitText, units: Mapping[str, str]
    ) -> Iterator[Finding]:
        for needed in unit.words("Unit", "Requires"):
            entry: Entry | None = self._state.disk.get(needed)
            if entry == LinkEntry("/dev/null"):
                message = f"Failed to create {name}/start: Unit {needed} is masked."
            elif entry is None and needed not in units and needed not in self._state.shipped:
                message = f"Failed to create {name}/start: Unit {needed} not found."
            else:
                continue
            yield Finding(unit=name, line=0, message=message)


def _protects(line: Line) -> bool:
    return line.section == "Service" and line.key.startswith(_PROTECTS)


def _about_lines(name: str, text: str) -> Iterator[Finding]:
    allowed = {"Unit", "Install", _SECTIONS.get(name.rpartition(".")[2], "Service")}
    for number, line in enumerate(text.splitlines(), start=1):
        section = line.strip()[1:-1] if line.strip().startswith("[") else ""
        if section and section not in allowed and not section.startswith("X-"):
            yield Finding(unit=name, line=number, message=f"Unknown section '{section}'. Ignoring.")
    for item in parse_unit(text).lines:
        if item.section not in allowed or item.key.startswith("X-"):
            continue
        if item.key not in KNOWN_KEYS[item.section]:
            message = f"Unknown key '{item.key}' in section [{item.section}], ignoring."
            yield Finding(unit=name, line=item.number, message=message)
        elif item.key == "OnCalendar" and item.value and not _is_calendar(item.value):
            message = f"Failed to parse calendar specification, ignoring: {item.value}"
            yield Finding(unit=name, line=item.number, message=message)


def _about_unit(name: str, unit: UnitText) -> Iterator[Finding]:
    if name.endswith(".service") and not unit.get("Service", "ExecStart"):
        message = "Service has no ExecStart=, ExecStop=, or SuccessAction=. Refusing."
    elif name.endswith(".timer") and not _has_value(unit):
        message = "Timer unit lacks value setting. Refusing."
    elif name.endswith(".path") and not any(unit.get("Path", key) for key in PATH_LINES):
        message = "Path unit lacks path setting. Refusing."
    else:
        return
    yield Finding(unit=name, line=0, message=message)
    yield Finding(unit=name, line=0, message="has a bad unit file setting.")


def _has_value(unit: UnitText) -> bool:
    spans = any(unit.get("Timer", key) for key in MONOTONIC)
    return spans or any(_is_calendar(spec) for spec in unit.get("Timer", "OnCalendar"))


def _is_calendar(spec: str) -> bool:
    try:
        parse_calendar(spec)
    except CalendarError:
        return False
    return True

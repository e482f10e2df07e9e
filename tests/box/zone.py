# SPDX-License-Identifier: Apache-2.0
"""Time zones made to order: a change of the clock a few minutes ahead, to be crossed for real."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from enum import StrEnum

from tests.box.box import Box

SOON = "Test/Soon"


class Change(StrEnum):
    """What the clock does at the change."""

    GAP = "gap"
    """From +01:00 to summer time, +02:00: an hour that does not exist."""
    OVERLAP = "overlap"
    """From summer time, +02:00, to +01:00: an hour that comes twice."""


# glibc takes standard time for all that lies before the first change, whatever the file says.
_EARLIER = "1:00\t0\tSTD\t1990 Jan 1"
_LINES = {
    Change.GAP: ("1:00\t0\tSTD", "1:00\t1:00\tDST"),
    Change.OVERLAP: ("1:00\t1:00\tDST", "1:00\t0\tSTD"),
}


def zone_source(name: str, *, change: Change, at: datetime) -> str:
    """Return the source, as zic(8) reads it, of the zone `name` with one `change` at `at`.

    at: aware, whole seconds.
    """
    before, after = _LINES[change]
    until = at.astimezone(UTC).strftime("%Y %b %d %H:%M:%Su")
    return f"Zone\t{name}\t{_EARLIER}\n\t\t\t{before}\t{until}\n\t\t\t{after}\n"


def yearly_source(name: str, *, change: Change, at: datetime) -> str:
    """Return the source of a zone with that change on such a weekday of every year, by a rule.

    The other change of the year is half a year away. at: aware, a whole minute.
    """
    begins = change is Change.GAP
    local = at.astimezone(timezone(timedelta(hours=1 if begins else 2)))
    other = (local.month + 5) % 12 + 1
    here, there = ("1:00\tDST", "0\tSTD") if begins else ("0\tSTD", "1:00\tDST")
    month = f"2026-{other:02}-15"
    return (
        f"Rule\tSoon\t2000\tmax\t-\t{local:%b}\t{_weekday(local)}\t{local:%H:%M}\t{here}\n"
        f"Rule\tSoon\t2000\tmax\t-\t{date.fromisoformat(month):%b}\tSun>=8\t2:00\t{there}\n"
        f"Zone\t{name}\t1:00\tSoon\t%s\n"
    )


def _weekday(day: datetime) -> str:
    """Return the date as a rule has it: which such weekday of the month it is."""
    week = (day.day - 1) // 7
    return f"last{day:%a}" if week == 4 else f"{day:%a}>={7 * week + 1}"


def install_zone(
    box: Box, *, change: Change, at: datetime, name: str = SOON, is_yearly: bool = False
) -> None:
    """Compile the zone and install it in `box`, which may be off: before its first boot, too."""
    source = yearly_source if is_yearly else zone_source
    box.run(["zic", "-d", "/usr/share/zoneinfo", "-"], input=source(name, change=change, at=at))

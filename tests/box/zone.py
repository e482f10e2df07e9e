# SPDX-License-Identifier: Apache-2.0
"""Time zones made to order: a change of the clock a few minutes ahead, to be crossed for real."""

from __future__ import annotations

from datetime import UTC, datetime
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


def install_zone(box: Box, *, change: Change, at: datetime, name: str = SOON) -> None:
    """Compile the zone and install it in `box`, which may be off: before its first boot, too."""
    box.run(
        ["zic", "-d", "/usr/share/zoneinfo", "-"], input=zone_source(name, change=change, at=at)
    )

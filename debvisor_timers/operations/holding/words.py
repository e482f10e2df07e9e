# SPDX-License-Identifier: Apache-2.0
"""What is held back, in words for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from debvisor_timers.operations.holding.marks import Mark, SkipNext


def paused_words(mark: Mark) -> str:
    """Return `paused`, or `paused until 2026-11-24 06:00`."""
    return f"paused until {at(mark.until)}" if mark.until else "paused"


def long_words(mark: Mark) -> str:
    """Return `since 2026-11-23 12:00, until 2026-11-24 06:00, by anna: new disk`."""
    parts = [f"since {at(mark.since)}"] if mark.since else []
    parts.append(f"until {at(mark.until)}" if mark.until else "without an end")
    if mark.by:
        parts.append(f"by {mark.by}")
    words = ", ".join(parts)
    return f"{words}: {mark.reason}" if mark.reason else words


def maintenance_words(mark: Mark) -> str:
    """Return a sentence about maintenance that is on."""
    return f"the host is in maintenance, {long_words(mark)}; its schedules start nothing"


def skip_words(skip: SkipNext) -> str:
    """Return `2 of 3 runs are still to be skipped, by anna`."""
    by = f", by {skip.by}" if skip.by else ""
    run = "run is" if skip.of == 1 else "runs are"
    return f"{skip.left} of {skip.of} {run} still to be skipped{by}"


def at(moment: datetime | None) -> str:
    """Return a time to the minute, on the clock of the host: `2026-11-24 06:00`."""
    return "" if moment is None else f"{moment.astimezone():%Y-%m-%d %H:%M}"

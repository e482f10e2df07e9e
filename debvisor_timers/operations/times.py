# SPDX-License-Identifier: Apache-2.0
"""How times look: absolute in the host's zone, and relative to now."""

from __future__ import annotations

from datetime import datetime, timedelta

_STEPS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))


def local(moment: datetime | None) -> str:
    """Return `Mon 2026-11-23 02:00:00 CET`, a dash for None; as systemctl prints it."""
    if moment is None:
        return "-"
    return moment.astimezone().strftime("%a %Y-%m-%d %H:%M:%S %Z")


def short(moment: datetime | None) -> str:
    """Return `2026-11-23 02:00:00` in the host's zone, a dash for None."""
    return "-" if moment is None else moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def relative(moment: datetime | None, *, now: datetime) -> str:
    """Return `in 3h 20min` or `2d ago`, a dash for None."""
    if moment is None:
        return "-"
    distance = moment - now
    if distance >= timedelta(0):
        return f"in {span(distance)}"
    return f"{span(-distance)} ago"


def span(duration: timedelta | None) -> str:
    """Return the two largest units of `duration` (`3h 20min`), a dash for None."""
    if duration is None:
        return "-"
    seconds = duration.total_seconds()
    if seconds < 1:
        return f"{round(seconds * 1000)}ms"
    if seconds < 60:
        return f"{seconds:.1f}s".replace(".0s", "s")
    return " ".join(_two_largest(round(seconds)))


def delay(duration: timedelta) -> str:
    """Return `+10min`, empty for none."""
    return f"+{span(duration)}" if duration else ""


def _two_largest(seconds: int) -> list[str]:
    words: list[str] = []
    for unit, size in _STEPS:
        count, seconds = divmod(seconds, size)
        if count or words:
            words.append(f"{count}{unit}" if count else "")
        if len(words) == 2:
            break
    return [word for word in words if word]

# SPDX-License-Identifier: Apache-2.0
"""Which backups of a machine are kept: a pure function of their times and what each needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

PERIODS: Final[Mapping[str, Callable[[datetime], str]]] = {
    "hourly": lambda time: f"{time:%Y-%m-%d %H %z}",
    "daily": lambda time: f"{time:%Y-%m-%d}",
    "weekly": lambda time: f"{time:%G-W%V}",
    "monthly": lambda time: f"{time:%Y-%m}",
    "yearly": lambda time: f"{time:%Y}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What is kept: the newest `last`, those of the last `days`, and of so many periods the newest.

    None of them: nothing is ever removed.
    """

    last: int | None = None
    days: float | None = None
    periods: tuple[tuple[str, int], ...] = ()

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Rules:
        """Return what the parameters of a task say."""
        return cls(
            last=config.get("keep"),
            days=config.get("retention_days"),
            periods=tuple((name, config[name]) for name in PERIODS if config.get(name)),
        )

    def __bool__(self) -> bool:
        """Return whether anything is ever removed."""
        return self.last is not None or self.days is not None or bool(self.periods)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A backup as rules see it. time: in the zone whose days count. parent: the id, or ""."""

    id: str
    time: datetime
    parent: str = ""


def kept(backups: Sequence[Kept], rules: Rules, *, now: datetime) -> dict[str, str]:
    """Return by the id of each backup of a machine that is kept the first reason why.

    The newest is always kept. What an incremental one needs is kept with it. Of a period only those
    count that have a backup: where none was made for a month, nothing is removed for that.
    """
    newest_first = sorted(backups, key=lambda one: (one.time, one.id), reverse=True)
    if not rules:
        return {one.id: "no rule removes any" for one in newest_first}
    reasons = {one.id: "the newest" for one in newest_first[:1]}
    for one in newest_first[: rules.last or 0]:
        reasons.setdefault(one.id, f"keep {rules.last}")
    if rules.days is not None:
        oldest = now - timedelta(days=rules.days)
        for one in newest_first:
            if one.time >= oldest:
                reasons.setdefault(one.id, f"not older than {rules.days:g} days")
    for name, count in rules.periods:
        newest: dict[str, str] = {}
        for one in newest_first:
            newest.setdefault(PERIODS[name](one.time), one.id)
        for identifier in list(newest.values())[:count]:
            reasons.setdefault(identifier, name)
    return _with_needed(newest_first, reasons)


def _with_needed(newest_first: Sequence[Kept], reasons: Mapping[str, str]) -> dict[str, str]:
    known = {one.id: one for one in newest_first}
    needed = dict(reasons)
    for one in newest_first:
        if one.id not in reasons:
            continue
        parent = one.parent
        while parent in known and parent not in needed:
            needed[parent] = f"needed by {one.id}"
            parent = known[parent].parent
    return needed

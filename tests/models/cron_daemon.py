# SPDX-License-Identifier: Apache-2.0
"""Debian's cron as a loop that looks at the clock on the wall once a minute.

Written from cron.c of cron 3.0pl1 (Debian): it keeps the latest minute that it has dealt with.
While the clock is behind that, only jobs whose minute or hour begins with `*` run; where the clock
has jumped ahead, those run at the new time only, and all others for the minutes left out as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

from tests.models.cron_model import CronModel

_MINUTE = 60
_DAY = 24 * 60
_EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True)
class Window:
    """The minutes around a change of the clock.

    start: of the first one, seconds since 1970. walls: what the clock says in each, in minutes.
    """

    zone: str
    change: int
    start: int
    walls: tuple[int, ...]

    @cached_property
    def clock(self) -> list[tuple[int, int, int, bool]]:
        """Return for each minute: when it is, the day and time on the wall, and if it is new."""
        seen = self.walls[0] - 1
        found = []
        for number, wall in enumerate(self.walls):
            second = self.start + _MINUTE * number
            found.append((second, wall // _DAY, wall % _DAY, wall > seen))
            seen = max(seen, wall)
        return found

    @cached_property
    def left_out(self) -> tuple[int, list[int]]:
        """Return the minutes that the clock on the wall never shows, and when it jumps."""
        for number, (before, after) in enumerate(pairwise(self.walls), start=1):
            if after > before + 1:
                return self.start + _MINUTE * number, list(range(before + 1, after))
        return 0, []

    @property
    def end(self) -> int:
        return self.start + _MINUTE * len(self.walls)

    def __str__(self) -> str:
        return f"{self.zone} {datetime.fromtimestamp(self.change, UTC)}"


def windows(zone: Path, years: Sequence[int], *, days: int = 2) -> Iterator[Window]:
    """Yield the minutes within `days` of each change of the clock of `zone`, a file, in `years`."""
    with zone.open("rb") as file:
        info = ZoneInfo.from_file(file)
    for change in _changes(info, years):
        start = change - days * _DAY * _MINUTE
        count = 2 * days * _DAY
        before, after = _offset(info, change - _MINUTE), _offset(info, change)
        walls = tuple(
            (second + (before if second < change else after)) // _MINUTE
            for second in range(start, start + count * _MINUTE, _MINUTE)
        )
        yield Window(zone.name, change, start, walls)


def runs(cron: CronModel, window: Window) -> list[int]:
    """Return when cron runs the job in `window`, seconds since 1970."""
    fires = {day: cron.fires_on(date.fromordinal(_EPOCH + day)) for day in _days(window)}
    times = {60 * hour + minute for hour in cron.hours for minute in cron.minutes}
    found = [
        second
        for second, day, time, is_new in window.clock
        if time in times and fires[day] and (is_new or cron.follows_the_wall)
    ]
    jump, late = window.left_out
    if not cron.follows_the_wall and any(
        wall % _DAY in times and fires[wall // _DAY] for wall in late
    ):
        found = sorted({*found, jump})
    return found


def _days(window: Window) -> range:
    return range(min(window.walls) // _DAY - 1, max(window.walls) // _DAY + 1)


def _changes(info: ZoneInfo, years: Sequence[int]) -> Iterator[int]:
    day = datetime(years[0], 1, 1, tzinfo=UTC)
    end = datetime(years[-1] + 1, 1, 1, tzinfo=UTC)
    while day < end:
        low, high = int(day.timestamp()), int((day + timedelta(days=1)).timestamp())
        if _offset(info, low) != (after := _offset(info, high)):
            while high - low > _MINUTE:
                middle = (low + high) // (2 * _MINUTE) * _MINUTE
                low, high = (low, middle) if _offset(info, middle) == after else (middle, high)
            yield high
        day += timedelta(days=1)


def _offset(info: ZoneInfo, second: int) -> int:
    offset = datetime.fromtimestamp(second, info).utcoffset()
    assert offset is not None
    return int(offset.total_seconds())

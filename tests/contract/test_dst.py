# SPDX-License-Identifier: Apache-2.0
"""The days on which clocks change: the emitted lines, elapsed by systemd, against Debian's cron."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from random import Random

import pytest

from debvisor_timers.calendar.clock_changes import ZoneChanges, changes_to_come
from debvisor_timers.calendar.cron import parse_cron
from debvisor_timers.calendar.oncalendar import to_oncalendar
from debvisor_timers.calendar.translate import translate
from debvisor_timers.calendar.tzfile import read_zone_file
from debvisor_timers.calendar.zones import ZONEINFO
from tests.box import inside_a_box
from tests.models.cron_daemon import Window, runs, windows
from tests.models.cron_model import CronModel, read_cron
from tests.models.cron_writer import CronWriter
from tests.models.systemd_calendar import elapses, joined
from tests.models.systemd_clock import Timer, find_library, local_zone

pytestmark = [
    pytest.mark.skipif(
        not find_library() and os.environ.get("CI") != "true", reason="systemd is not installed"
    ),
    pytest.mark.skipif(
        os.geteuid() == 0 and not inside_a_box(), reason="where boxes can be had, runs in the box"
    ),
]

RULE = (
    *("Europe/Berlin", "Europe/London", "Europe/Dublin", "Europe/Chisinau", "Atlantic/Azores"),
    *("America/New_York", "America/St_Johns", "America/Havana", "America/Santiago"),
    *("America/Nuuk", "America/Scoresbysund", "America/Miquelon", "America/Tijuana"),
    *("Pacific/Easter", "Pacific/Auckland", "Pacific/Chatham", "Pacific/Norfolk"),
    *("Australia/Sydney", "Australia/Lord_Howe", "Antarctica/Troll", "Africa/Cairo"),
    *("Asia/Beirut", "Asia/Jerusalem"),
)
"""Of each kind some: ordinary, negative, half an hour, midnight, another date in UTC, south."""
BY_DATE = ("Africa/Casablanca", "Africa/El_Aaiun", "Asia/Gaza", "Asia/Hebron")
# Laws that no country has had yet, as zic(8) reads them: month, day and time of both changes, how
# much. Where a gap begins within an hour systemd 257 searches without end.
MADE_UP = {
    "within an hour": ("Nov Thu>=22 17:05", "May Sun>=8 2:00", "1:00"),
    "the last minute": ("Mar lastSun 1:59", "Oct lastSun 3:00", "1:00"),
    "twenty minutes": ("Sep Sun>=15 2:20", "Apr Sun>=1 3:10", "0:20"),
    "over midnight": ("Mar lastSat 23:30", "Oct lastSun 0:30", "1:00"),
    "at midnight": ("Mar Fri>=8 24:00", "Oct lastFri 24:00", "1:00"),
    "two hours": ("Feb lastSun 0:45", "Nov Sun>=1 1:30", "2:00"),
    "negative": ("Mar Sun>=25 2:00", "Oct lastSun 2:00", "-1:00"),
    "the first of March": ("Feb lastThu 24:00", "Oct lastFri 1:00", "1:00"),
    "on a date": ("Apr 1 2:30", "Sep 30 2:30", "1:00"),
}
NEVER = ("UTC", "Asia/Tokyo", "Asia/Kolkata", "Africa/Lagos", "America/Sao_Paulo")
YEARS = range(2026, 2046)
FEW_YEARS = range(2026, 2033)
PAIRS = int(os.environ.get("DST_PAIRS", "6"))
"""Expressions in each zone; the more the better, and the longer."""
MANY = 100
BASES = 12
NEAR = 6 * 3600


@dataclass(frozen=True)
class Zone:
    """A zone by its file."""

    name: str
    path: Path

    @cached_property
    def changes(self) -> ZoneChanges:
        return changes_to_come(read_zone_file(self.path.read_bytes()))

    @cached_property
    def windows(self) -> tuple[Window, ...]:
        return tuple(windows(self.path, FEW_YEARS if self.name in BY_DATE else YEARS))

    def lines(self, text: str) -> tuple[str, ...]:
        """Return the lines of an expression where the zone is that of the process: none forks."""
        local, utc = to_oncalendar(parse_cron(text), self.changes)
        return (*local, *(f"{line} UTC" for line in utc))


def _zone(name: str) -> Zone:
    return Zone(name, ZONEINFO / name)


def _made_up(name: str, folder: Path) -> Zone:
    begin, end, save = MADE_UP[name]
    (from_month, from_day, from_time), (to_month, to_day, to_time) = begin.split(), end.split()
    source = (
        f"Rule R 2000 max - {from_month} {from_day} {from_time} {save} DST\n"
        f"Rule R 2000 max - {to_month} {to_day} {to_time} 0 STD\n"
        "Zone Made/Up 3:00 R %s\n"
    )
    subprocess.run(["zic", "-d", str(folder), "-"], input=source, text=True, check=True)
    return Zone(name, folder / "Made" / "Up")


def _expressions(zone: Zone, count: int) -> Iterator[str]:
    writer = CronWriter(Random(zone.name).randrange(2**32))
    around = [window.walls[len(window.walls) // 2 - 1 :][:2] for window in zone.windows[:4]]
    hours = sorted({wall // 60 % 24 for walls in around for wall in walls})
    found = 0
    while found < count:
        text = writer.near(hours) if found % 4 else writer.expression()
        if read_cron(text).fires_at_all():
            found += 1
            yield text


def _fault(timer: Timer, cron: CronModel, window: Window) -> str:
    """Return how the elapses of `timer` differ from the runs of cron in `window`, if they do."""
    wanted = runs(cron, window)
    chain = timer.until(window.start - 1, window.end)
    alone = timer.line_by_line(window.start - 1, window.end)
    for how, got in (("in a chain", chain), ("line by line", alone)):
        if got != wanted:
            more, less = sorted(set(got) - set(wanted)), sorted(set(wanted) - set(got))
            return f"{how} too many {_from(window, more)}, missing {_from(window, less)}"
    return _fault_from_anywhere(timer, [*wanted, window.end], window)


def _fault_from_anywhere(timer: Timer, wanted: Sequence[int], window: Window) -> str:
    """A timer looks on from when it last fired: jitter and catch-up can put that anywhere."""
    random = Random(window.change)
    for _ in range(BASES):
        base = window.change + random.randrange(-NEAR, NEAR)
        right = next(second for second in wanted if second > base)
        got = min(timer.next(base) or window.end, window.end)
        if got != right:
            return f"after {_from(window, [base])} comes {_from(window, [got, right])}"
    return ""


def _from(window: Window, seconds: Sequence[int]) -> list[int]:
    return [second - window.change for second in seconds[:5]]


def _faults(zone: Zone, texts: Iterable[str]) -> Iterator[str]:
    with local_zone(zone.path):
        for text in texts:
            timer, cron = Timer(zone.lines(text)), read_cron(text)
            for window in _windows_for(cron, zone):
                if fault := _fault(timer, cron, window):
                    yield f"{text} in {window}, seconds from the change: {fault}"
                    break
            timer.close()


def _windows_for(cron: CronModel, zone: Zone) -> Sequence[Window]:
    some = zone.windows
    return some if len(cron.hours) * len(cron.minutes) <= MANY else some[:2] + some[-2:]


@pytest.mark.parametrize("name", [*RULE, *BY_DATE])
def test_timers_elapse_when_cron_would_fire(name: str) -> None:
    zone = _zone(name)
    assert zone.windows
    assert not list(_faults(zone, _expressions(zone, PAIRS)))


@pytest.mark.parametrize("name", MADE_UP)
def test_timers_elapse_when_cron_would_fire_by_laws_made_up(name: str, tmp_path: Path) -> None:
    zone = _made_up(name, tmp_path)
    assert len(zone.windows) == 2 * len(YEARS)
    assert not list(_faults(zone, _expressions(zone, PAIRS)))


def test_a_zone_that_goes_back_for_good_passes_an_hour_twice(tmp_path: Path) -> None:
    """As Kazakhstan did in 2024: no end of summer time, and another rule for systemd's search."""
    source = "Zone Made/Up 6:00 - +06 2027 Mar 1\n 5:00 - +05\n"
    subprocess.run(["zic", "-d", str(tmp_path), "-"], input=source, text=True, check=True)
    zone = Zone("for good", tmp_path / "Made" / "Up")
    assert len(zone.windows) == 1
    assert not list(_faults(zone, _expressions(zone, 4 * PAIRS)))


# What systemd 257 does wrong with local lines alone, each in the zone where it was seen.
HAZARDS = {
    "the rest of the day after a gap into winter time": ("Europe/Dublin", "30 1,2 * * *"),
    "the rest of an hour in which a gap ends": ("Pacific/Chatham", "*/5 * * * *"),
    "the hour after a gap of two": ("Antarctica/Troll", "50 2,3 * * *"),
    "the second pass where an hour of a first of the month comes twice": (
        "America/Havana",
        "30 0 1 11 *",
    ),
    "a search without end where a gap begins within an hour": ("Pacific/Chatham", "50 2 * * *"),
    "days from the end of the month, counted from an hour that is not there": (
        "America/Nuuk",
        "51 1,9,14,23 L-7 * 6L",
    ),
    "a line that never elapses by the local clock": ("Europe/Berlin", "30 2 25-31 3 */7"),
    "a day before the change by the local clock": ("America/Nuuk", "30 23 * * 6"),
    "a change on another date in UTC": ("Pacific/Auckland", "30 2 * * 0"),
    "half an hour": ("Australia/Lord_Howe", "45 1 * * *"),
    "the end of the month": ("America/Santiago", "30 23 L * *"),
}


@pytest.mark.parametrize(("zone", "text"), HAZARDS.values(), ids=HAZARDS)
def test_a_hazard_is_passed(zone: str, text: str) -> None:
    assert not list(_faults(_zone(zone), [text]))


@pytest.mark.parametrize("zone", NEVER)
def test_a_zone_that_never_changes_gets_no_further_line(zone: str) -> None:
    for text in ("30 2 * * *", "*/5 * * * *", "0 0 1,15 * 5"):
        plain = translate(text).on_calendar
        assert translate(text, zone=zone).on_calendar == tuple(f"{line} {zone}" for line in plain)


def test_lines_as_systemd_has_them_miss_what_cron_runs() -> None:
    """The comparison itself can fail: without the further lines it does, in either season."""
    berlin = _zone("Europe/Berlin")
    with local_zone(berlin.path):
        for text in ("30 2 * * *", "*/30 * * * *"):
            timer = Timer(translate(text, dst=False).on_calendar)
            found = [_fault(timer, read_cron(text), window) for window in berlin.windows]
            assert sum(map(bool, found)) >= len(found) // 2
            timer.close()


def test_systemd_can_give_up_its_search_for_a_local_line() -> None:
    """So no line names such a time: what a timer does with the error was not looked into."""
    chatham = _zone("Pacific/Chatham")
    with local_zone(chatham.path):
        timer = Timer(translate("50 2 * * *", dst=False).on_calendar)
        with pytest.raises(ValueError, match="deadlock"):
            [timer.until(window.start, window.end) for window in chatham.windows]
        timer.close()


def test_a_zone_at_the_end_of_a_line_means_the_same_as_that_of_the_process() -> None:
    for zone in map(_zone, ("Europe/Berlin", "Europe/Dublin", "America/Havana")):
        window = zone.windows[1]
        base = datetime.fromtimestamp(window.start, UTC)
        for text in ("30 2 * * *", "30 0 1 11 *", "*/30 1,2 * * *"):
            named = joined(elapses(translate(text, zone=zone.name).on_calendar, base, 200), 200)
            with local_zone(zone.path):
                timer = Timer(zone.lines(text))
                got = timer.line_by_line(window.start, window.end)
                timer.close()
            assert [int(at.timestamp()) for at in named if at.timestamp() < window.end] == got

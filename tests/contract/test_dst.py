# SPDX-License-Identifier: Apache-2.0
"""The days on which clocks change: the emitted lines, elapsed by systemd, against Debian's cron."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from random import Random

import pytest

from debvisor_timers.calendar.translate import translate
from tests.models.cron_daemon import Window, runs, windows
from tests.models.cron_model import CronModel, read_cron
from tests.models.cron_writer import CronWriter
from tests.models.systemd_calendar import elapses, joined
from tests.models.systemd_clock import Timer, find_library, local_zone

pytestmark = pytest.mark.skipif(
    not find_library() and os.environ.get("CI") != "true", reason="systemd is not installed"
)

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
NEVER = ("UTC", "Asia/Tokyo", "Asia/Kolkata", "Africa/Lagos", "America/Sao_Paulo")
YEARS = range(2026, 2046)
FEW_YEARS = range(2026, 2033)
PAIRS = int(os.environ.get("DST_PAIRS", "8"))
"""Expressions in each zone; the more the better, and the longer."""
MANY = 100
BASES = 12
NEAR = 6 * 3600


@cache
def _windows(zone: str) -> tuple[Window, ...]:
    return tuple(windows(zone, FEW_YEARS if zone in BY_DATE else YEARS))


def _expressions(zone: str, count: int, seed: str = "") -> Iterator[str]:
    writer = CronWriter(Random(zone + seed).randrange(2**32))
    around = [window.walls[len(window.walls) // 2 - 1 :][:2] for window in _windows(zone)[:4]]
    hours = sorted({wall // 60 % 24 for walls in around for wall in walls})
    found = 0
    while found < count:
        text = writer.near(hours) if found % 4 else writer.expression()
        if read_cron(text).fires_at_all():
            found += 1
            yield text


def _timer(text: str, zone: str) -> Timer:
    """Return the timer of an expression; the zone is that of the process, which forks nothing."""
    lines = translate(text, zone=zone).on_calendar
    return Timer([line.removesuffix(f" {zone}") for line in lines])


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


def _faults(zone: str, texts: Iterable[str]) -> Iterator[str]:
    with local_zone(zone):
        for text in texts:
            timer, cron = _timer(text, zone), read_cron(text)
            for window in _windows_for(cron, zone):
                if fault := _fault(timer, cron, window):
                    yield f"{text} in {window}, seconds from the change: {fault}"
                    break
            timer.close()


def _windows_for(cron: CronModel, zone: str) -> Sequence[Window]:
    some = _windows(zone)
    return some if len(cron.hours) * len(cron.minutes) <= MANY else some[:2] + some[-2:]


@pytest.mark.parametrize("zone", [*RULE, *BY_DATE])
def test_timers_elapse_when_cron_would_fire(zone: str) -> None:
    assert not list(_faults(zone, _expressions(zone, PAIRS)))


# What systemd 257 does wrong with local lines alone, each in the zone where it was seen.
HAZARDS = {
    "the rest of the day after a gap into winter time": ("Europe/Dublin", "30 1,2 * * *"),
    "the rest of an hour in which a gap ends": ("Pacific/Chatham", "*/5 * * * *"),
    "the hour after a gap of two": ("Antarctica/Troll", "50 2,3 * * *"),
    "the second pass where an hour of a first of the month comes twice": (
        "America/Havana",
        "30 0 1 11 *",
    ),
    "a day before the change by the local clock": ("America/Nuuk", "30 23 * * 6"),
    "a change on another date in UTC": ("Pacific/Auckland", "30 2 * * 0"),
    "half an hour": ("Australia/Lord_Howe", "45 1 * * *"),
    "the end of the month": ("America/Santiago", "30 23 L * *"),
}


@pytest.mark.parametrize(("zone", "text"), HAZARDS.values(), ids=HAZARDS)
def test_a_hazard_is_passed(zone: str, text: str) -> None:
    assert not list(_faults(zone, [text]))


@pytest.mark.parametrize("zone", NEVER)
def test_a_zone_that_never_changes_gets_no_further_line(zone: str) -> None:
    for text in ("30 2 * * *", "*/5 * * * *", "0 0 1,15 * 5"):
        plain = translate(text).on_calendar
        assert translate(text, zone=zone).on_calendar == tuple(f"{line} {zone}" for line in plain)


def test_lines_as_systemd_has_them_miss_what_cron_runs() -> None:
    """The comparison itself can fail: without the further lines it does, in either season."""
    with local_zone("Europe/Berlin"):
        for text in ("30 2 * * *", "*/30 * * * *"):
            timer = Timer(translate(text, dst=False).on_calendar)
            found = [_fault(timer, read_cron(text), window) for window in _windows("Europe/Berlin")]
            assert sum(map(bool, found)) >= len(found) // 2
            timer.close()


def test_a_suffix_means_the_same_as_the_zone_of_the_process() -> None:
    for zone in ("Europe/Berlin", "Europe/Dublin", "America/Havana"):
        window = _windows(zone)[1]
        base = datetime.fromtimestamp(window.start, UTC)
        for text in ("30 2 * * *", "30 0 1 11 *", "*/30 1,2 * * *"):
            lines = translate(text, zone=zone).on_calendar
            named = joined(elapses(lines, base, 200), 200)
            with local_zone(zone):
                timer = _timer(text, zone)
                got = timer.line_by_line(window.start, window.end)
                timer.close()
            assert [int(at.timestamp()) for at in named if at.timestamp() < window.end] == got

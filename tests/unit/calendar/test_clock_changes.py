# SPDX-License-Identifier: Apache-2.0
"""Clock changes: rules, tables, and the lines that come of them."""

from __future__ import annotations

import struct
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from debvisor_timers.calendar.clock_changes import changes_to_come
from debvisor_timers.calendar.cron import parse_cron
from debvisor_timers.calendar.oncalendar import to_oncalendar
from debvisor_timers.calendar.posix_tz import parse_posix_tz
from debvisor_timers.calendar.tzfile import LocalTime, Transition, ZoneFile, read_zone_file

CASES = Path(__file__).parents[2] / "cases" / "calendar" / "clock_changes.yaml"
WINTER, SUMMER = LocalTime(3600, is_dst=False), LocalTime(7200, is_dst=True)
RULE = "CET-1CEST,M3.5.0,M10.5.0/3"


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    "case",
    yaml.safe_load(CASES.read_text("utf-8")),
    ids=lambda case: f"{case['cron']} {case['zone']}",
)
def test_the_lines_of_a_case(case: dict[str, Any]) -> None:
    changes = changes_to_come(ZoneFile(transitions=(), footer=case["zone"]))
    lines = to_oncalendar(parse_cron(case["cron"]), changes)
    assert lines == (case["local"], case["utc"])


def lines_with(*transitions: Transition, cron: str = "30 2 * * *") -> tuple[list[str], list[str]]:
    return to_oncalendar(
        parse_cron(cron), changes_to_come(ZoneFile(transitions=transitions, footer=RULE))
    )


def test_what_the_file_lists_as_the_rule_has_it_changes_nothing() -> None:
    listed = (
        Transition(at("2026-03-29 01:00"), WINTER, SUMMER),
        Transition(at("2026-10-25 01:00"), SUMMER, WINTER),
    )
    assert lines_with(*listed) == lines_with()


def test_a_year_that_differs_from_the_rule_goes_by_its_dates() -> None:
    """The change of October comes a week early in 2026, as a table of Gaza would have it."""
    _local, utc = lines_with(
        Transition(at("2026-03-29 01:00"), WINTER, SUMMER),
        Transition(at("2026-10-18 01:00"), SUMMER, WINTER),
        Transition(at("2027-03-28 01:00"), WINTER, SUMMER),
    )
    assert utc == [
        "Sun 2024,2025,2027..2199-03-25..31 01:00:00",
        "2026-03-29 01:00:00",
        "Sun 2024,2025,2027..2199-10-25..31 00:30:00",
        "2026-10-18 00:30:00",
    ]


def test_a_year_without_the_changes_of_the_rule_has_none() -> None:
    _local, utc = lines_with(
        Transition(at("2026-03-29 01:00"), WINTER, SUMMER),
        Transition(at("2026-10-25 01:00"), SUMMER, WINTER),
        Transition(at("2028-03-26 01:00"), WINTER, SUMMER),
    )
    assert utc[0] == "Sun 2024..2026,2028..2199-03-25..31 01:00:00"


def test_changes_of_the_past_and_of_names_alone_do_not_count() -> None:
    named = LocalTime(3600, is_dst=True)
    zone = ZoneFile(
        transitions=(
            Transition(at("1996-03-31 01:00"), LocalTime(3599, is_dst=False), SUMMER),
            Transition(at("2026-06-01 00:00"), WINTER, named),
        ),
        footer="CET-1",
    )
    assert changes_to_come(zone).changes == ()
    assert changes_to_come(zone).known_until is None


def test_a_zone_without_a_rule_is_known_until_its_last_date() -> None:
    zone = ZoneFile(
        transitions=(
            Transition(at("2026-02-15 02:00"), SUMMER, WINTER),
            Transition(at("2026-03-22 02:00"), WINTER, SUMMER),
        ),
        footer="<+02>-2",
    )
    changes = changes_to_come(zone)
    assert changes.known_until == date(2026, 3, 22)
    assert changes.law.startswith("<+02>-2 and by date until 2026-03-22 (")


def test_what_is_three_hours_or_more_is_no_summer_time() -> None:
    far = LocalTime(WINTER.offset + 3 * 3600, is_dst=False)
    zone = ZoneFile(
        transitions=(Transition(at("2026-02-15 02:00"), WINTER, far),), footer="<+04>-4"
    )
    assert changes_to_come(zone).changes == ()


def test_odd_seconds_are_refused() -> None:
    odd = LocalTime(3601, is_dst=False)
    zone = ZoneFile(transitions=(Transition(at("2026-02-15 02:00"), WINTER, odd),), footer="CET-1")
    with pytest.raises(ValueError, match="whole minutes"):
        changes_to_come(zone)


@pytest.mark.parametrize(
    "text", ["", "CET", "CET-1CEST", "CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,x,y"]
)
def test_other_text_is_no_rule(text: str) -> None:
    with pytest.raises(ValueError, match="POSIX TZ"):
        parse_posix_tz(text)


def zone_file(footer: bytes, *, version: bytes = b"2") -> bytes:
    """Return a file with one change at 1000 s: an empty old block, then the one that counts."""
    empty = struct.pack(">4sc15x6l", b"TZif", version, 0, 0, 0, 0, 1, 4)
    empty += struct.pack(">lBB", 0, 0, 0) + b"UTC\0"
    head = struct.pack(">4sc15x6l", b"TZif", version, 0, 0, 0, 1, 2, 8)
    types = struct.pack(">lBB", 3600, 0, 0) + struct.pack(">lBB", 7200, 1, 4)
    return empty + head + struct.pack(">qB", 1000, 1) + types + b"CET\0CEST\n" + footer + b"\n"


def test_a_file_has_transitions_and_a_rule() -> None:
    data = zone_file(b"CET-1").replace(b"CEST\n", b"CES\0\n")
    assert read_zone_file(data) == ZoneFile(
        transitions=(Transition(1000, WINTER, SUMMER),), footer="CET-1"
    )


@pytest.mark.parametrize(
    "data",
    [b"", b"TZif", b"no zone at all, but long enough" * 9, zone_file(b"", version=b"\0")[:200]],
    ids=["empty", "cut off", "text", "version 1"],
)
def test_what_is_no_zone_file_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="no time zone file"):
        read_zone_file(data)


@pytest.mark.parametrize("name", ["Europe/Berlin", "America/Havana", "Africa/Casablanca"])
def test_the_files_of_this_machine_can_be_read(name: str) -> None:
    changes = changes_to_come(read_zone_file((Path("/usr/share/zoneinfo") / name).read_bytes()))
    assert changes.changes

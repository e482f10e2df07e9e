# SPDX-License-Identifier: Apache-2.0
"""A line with a zone is asked in that zone, without it: the answers stay the same."""

from __future__ import annotations

import re
import subprocess
from datetime import UTC, datetime

import pytest

from debvisor_timers.systemd.analyzer import CommandAnalyzer
from tests.box import inside_a_box
from tests.contract.rig import Rig

ZONES = (
    *("Europe/Amsterdam", "Europe/London", "Europe/Dublin", "Africa/Casablanca", "Africa/Cairo"),
    *("America/New_York", "America/St_Johns", "America/Havana", "America/Santiago"),
    *("America/Sao_Paulo", "America/Nuuk", "Asia/Jerusalem", "Asia/Gaza", "Asia/Kolkata"),
    *("Asia/Tokyo", "Australia/Lord_Howe", "Australia/Sydney", "Pacific/Chatham"),
    *("Atlantic/Azores", "Antarctica/Troll", "Africa/Abidjan", "Etc/GMT+5", "Etc/UTC"),
)
CALENDARS = (
    "*-*-* 00..03:00,30:00",
    "*-*-* 02:30:00",
    "Sun *-*-* 01:15",
    "02:45",
    "*-03,04,10,11-* 23:59:59",
)
# Days before clocks change somewhere in 2026.
BASES = tuple(
    datetime(2026, month, day, 11, tzinfo=UTC)
    for month, day in ((3, 7), (3, 28), (4, 4), (9, 5), (10, 24), (10, 31), (11, 23))
)
COUNT = 6

_ELAPSE = re.compile(r"^ *(?:\(in UTC\)|Next elapse|Iteration #\d+): (\S+ \S+ \S+ .*)$")


def plainly(specs: list[str], after: datetime) -> list[list[datetime]]:
    """Return what systemd-analyze, run in UTC, says of lines with their zones."""
    argv = ["systemd-analyze", "calendar", f"--iterations={COUNT}"]
    done = subprocess.run(
        [*argv, f"--base-time=@{int(after.timestamp())}", *specs],
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
        capture_output=True,
        text=True,
        check=True,
    )
    answers: list[list[datetime]] = []
    for line in done.stdout.splitlines():
        if "Normalized form" in line:
            answers.append([])
        elif match := _ELAPSE.match(line):
            _day, date, clock, zone = match[1].split()
            assert zone == "UTC"
            answers[-1].append(datetime.fromisoformat(f"{date} {clock}+00:00"))
    return answers


@pytest.mark.skipif(not inside_a_box(), reason="asks systemd 257: runs in the box")
@pytest.mark.parametrize("base", BASES, ids=lambda base: f"{base:%m-%d}")
def test_a_zone_that_is_taken_off_a_line_changes_no_elapse(base: datetime) -> None:
    specs = [f"{calendar} {zone}" for zone in ZONES for calendar in CALENDARS]

    answers = CommandAnalyzer().calendar(specs, after=base, count=COUNT)

    assert [answer.spec for answer in answers] == specs
    expected = plainly(specs, base)
    for answer, elapses in zip(answers, expected, strict=True):
        assert list(answer.elapses) == elapses, answer.spec


def test_lines_of_several_zones_are_answered_in_their_order(rig: Rig) -> None:
    specs = [
        "*-*-* 02:00:00 Asia/Tokyo",
        "*-*-* 02:00:00 UTC",
        "*-*-* 03:00:00 Asia/Tokyo",
        "*-*-* 02:00:00 Europe/Amsterdam",
    ]

    answers = rig.analyzer.calendar(specs, after=datetime(2026, 11, 23, tzinfo=UTC), count=1)

    assert [answer.spec for answer in answers] == specs
    assert [answer.normalized for answer in answers] == specs
    assert [f"{answer.elapses[0]:%d %H:%M}" for answer in answers] == [
        "23 17:00",
        "23 02:00",
        "23 18:00",
        "23 01:00",
    ]


@pytest.mark.parametrize(
    "spec",
    [
        "*-*-* 25:00:00 Europe/Amsterdam",
        "*-*-* 02:00:00 Europe/Nowhere",
        "*-*-* 02:00:00 Europe/Amsterdam Europe/Amsterdam",
        "*-*-* 02:00:00 CET Europe/Amsterdam",
    ],
)
def test_a_line_that_systemd_refuses_is_told_as_it_is_written(rig: Rig, spec: str) -> None:
    good = "*-*-* 02:00:00 Europe/Amsterdam"

    after = datetime(2026, 11, 23, tzinfo=UTC)
    first, refused = rig.analyzer.calendar([good, spec], after=after, count=1)

    assert first.error == ""
    assert refused.error == f"Failed to parse calendar specification '{spec}': Invalid argument"

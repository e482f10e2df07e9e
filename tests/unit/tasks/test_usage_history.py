# SPDX-License-Identifier: Apache-2.0
"""usage_history: what runs keep of machines, and how much of a window it covers."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path

import pytest

from debvisor_timers.tasks.base import TaskFailed
from debvisor_timers.tasks.measuring import usages_of, window_of
from debvisor_timers.tasks.usage import Reading, Stretch
from debvisor_timers.tasks.usage_history import coverage, keep, span, within
from tests.unit.tasks.readings import GIB, NOW, SECOND, guest, reading, usage

HOUR = 3600
DAY = 24 * HOUR
WEEK = timedelta(days=7)


def kept(folder: Path, *readings: Reading) -> list[Stretch]:
    return keep(folder, {"u-1": readings}, now=readings[-1].seconds)["u-1"]


def test_what_lies_between_two_runs_counts_too(tmp_path: Path) -> None:
    kept(tmp_path, reading(0, cpu=0), reading(10, cpu=20 * SECOND, net_bytes=5))
    found = kept(tmp_path, reading(2 * HOUR, cpu=3620 * SECOND, net_bytes=105))

    assert sum(each.seconds for each in found) == 2 * HOUR
    assert sum(each.cpu for each in found) == 3620
    assert sum(each.net for each in found) == 105
    assert max(each.peak for each in found) == 2  # of the first ten seconds


@pytest.mark.parametrize(
    "later",
    [
        reading(100, id=2, cpu=9 * SECOND),  # started again, or back from another host
        reading(100, boot="b2", cpu=9 * SECOND),  # the host was: ids begin anew
        reading(100, cpu=1 * SECOND),  # its counters fell
        reading(100, id=0, state="shut off", cpu=9 * SECOND),
    ],
)
def test_what_lies_between_two_starts_counts_for_nothing(tmp_path: Path, later: Reading) -> None:
    kept(tmp_path, reading(0, cpu=0), reading(10, cpu=5 * SECOND))
    (only,) = kept(tmp_path, later)
    assert (only.seconds, only.cpu) == (10, 5)


def test_a_clock_that_is_set_moves_no_time(tmp_path: Path) -> None:
    kept(tmp_path, reading(0))
    (only,) = kept(tmp_path, reading(DAY, up=1060))
    assert only.seconds == 60


def test_two_jobs_at_one_time_count_nothing_twice(tmp_path: Path) -> None:
    kept(tmp_path, reading(0), reading(20, cpu=20 * SECOND))
    (only,) = kept(tmp_path, reading(5), reading(15), reading(30, cpu=30 * SECOND))
    assert (only.seconds, only.cpu) == (30, 30)


def test_an_hour_is_one_entry_and_old_ones_go(tmp_path: Path) -> None:
    readings = [reading(minute * 60) for minute in range(0, 50 * 24 * 60, 10)]
    for number in range(0, len(readings), 500):
        kept(tmp_path, *readings[number : number + 500])
    document = json.loads((tmp_path / "u-1.json").read_text())
    assert 35 * 24 - 1 <= len(document["hours"]) <= 35 * 24 + 1


def test_the_most_memory_and_swapping_are_kept(tmp_path: Path) -> None:
    much = guest(free=GIB)
    kept(tmp_path, reading(0, guest=much), reading(10, guest=much))
    (only,) = kept(tmp_path, reading(20, guest=guest(swapped=1)))
    assert (only.memory, only.is_swapping) == (3 * GIB, True)


def test_a_window_counts_and_none_is_this_run_alone(tmp_path: Path) -> None:
    def used(window: timedelta, *readings: Reading) -> float:
        (found,) = usages_of({"u-1": ("renamed", readings)}, window, tmp_path)
        assert found.name == "renamed"
        return found.seconds

    at = [reading(0), reading(10)]
    assert used(WEEK, *at) == 10
    assert used(timedelta(), reading(60), reading(70)) == 10
    assert used(WEEK, reading(80)) == 80


def test_a_window_is_what_lies_in_it_for_the_greater_part(tmp_path: Path) -> None:
    hours = kept(tmp_path, *(reading(hour * HOUR) for hour in range(49)))
    found = within(hours, timedelta(days=1), now=NOW + 48 * HOUR)
    assert sum(each.seconds for each in found) == DAY


def test_what_is_damaged_or_cannot_be_written_ends_no_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "u-1.json").write_text('{"form": 1, "last": {}, "hours": [[1]]}')
    (only,) = kept(tmp_path, reading(0), reading(10))
    assert only.seconds == 10

    (found,) = usages_of({"u-1": ("a", [reading(0), reading(5)])}, WEEK, tmp_path / "u-1.json")
    assert found.seconds == 5
    assert "is not kept, and counts alone" in capsys.readouterr().err


def test_a_machine_that_is_here_no_more_is_forgotten(tmp_path: Path) -> None:
    kept(tmp_path, reading(0))
    os.utime(tmp_path / "u-1.json", (NOW - 60 * DAY, 1))
    keep(tmp_path, {"u-2": [reading(0)]}, now=NOW)
    assert [path.name for path in tmp_path.iterdir()] == ["u-2.json"]


def test_how_much_of_the_window_is_covered_is_said() -> None:
    machines = [usage("a", seconds=2 * DAY + 3 * HOUR), usage("b", seconds=180.0)]
    assert coverage(machines, WEEK) == "for 2 d 3 h of the last 7 d (b 3 min)"
    assert coverage(machines[:1], timedelta()) == "for 2 d 3 h"
    assert coverage([usage("a", seconds=0.0)], WEEK) == ""
    assert (span(3), span(61), span(3600)) == ("3 s", "1 min 1 s", "1 h")


def test_a_window_is_a_time_and_not_longer_than_what_is_kept() -> None:
    assert window_of({}) == WEEK
    assert window_of({"window": 0}) == timedelta()
    for text in ("36d", "infinity", "soon"):
        with pytest.raises(TaskFailed, match="window: ") as failed:
            window_of({"window": text})
        assert failed.value.exit_status == 65

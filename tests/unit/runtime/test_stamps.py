# SPDX-License-Identifier: Apache-2.0
"""stamps: how much a timer may catch up is how old its stamp may be."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from debvisor_timers.jobs.catch_up import ONCE, SKIP, CatchUp
from debvisor_timers.render.job import render_job
from debvisor_timers.runtime import stamps
from tests.unit.render.settings import job, settings

TIMER = "debvisor-job-a.timer"
HOUR = 3600


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of units and one of stamps, in the places of the real ones."""
    (tmp_path / "units").mkdir()
    monkeypatch.setattr(stamps, "UNITS", str(tmp_path / "units"))
    monkeypatch.setattr(stamps, "STAMPS", str(tmp_path / "stamps"))
    return tmp_path


def write(host: Path, catch_up: str, *, age: float | None = None, name: str = TIMER) -> Path:
    """Write a timer, and its stamp `age` seconds old; return the stamp."""
    text = f"[Timer]\nOnCalendar=daily\nX-CatchUp={catch_up}\n" if catch_up else "[Timer]\n"
    (host / "units" / name).write_text(text, encoding="utf-8")
    stamp = host / "stamps" / f"stamp-{name}"
    if age is not None:
        stamp.parent.mkdir(exist_ok=True)
        stamp.touch()
        moment = time.time() - age
        os.utime(stamp, (moment, moment))
    return stamp


def age(stamp: Path) -> float:
    return time.time() - stamp.stat().st_mtime


@pytest.mark.parametrize(
    ("catch_up", "before", "after"),
    [
        ("skip", 3 * HOUR, 0),
        ("once", 3 * HOUR, 3 * HOUR),
        ("7200s", 3 * HOUR, 2 * HOUR),
        ("7200s", 1 * HOUR, 1 * HOUR),
        ("", 3 * HOUR, 3 * HOUR),
    ],
)
def test_no_stamp_is_older_than_what_may_be_caught_up(
    host: Path, catch_up: str, before: float, after: float
) -> None:
    stamp = write(host, catch_up, age=before)

    assert stamps.main() == 0
    assert age(stamp) == pytest.approx(after, abs=60)


@pytest.mark.parametrize("catch_up", ["skip", "7200s"])
def test_a_timer_without_a_stamp_gets_a_new_one(host: Path, catch_up: str) -> None:
    stamp = write(host, catch_up)

    assert stamps.main() == 0
    assert age(stamp) < 60


def test_timers_of_others_are_left_alone(host: Path) -> None:
    stamp = write(host, "skip", age=HOUR, name="logrotate.timer")

    assert stamps.main() == 0
    assert age(stamp) > HOUR - 60


def test_what_cannot_be_understood_is_told_and_the_rest_is_done(
    host: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(host, "soon", age=HOUR)
    other = write(host, "skip", age=HOUR, name="debvisor-job-b.timer")

    assert stamps.main() == 1
    assert age(other) < 60
    assert f"{TIMER} may catch up too much" in capsys.readouterr().err


def test_a_stamp_that_is_a_link_is_not_followed(host: Path) -> None:
    stamp = write(host, "skip")
    stamp.parent.mkdir()
    (host / "other").touch()
    stamp.symlink_to(host / "other")

    assert stamps.main() == 1


@pytest.mark.parametrize("catch_up", [SKIP, ONCE, CatchUp(timedelta(hours=6))])
def test_it_reads_what_is_rendered(host: Path, catch_up: CatchUp) -> None:
    of = job(schedule={"cron": "0 4 * * *", "catch_up": catch_up})
    text = render_job(of, settings(), generation=1).files[TIMER]
    (host / "units" / TIMER).write_text(text, encoding="utf-8")

    assert stamps.catch_up_of(str(host / "units" / TIMER)) == str(catch_up)


def held_until(host: Path, monkeypatch: pytest.MonkeyPatch, name: str, hours: float | None) -> None:
    """Hold back until so many hours from now, or for ever."""
    monkeypatch.setattr(stamps, "STATE", str(host / "state"))
    until = None if hours is None else (datetime.now(UTC) + timedelta(hours=hours)).isoformat()
    path = host / "state" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"until": until}), encoding="utf-8")


@pytest.mark.parametrize("name", ["paused/a", "maintenance.json"])
@pytest.mark.parametrize(
    ("hours", "after"), [(-1, 1), (-5, 3), (1, 3), (None, 3)], ids=["over", "long", "on", "no-end"]
)
def test_what_a_pause_kept_off_that_has_ended_is_not_caught_up(
    host: Path, monkeypatch: pytest.MonkeyPatch, name: str, hours: float | None, after: float
) -> None:
    held_until(host, monkeypatch, name, hours)
    stamp = write(host, "once", age=3 * HOUR)
    assert stamps.main() == 0
    assert age(stamp) == pytest.approx(after * HOUR, abs=5)


def test_a_pause_that_makes_no_sense_lets_nothing_be_caught_up_that_may_not(
    host: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held_until(host, monkeypatch, "paused/a", 1)
    (host / "state/paused/a").write_text("{", encoding="utf-8")
    stamp = write(host, "skip", age=3 * HOUR)
    assert stamps.main() == 1
    assert age(stamp) == pytest.approx(0, abs=5)

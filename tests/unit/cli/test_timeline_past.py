# SPDX-License-Identifier: Apache-2.0
"""timeline: what past runs look like, in characters, as SVG and in JSON."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree.ElementTree import Element, fromstring

import pytest

from debvisor_timers.errors import PermissionRefusedError
from tests.unit.cli.program import Program
from tests.unit.operations.ran import OTHER_BOOT, Ran, ran
from tests.unit.operations.world import World

SVG = "{http://www.w3.org/2000/svg}"
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
JOBS = """\
jobs:
  backup: {schedule: "0 2 * * *", command: [/bin/true]}
  scrub: {schedule: "0 3,22 * * *", command: [/bin/true]}
  sync: {schedule: "0 */4 * * *", command: [/bin/true]}
  import: {schedule: "0 9 * * *", command: [/bin/true]}
  often: {schedule: "*/5 * * * *", command: [/bin/true]}
  holiday: {schedule: {cron: "0 7,19 * * *", exclude: [2026-11-23]}, command: [/bin/true]}
"""
DAY = """\
Mon 2026-11-23 UTC; a column is 30min
          00  02  04  06  08  10  12  14  16  18  20  22
                                  ▼ now 12:00
gone      ✓   ·   ·   ·   ·   ·   │   ·   ·   ·   ·   ·
sync      ✓   ·   !   ·   ✓   ·   │   ·   ●   ·   ●   ·
backup    ·   ══✗ ·   ·   ·   ·   │   ·   ·   ·   ·   ·
scrub     ·   · ═════════✓·   ·   │   ·   ·   ·   ·   ●
lost      ·   ·   ·   ?   ·   ·   │   ·   ·   ·   ·   ·
holiday   ·   ·   ·   · » ·   ·   │   ·   ·   · » ·   ·
import    ·   ·   ·   ·   · ══════▶   ·   ·   ·   ·   ·
often     ────────·✗──────────────────────────────────────
"""
LEGEND = """\
▶ running   ✓ succeeded   ✗ failed   ! timed out   » skipped   ? lost
═ while it ran   ● start   ─ every 15min
"""
ASCII_LEGEND = """\
* running   + succeeded   x failed
! timed out   > skipped   ? lost
= while it ran   o start
- every 15min
"""


def at(text: str, day: int = 23) -> datetime:
    return datetime.fromisoformat(f"2026-11-{day}T{text}:00+00:00")


@pytest.fixture
def told(program: Program) -> Program:
    """Return the command line over a host at noon, some of whose jobs have run."""
    world = program.world
    world.write(JOBS)
    failed = Ran(start=at("02:00"), took=80 * MINUTE, result="exit-code", status=3)
    ran(world, "backup", failed)
    ran(world, "scrub", Ran(start=at("03:00"), took=280 * MINUTE))
    ran(world, "sync", Ran(start=at("00:00")), Ran(start=at("08:00")))
    ran(world, "sync", Ran(start=at("04:00"), result="timeout"))
    ran(world, "import", Ran(start=at("09:00"), took=None))
    ran(world, "gone", Ran(start=at("23:30", 22), took=40 * MINUTE))
    ran(world, "lost", Ran(start=at("06:00"), took=None, boot=OTHER_BOOT))
    ran(world, "holiday", Ran(start=at("07:00"), skipped="excluded: 2026-11-23"))
    _often(world)
    return program


def _often(world: World) -> None:
    """Let the job have run each 5 minutes, but for half an hour, and failed once."""
    starts = [at("00:00") + number * 5 * MINUTE for number in range(145)]
    ran(world, "often", *(Ran(start=start) for start in starts if start.hour != 4))
    ran(world, "often", Ran(start=at("04:40"), result="exit-code", status=1))


def test_a_day_of_which_half_is_over(told: Program) -> None:
    answer = told("timeline")

    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith(DAY)
    assert LEGEND in answer.out
    assert "\nFailed: sync (1), backup (1), lost (1), often (1).\n" in answer.out
    assert "\nNot defined any more: gone, lost.\n" in answer.out


def test_a_narrow_day_in_ascii_explains_each_sign_that_it_has(told: Program) -> None:
    answer = told("timeline", "--width", "36", encoding="ascii")

    assert answer.out.isascii()
    assert ASCII_LEGEND in answer.out
    lines = answer.out.splitlines()
    assert lines[2] == f"{' ' * 22}v now 12:00"
    assert all(len(line) <= 36 for line in lines[1:-10])


@pytest.mark.parametrize("columns", ["40", "80", "120", "200"])
def test_a_week_fits(told: Program, columns: str) -> None:
    lines = told("timeline", "--week", "today", "--width", columns).out.splitlines()

    assert any("▼ now 12:00" in line for line in lines)
    assert all(len(line) <= int(columns) for line in lines[1:])


def test_the_present_is_told_at_the_left_where_there_is_no_room_at_the_right(
    program: Program,
) -> None:
    program.world.write(JOBS)
    program.world.systemd.state.now = at("22:40")

    lines = program("timeline").out.splitlines()

    assert lines[2].endswith("now 22:40 ▼")
    assert lines[2].index("▼") == 10 + 45


def test_nothing_ran(program: Program) -> None:
    program.world.write(JOBS)

    assert program("timeline", "--day", "yesterday").out.endswith("\nnothing ran in this time\n")


def test_colours_are_those_of_the_results(told: Program) -> None:
    shown = told("timeline", "backup", terminal=True).out

    assert "\x1b[31m══\x1b[0m\x1b[31m✗\x1b[0m" in shown


def test_a_user_who_may_not_read_the_history_is_told(told: Program) -> None:
    refused = PermissionRefusedError("this user may not read the journal of the system")
    told.world.systemd.steps.fail_on("journal.records", refused)

    answer = told("timeline")

    assert answer.code == 0
    assert "note: past runs are shown as the calendars have them: this user" in answer.err
    assert "\nbackup    ·   ●   ·" in answer.out
    assert "\noften     ──────────────────────────────────────────────" in answer.out


# --- SVG and JSON ---------------------------------------------------------------------------------


def draw(program: Program, path: Path, *arguments: str) -> Element:
    assert program("timeline", *arguments, "--svg", str(path)).code == 0
    return fromstring(path.read_text(encoding="utf-8"))


def boxes(svg: Element) -> dict[str, Element]:
    """Return the boxes that tell something, by what they tell."""
    found = {}
    for box in svg.iter(f"{SVG}rect"):
        if (title := box.find(f"{SVG}title")) is not None:
            found[title.text or ""] = box
    return found


def test_a_past_run_is_a_bar_from_its_start_to_its_end(told: Program, tmp_path: Path) -> None:
    svg = draw(told, tmp_path / "day.svg")

    found = {
        text.partition(", run ")[0]: (box.get("class"), round(float(box.get("width", 0))))
        for text, box in boxes(svg).items()
    }
    # An hour is 48 wide.
    assert found["backup: Mon 2026-11-23 02:00:00 UTC, failed (exit status 3) after 1h 20min"] == (
        "failed",
        64,
    )
    assert found["import: Mon 2026-11-23 09:00:00 UTC, running"] == (
        "running",
        144,
    )
    # A minute would be less than a pixel.
    assert found["sync: Mon 2026-11-23 04:00:00 UTC, timed out after 1min"] == ("timed_out", 3)
    assert found["lost: Mon 2026-11-23 06:00:00 UTC, lost"] == ("lost", 3)
    skipped = "holiday: Mon 2026-11-23 07:00:00 UTC, skipped (excluded: 2026-11-23) after 1min"
    assert found[skipped] == ("skipped", 8)
    assert found["sync: Mon 2026-11-23 16:00:00 UTC"] == ("start", 4)
    texts = [text.text for text in svg.iter(f"{SVG}text")]
    assert {"now 12:00", "timed out", "will start"} <= set(texts)
    # The legend has what is drawn, and no more.
    assert "stopped" not in texts


def test_a_bar_that_is_widened_stays_on_the_sheet(program: Program, tmp_path: Path) -> None:
    program.world.write(JOBS)
    ran(program.world, "backup", Ran(start=at("23:59", 22)))

    svg = draw(program, tmp_path / "day.svg", "--day", "yesterday")

    (bar,) = (box for box in boxes(svg).values() if box.get("class") == "succeeded")
    right = max(float(line.get("x1", 0)) for line in svg.iter(f"{SVG}line"))
    assert float(bar.get("x", 0)) + float(bar.get("width", 0)) <= right


def test_reasons_cannot_become_tags(program: Program, tmp_path: Path) -> None:
    program.world.write(JOBS)
    reason = '</title><script>alert("x")</script>\x1b[31m&'
    ran(program.world, "backup", Ran(start=at("02:00"), skipped=reason))

    svg = draw(program, tmp_path / "day.svg")

    assert not list(svg.iter(f"{SVG}script"))
    assert any('</title><script>alert("x")</script> [31m&' in text for text in boxes(svg))


def test_json_tells_the_past_and_what_is_to_come_apart(told: Program) -> None:
    document = told("timeline", "--json").json

    jobs = {job["job"]: job for job in document["jobs"]}
    assert document["now"] == "2026-11-23T13:00:07+01:00"
    (failed,) = jobs["backup"]["past"]
    assert failed.pop("run").startswith("20261123T020000Z-")
    assert failed == {
        "start": "2026-11-23T03:00:00+01:00",
        "end": "2026-11-23T04:20:00+01:00",
        "duration_seconds": 4800.0,
        "outcome": "failed",
        "reason": "exit status 3",
        "starts": 1,
    }
    assert (jobs["backup"]["runs"], jobs["backup"]["defined"]) == ([], True)
    assert (jobs["import"]["past"][0]["end"], jobs["import"]["past"][0]["outcome"]) == (
        None,
        "running",
    )
    assert len(jobs["sync"]["runs"]) == 2
    assert jobs["gone"]["defined"] is False
    assert len(jobs["often"]["past"]) == 134


def test_a_week_of_many_runs_is_drawn_in_a_second_or_so(program: Program) -> None:
    """It is a tenth of that; hosts of tests are busy."""
    program.world.write(JOBS)
    start = datetime(2026, 11, 16, tzinfo=UTC)
    ran(program.world, "sync", *(Ran(start=start + number * MINUTE) for number in range(5000)))

    lines = program("timeline", "--week", "yesterday").out.splitlines()

    assert "sync" in lines[2]

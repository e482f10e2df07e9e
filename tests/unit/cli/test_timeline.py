# SPDX-License-Identifier: Apache-2.0
"""timeline: what the picture looks like, in characters and as SVG."""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime
from pathlib import Path
from xml.etree.ElementTree import Element, fromstring

import pytest

from debvisor_timers.cli.output import starts
from tests.unit.cli.program import Program
from tests.unit.operations.world import World

SVG = "{http://www.w3.org/2000/svg}"
JOBS = """\
jobs:
  backup-of-the-database-server: {schedule: "0 2 * * *", command: [/bin/true]}
  scrub: {schedule: {cron: "0 3 * * *", jitter: 90min}, command: [/bin/true]}
  report: {schedule: "*/10 8 * * 1-5", command: [/bin/true]}
  often: {schedule: "*/5 * * * *", command: [/bin/true]}
  mail: {schedule: "10 2 * * *", command: [/bin/true]}
  yearly: {schedule: "@yearly", command: [/bin/true]}
"""
DAY = """\
Mon 2026-11-23 UTC; a column is 30min
                               00  02  04  06  08  10  12  14  16  18  20  22
backup-of-the-database-server  ·   ●   ·   ·   ·   ·   ·   ·   ·   ·   ·   ·
mail                           ·   ●   ·   ·   ·   ·   ·   ·   ·   ·   ·   ·
scrub                          ·   · ░░░   ·   ·   ·   ·   ·   ·   ·   ·   ·
report                         ·   ·   ·   ·   33  ·   ·   ·   ·   ·   ·   ·
often                          ────────────────────────────────────────────────
                               00  02  04  06  08  10  12  14  16  18  20  22
                            2      █           ██
                                   █           ██
                       starts      █           ██
                     in 15min      █ ▃▃▃       ██
● start   2-9 + several   ░ may start (jitter)   ─ every 15min
Most starts in a quarter of an hour:
  02:00: 2 starts of backup-of-the-database-server, mail
In every quarter, and not in the bars: often.
"""
NARROW = """\
Mon 2026-11-23 UTC; a column is 1h
            00 03 06 09 12 15 18 21
backu~rver  . o.  .  .  .  .  .  .
mail        . o.  .  .  .  .  .  .
scrub       .  :: .  .  .  .  .  .
report      .  .  . 6.  .  .  .  .
often       ------------------------
            00 03 06 09 12 15 18 21
         2    #     #
              #     #
    starts    #     #
  in 15min    #..   #
"""


@pytest.fixture
def world(world: World) -> World:
    """Return a host in the week before: what is drawn is to come."""
    world.systemd.state.now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    return world


def test_a_day_at_80_columns(program: Program) -> None:
    program.world.write(JOBS)

    answer = program("timeline", "--day", "2026-11-23")

    assert (answer.code, answer.err) == (0, "")
    assert answer.out == DAY


def test_a_narrow_day_in_ascii(program: Program) -> None:
    program.world.write(JOBS)

    answer = program("timeline", "--width", "36", "--day", "2026-11-23", encoding="ascii")

    assert answer.out.startswith(NARROW)
    assert answer.out.isascii()


@pytest.mark.parametrize(
    ("arguments", "columns"),
    [([], "30min"), (["--width", "120"], "15min"), (["--width", "40"], "1h")],
)
def test_the_finest_columns_that_fit(program: Program, arguments: list[str], columns: str) -> None:
    program.world.write(JOBS)

    lines = program("timeline", "--day", "2026-11-23", *arguments).out.splitlines()

    assert lines[0].endswith(f"; a column is {columns}")
    width = int(arguments[-1]) if arguments else 80
    assert all(len(line) <= width for line in lines)


@pytest.mark.parametrize(
    ("width", "columns"), [("200", "1h"), ("120", "2h"), ("80", "3h"), ("40", "6h")]
)
def test_a_week(program: Program, width: str, columns: str) -> None:
    program.world.write(JOBS)

    lines = program("timeline", "--week", "2026-11-25", "--width", width).out.splitlines()

    heading = f"Mon 2026-11-23 to Sun 2026-11-29 UTC; a column is {columns}"
    assert " ".join(lines).startswith(f"{heading} ")
    days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    axis = next(line for line in lines if line.startswith("  "))
    assert [word for word in axis.split() if word.isalpha()] == days
    assert all(len(line) <= int(width) for line in lines)


def test_the_present_keeps_off_the_title(program: Program) -> None:
    """In the first hours of a day it is below it, with room for letters of 12 pixels."""
    program.world.write(JOBS)

    svg = fromstring(program("timeline", "--svg", "-").out)

    lines = {text.get("class"): float(text.get("y", "0")) for text in svg.iter(f"{SVG}text")}
    assert lines["present"] - 12 > lines["title"] + 4


def test_a_day_without_an_hour_and_one_with_an_hour_twice(program: Program) -> None:
    program.world.systemd.state.zone = "Europe/Amsterdam"
    program.world.write(JOBS)

    short = program("timeline", "--day", "2027-03-28", "--width", "130").out.splitlines()
    long = program("timeline", "--day", "2027-10-31", "--width", "130").out.splitlines()

    assert short[0] == "Sun 2027-03-28 Europe/Amsterdam, 23h long; a column is 15min"
    assert short[1].split()[:4] == ["00", "01", "03", "04"]
    assert long[0] == "Sun 2027-10-31 Europe/Amsterdam, 1d 1h long; a column is 15min"
    assert long[1].split()[:5] == ["00", "01", "02", "02", "03"]


def test_a_pipe_gets_what_a_terminal_shows_without_colour(program: Program) -> None:
    program.world.write(JOBS)

    piped = program("timeline")
    shown = program("--color=never", "timeline", terminal=True)

    assert piped.out == shown.out
    assert "\x1b[" in program("timeline", terminal=True).out


def test_a_terminal_is_told_what_takes_long(program: Program) -> None:
    program.world.write(JOBS)

    shown = program("timeline", "--week", "2026-11-23", terminal=True).err

    assert shown == "\r\x1b[Kcomputing the runs of a week ...\r\x1b[K"
    assert program("timeline").err == ""


def test_each_of_many_jobs_has_its_row(program: Program) -> None:
    program.world.write(
        "jobs:\n"
        + "".join(
            f"  job-{n:03}: {{schedule: '{n % 60} 4 * * *', command: [/bin/true]}}\n"
            for n in range(500)
        )
    )

    lines = program("timeline", "--day", "tomorrow").out.splitlines()

    assert sum(line.startswith("job-") for line in lines) == 500
    assert any("04:00: 135 starts of job-000, job-001, " in line for line in lines)


def test_jobs_that_do_not_run_are_left_out_unless_they_are_named(program: Program) -> None:
    program.world.write(JOBS)

    assert "yearly" not in program("timeline").out
    assert program("timeline", "yearly").out.splitlines()[1] == "nothing runs in this time"
    assert "yearly" in program("timeline", "yearly", "mail", "--day", "2026-11-23").out


def test_a_disabled_job_that_is_named_is_drawn_and_told(program: Program) -> None:
    program.world.write(JOBS.replace('"10 2 * * *",', '"10 2 * * *", enabled: false,'))

    shown = program("timeline", "mail", "backup-of-the-database-server", "--day", "tomorrow")

    assert "\nmail  " in shown.out
    assert "\nDisabled, and not in the bars: mail.\n" in shown.out
    assert "mail" not in program("timeline").out


@pytest.mark.parametrize("day", ["9999-12-31", "1970-01-01"])
def test_a_day_that_is_too_far_away(program: Program, day: str) -> None:
    answer = program("timeline", "--day", day)

    assert (answer.code, answer.err) == (
        2,
        f"error: {day} is too far away\n fix: systemd computes from 1971 to 2198\n",
    )


def test_a_day_that_is_too_far_away_is_told_as_it_was_written(program: Program) -> None:
    program.world.systemd.state.zone = "Europe/Amsterdam"
    program.world.write(JOBS)

    answer = program("timeline", "--day", "2500-01-01")

    assert answer.err.startswith("error: 2500-01-01 is too far away\n")


@pytest.mark.parametrize(
    ("load", "words"),
    [
        (1, "1 start"),
        (2, "2 starts"),
        (0.96, "1 start"),
        (2.54, "2.5 starts"),
        (0.04, "less than 0.1 starts"),
    ],
)
def test_loads_in_words(load: float, words: str) -> None:
    assert starts(load) == words


def test_nothing_at_all(program: Program) -> None:
    assert program("timeline", "--day", "2026-11-23").out == (
        "Mon 2026-11-23 UTC; a column is 30min\nnothing runs in this time\n"
    )


# --- SVG -----------------------------------------------------------------------------------------


def draw(program: Program, path: Path, *arguments: str) -> Element:
    answer = program("timeline", *arguments, "--svg", str(path))
    assert (answer.code, answer.err) == (0, "")
    return fromstring(path.read_text(encoding="utf-8"))


def titles(svg: Element) -> list[str]:
    return [
        title.text or "" for rect in svg.iter(f"{SVG}rect") for title in rect.iter(f"{SVG}title")
    ]


def test_the_svg_has_a_mark_with_its_time_for_each_run(program: Program, tmp_path: Path) -> None:
    program.world.write(JOBS)

    svg = draw(program, tmp_path / "day.svg", "--day", "2026-11-23")

    told = titles(svg)
    assert "mail: Mon 2026-11-23 02:10:00 UTC" in told
    assert "scrub: Mon 2026-11-23 03:00:00 UTC to 04:30:00 UTC, by jitter" in told
    assert "often: in every quarter of an hour, 288 starts" in told
    assert "Mon 02:00: 2 starts: backup-of-the-database-server, mail" in told
    texts = [text.text for text in svg.iter(f"{SVG}text")]
    assert {"Jobs of Mon 2026-11-23 UTC", "mail", "00:00", "23:00"} <= set(texts)
    assert "yearly" not in texts


def test_the_svg_scales_and_has_colours_for_a_dark_screen(program: Program, tmp_path: Path) -> None:
    program.world.write(JOBS)

    svg = draw(program, tmp_path / "week.svg", "--week", "2026-11-23")

    assert svg.get("viewBox") == f"0 0 {svg.get('width')} {svg.get('height')}"
    (style,) = svg.iter(f"{SVG}style")
    assert "prefers-color-scheme: dark" in (style.text or "")
    texts = [text.text for text in svg.iter(f"{SVG}text")]
    assert {"Mon 23", "Sun 29"} <= set(texts)


def test_json_can_be_asked_for_besides(program: Program, tmp_path: Path) -> None:
    program.world.write(JOBS)

    answer = program("timeline", "--svg", str(tmp_path / "a.svg"), "--json")

    assert [job["job"] for job in answer.json["jobs"]][-1] == "often"
    assert (tmp_path / "a.svg").exists()


def test_a_file_is_replaced_as_a_whole_and_keeps_its_mode(program: Program, tmp_path: Path) -> None:
    path = tmp_path / "a.svg"
    path.write_text("old", encoding="utf-8")
    path.chmod(0o600)

    draw(program, path)

    assert path.read_text(encoding="utf-8").startswith("<?xml")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(os.listdir(tmp_path))[:2] == ["a.svg", "etc"]  # noqa: PTH208


@pytest.mark.parametrize("exists", [True, False])
def test_a_link_is_replaced_and_never_followed(
    program: Program, tmp_path: Path, *, exists: bool
) -> None:
    secret, link = tmp_path / "secret", tmp_path / "link.svg"
    if exists:
        secret.write_text("keep", encoding="utf-8")
        secret.chmod(0o600)
    link.symlink_to(secret)

    draw(program, link)

    assert not link.is_symlink()
    assert stat.S_IMODE(link.stat().st_mode) == 0o644
    assert secret.exists() == exists
    if exists:
        assert secret.read_text(encoding="utf-8") == "keep"


def test_what_is_no_file_is_refused(program: Program, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    pipe = program("timeline", "--svg", str(tmp_path / "pipe"))
    folder = program("timeline", "--svg", str(tmp_path))
    nowhere = program("timeline", "--svg", str(tmp_path / "no" / "a.svg"))

    assert (pipe.code, folder.code, nowhere.code) == (2, 2, 2)
    assert f"{tmp_path}/pipe is no regular file\n fix: name a file" in pipe.err
    assert f"{tmp_path} is a folder\n fix: name a file" in folder.err
    assert f"cannot write {tmp_path}/no/a.svg: No such file or directory" in nowhere.err


def test_the_svg_goes_to_standard_output_for_a_dash(program: Program) -> None:
    program.world.write(JOBS)

    answer = program("timeline", "--svg", "-")

    assert (answer.code, answer.err) == (0, "")
    assert fromstring(answer.out).tag == f"{SVG}svg"
    assert answer.out.endswith("</svg>\n")
    assert program("timeline", "--svg", "-", "--json").code == 2


def test_a_new_file_has_the_usual_mode(program: Program, tmp_path: Path) -> None:
    draw(program, tmp_path / "a.svg")

    assert stat.S_IMODE((tmp_path / "a.svg").stat().st_mode) == 0o644

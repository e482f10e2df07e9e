# SPDX-License-Identifier: Apache-2.0
"""stats: what the page, the table, JSON and the pictures say."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree.ElementTree import fromstring

import pytest

from debvisor_timers.cli import times
from debvisor_timers.history.outcome import RunOutcome, Trigger
from debvisor_timers.history.runs import Run
from tests.unit.cli.program import Program
from tests.unit.operations.kept_runs import FIRST, a_run, keep, nightly_runs
from tests.unit.operations.world import NIGHTLY, TWO

NAMED = NIGHTLY + "    name: Backup of the database\n    timeout: 30min\n"
PAGE = """\
nightly: Backup of the database
Total executions  6: 3 succeeded, 2 failed (1 timed out), 1 stopped
    Success rate  60.0 %
Average duration  10min
          Median  10min; 95 % within 15min, longest 15min
         Skipped  1 run (3 starts)
        Last run  2026-10-07 04:00:00, succeeded after 5min
        Next run  2026-11-24 03:00:00, in 13h 59min
          Streak  1 success since 2026-10-07 04:00:00
         Retries  1 run needed 1 further attempt
       Catch-ups  1 run
          Waited  2min in 1 run, 2min at most
             CPU  37min 30s in all; median 5min, 15min at most
          Memory  64 MiB at most, median 64 MiB
  Duration trend  too few runs for a trend: 2 of 10 that succeeded at once
   Failure trend  too few runs for a trend: 5 of 10

       Durations  ▃▃▅█▂▂
                    ✗!■
                  of the last 6, 0 to 30min

How many took how long
  4min to 6min  1  ██████████████████████████████▌
  6min to 8min  0
 8min to 10min  0
10min to 12min  2  █████████████████████████████████████████████████████████████
12min to 14min  0
14min to 16min  1  ██████████████████████████████▌
"""


def mixed_runs() -> list[Run]:
    """Return runs of each kind, one a day."""
    days = [FIRST + timedelta(days=number) for number in range(7)]
    retried = a_run(days[1], 600.0)
    (attempt,) = retried.each_attempt
    return [
        a_run(days[0], 600.0, waited=timedelta(minutes=2)),
        a_run(days[1], 600.0, each_attempt=(attempt, attempt)),
        a_run(days[2], 900.0, outcome=RunOutcome.FAILED, reason="exit status 3"),
        a_run(days[3], 1800.0, outcome=RunOutcome.TIMED_OUT),
        a_run(days[4], 300.0, outcome=RunOutcome.STOPPED, trigger=Trigger.CATCH_UP),
        a_run(days[5], 0.0, outcome=RunOutcome.SKIPPED, count=3, cpu=None, memory_peak=None),
        a_run(days[6], 300.0),
    ]


@pytest.fixture(autouse=True)
def _clock(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let words such as `in 14h` count from the time of the world."""
    monkeypatch.setattr(times, "now", program.world.host.clock.now)


def test_a_page(program: Program) -> None:
    program.world.apply(NAMED)
    keep(program.world, mixed_runs())

    answer = program("stats", "nightly")

    assert (answer.code, answer.err) == (0, "")
    assert answer.out == PAGE


def test_a_page_in_ascii_that_is_narrow(program: Program) -> None:
    program.world.apply(NAMED)
    keep(program.world, mixed_runs())

    answer = program("stats", "nightly", environment={"COLUMNS": "44"}, encoding="ascii")

    assert answer.out.isascii()
    assert all(len(line) <= 44 for line in answer.out.splitlines())
    assert "       Durations  335822\n                    x!#\n" in answer.out
    assert "10min to 12min  2  #########################\n" in answer.out


def test_all_that_is_said_of_the_bars_fits(program: Program) -> None:
    keep(program.world, nightly_runs([0.2, 2.0, 40.0, 900.0, 5000.0] * 5))

    lines = program("stats", "nightly", environment={"COLUMNS": "40"}).out.splitlines()

    assert all(len(line) <= 40 for line in lines)
    at = lines.index("                  of the last 22, 200ms")
    assert lines[at + 1 : at + 3] == [
        "                  to 1h 23min, by",
        "                  logarithms",
    ]


def test_a_long_name_is_folded(program: Program) -> None:
    program.world.apply(NAMED.replace("Backup of the database", "Große Sicherung " * 4))
    keep(program.world, mixed_runs())

    lines = program("stats", "nightly", environment={"COLUMNS": "44"}).out.splitlines()

    assert lines[0] == "nightly: Große Sicherung Große Sicherung"
    assert lines[1] == "Große Sicherung Große Sicherung"


def test_days_fit_a_terminal(program: Program) -> None:
    keep(program.world, nightly_runs([3000.0 + night for night in range(20)]))

    answer = program(
        *("--color", "never", "stats", "nightly", "--by", "week"),
        terminal=True, environment={"COLUMNS": "40"},
    )  # fmt: skip

    assert "FROM            RUNS  FAILED  MEDIAN\n" in answer.out
    assert all(len(line) <= 40 for line in answer.out.splitlines())


def test_signs_tell_what_colours_tell(program: Program) -> None:
    keep(program.world, mixed_runs())

    plain = program("stats", "nightly").out
    coloured = program("--color", "always", "stats", "nightly").out

    assert "\x1b" not in plain
    assert "\x1b[31m✗\x1b[0m\x1b[35m!\x1b[0m\x1b[33m■\x1b[0m" in coloured
    assert re.sub(r"\x1b\[\d*m", "", coloured) == plain


def test_a_trend_in_words(program: Program) -> None:
    """From 10 min on 10 s more a night: 23 min 10 s on the 79th, and 30 min on the 120th."""
    program.world.apply(NAMED)
    lengths = [600.0 + 10 * night for night in range(53)]
    keep(program.world, nightly_runs(lengths))

    answer = program("stats", "nightly", environment={"COLUMNS": "200"})

    assert (
        "takes 8 % longer each week (1min 10s, now about 18min 40s),"
        " likely to exceed its 30min time-out in about 10 weeks\n"
    ) in answer.out


def test_a_change_in_words(program: Program) -> None:
    keep(program.world, nightly_runs([300.0] * 30 + [900.0] * 23))

    answer = program("stats", "nightly")

    assert "  Duration trend  takes 15min instead of 5min since 2026-10-31\n" in answer.out


def test_failures_in_words(program: Program) -> None:
    runs = nightly_runs([300.0] * 40)
    for night in (25, 28, 30, 33, 36, 39):
        runs[night] = a_run(runs[night].start, 10.0, outcome=RunOutcome.FAILED)
    keep(program.world, runs)

    answer = program("stats", "nightly", environment={"COLUMNS": "200"})

    words = "fails more often: 0 of 20 in the first half, 6 of 20 in the second\n"
    assert f"   Failure trend  {words}" in answer.out


def test_unusual_runs_are_named_the_newest_first(program: Program) -> None:
    lengths = [300.0] * 50
    for night in (14, 20, 40, 41, 44, 49):
        lengths[night] = 3000.0
    first = datetime(2026, 7, 13, 2, tzinfo=UTC)
    keep(program.world, nightly_runs([*[300.0] * 70, *lengths, 3.0], first=first))

    answer = program("stats", "nightly")

    told = [line.strip() for line in answer.out.splitlines() if "usually" in line or "more" in line]
    assert told == [
        "Unusual  2026-11-10 03:00:00 took only 3s, usually 5min",
        "2026-11-09 03:00:00 took 50min, usually 5min (10 times)",
        "2026-11-04 03:00:00 took 50min, usually 5min (10 times)",
        "2026-11-01 03:00:00 took 50min, usually 5min (10 times)",
        "2026-10-31 03:00:00 took 50min, usually 5min (10 times)",
        "and 2 more",
    ]


def test_a_table_that_fits(program: Program) -> None:
    program.world.apply(TWO)
    keep(program.world, [*mixed_runs(), *nightly_runs([60.0, 90.0], job="gone")])

    assert program("stats").out == (
        "JOB      RUNS     OK     LAST RUN    MEDIAN       P95  LAST 20\n"
        "gone        2  100 %  52d 10h ago  1min 15s  1min 30s  ▆█\n"
        "hourly      0      -            -         -         -\n"
        "nightly     6   60 %  47d 10h ago     10min     15min  ██✗!■▅\n"
    )
    narrow = program("stats", "gone", "nightly", environment={"COLUMNS": "36"}, encoding="ascii")
    assert narrow.out == (
        "JOB      RUNS     OK  LAST 14\ngone        2  100 %  68\nnightly     6   60 %  88x!#5\n"
    )


@pytest.mark.parametrize(
    ("width", "columns"),
    [("200", 7), ("80", 7), ("55", 6), ("45", 5), ("30", 4), ("25", 3), ("10", 2)],
)
def test_columns_that_do_not_fit_are_left_out(program: Program, width: str, columns: int) -> None:
    keep(program.world, [*mixed_runs(), *nightly_runs([600.0] * 60, job="gone")])

    lines = program("stats", environment={"COLUMNS": width}).out.splitlines()

    assert len(re.split("  +", lines[0])) == columns
    assert width == "10" or all(len(line) <= int(width) for line in lines)


def test_a_job_that_has_not_run(program: Program) -> None:
    program.world.apply(NIGHTLY)

    answer = program("stats", "nightly")

    assert answer.out == (
        "nightly has not run yet\n        Next run  2026-11-24 03:00:00, in 13h 59min\n"
    )


def test_a_job_that_was_only_skipped(program: Program) -> None:
    keep(program.world, [run for run in mixed_runs() if run.outcome is RunOutcome.SKIPPED])

    assert program("stats", "nightly").out == (
        "nightly has not run yet\n         Skipped  1 run (3 starts)\n"
    )


def test_a_time_without_runs(program: Program) -> None:
    keep(program.world, mixed_runs())

    answer = program("stats", "nightly", "--since", "2026-11-01", "--until", "2026-11-02")

    assert answer.out == "nightly has not run in this time\n"


def test_no_jobs_at_all(program: Program) -> None:
    assert program("stats").out == "no job has run yet\n"
    assert program("stats", "--json").json == []


def test_the_days_of_a_time(program: Program) -> None:
    keep(program.world, mixed_runs())

    since, until = "2026-10-03 00:00:00", "2026-10-06 12:00:00"
    answer = program("stats", "nightly", "--by", "day", "--since", since, "--until", until)

    assert answer.out.endswith(
        "\n"
        "FROM            RUNS  SUCCEEDED  FAILED  SKIPPED  MEDIAN  LONGEST\n"
        "Sat 2026-10-03  1     0          1       0        15min   15min\n"
        "Sun 2026-10-04  1     0          1       0        -       -\n"
        "Mon 2026-10-05  1     0          0       0        -       -\n"
        "Tue 2026-10-06  0     0          0       3        -       -\n"
    )


def test_days_are_named_as_the_host_has_them_whatever_zone_the_user_has(program: Program) -> None:
    """Midnight in Auckland is noon of the day before in Amsterdam, where this user lives."""
    program.world.systemd.state.zone = "Pacific/Auckland"
    keep(program.world, mixed_runs()[:1])

    answer = program("stats", "nightly", "--by", "day")

    assert answer.out.splitlines()[-1].startswith("Thu 2026-10-01  1 ")


@pytest.mark.parametrize("width", [40, 44, 60, 80])
@pytest.mark.parametrize("lengths", [[300.0] * 30, [2.5, 300.0, 10_000.0] * 12])
def test_no_line_of_a_page_is_too_long(program: Program, width: int, lengths: list[float]) -> None:
    keep(program.world, nightly_runs(lengths))

    answer = program("stats", "nightly", environment={"COLUMNS": str(width)})

    assert all(len(line) <= width for line in answer.out.splitlines())


def test_in_the_c_locale_a_page_is_ascii(program: Program) -> None:
    """Python itself writes UTF-8 there, whatever the terminal takes."""
    keep(program.world, mixed_runs())

    assert program("stats", "nightly", environment={"LC_ALL": "C"}).out.isascii()
    assert program("stats", environment={"LC_ALL": "POSIX"}).out.isascii()
    assert not program("stats", environment={"LC_ALL": "C.UTF-8"}).out.isascii()


# --- JSON ----------------------------------------------------------------------------------------


def test_the_fields_of_the_guide(program: Program) -> None:
    program.world.apply(NAMED)
    keep(program.world, mixed_runs())

    found = program("stats", "nightly", "--json").json

    guide = {
        "job_id": "nightly",
        "name": "Backup of the database",
        "total_executions": 6,
        "successful_executions": 3,
        "failed_executions": 2,
        "success_rate": 0.6,
        "average_duration_seconds": 600.0,
        "last_execution": "2026-10-07T04:00:00+02:00",
        "next_execution": "2026-11-24T03:00:00+01:00",
    }
    assert {key: found[key] for key in guide} == guide


def test_all_other_fields(program: Program) -> None:
    program.world.systemd.state.zone = "Europe/Amsterdam"
    keep(program.world, mixed_runs())

    found = program("stats", "nightly", "--json", "--by", "week").json

    assert list(found)[2:] == [
        *("since", "until", "total_executions", "successful_executions", "failed_executions"),
        *("timed_out_executions", "lost_executions", "stopped_executions"),
        *("skipped_executions", "skipped_starts", "success_rate", "average_duration_seconds"),
        *("median_duration_seconds", "p95_duration_seconds", "longest_duration_seconds"),
        *("retried_executions", "further_attempts", "catch_ups", "waited_executions"),
        *("waited_seconds", "longest_wait_seconds", "cpu_seconds", "median_cpu_seconds"),
        *("memory_peak_bytes", "median_memory_peak_bytes", "last_execution", "next_execution"),
        *("timeout_seconds", "first_execution", "last", "under_way", "streak"),
        *("duration_trend", "failure_trend", "unusual", "by", "periods"),
    ]
    assert found["last"] == {
        "run": "20261007T020000Z-4f2a9c",
        "status": "completed",
        "outcome": "succeeded",
        "reason": "",
        "start": "2026-10-07T04:00:00+02:00",
        "duration_seconds": 300.0,
        "attempts": 1,
    }
    assert found["streak"] == {
        "result": "success", "executions": 1, "since": "2026-10-07T04:00:00+02:00",
    }  # fmt: skip
    assert [(each["start"], each["total_executions"]) for each in found["periods"]] == [
        ("2026-09-28T00:00:00+02:00", 4), ("2026-10-05T00:00:00+02:00", 2),
    ]  # fmt: skip


def test_a_trend_for_programs(program: Program) -> None:
    program.world.apply(NAMED)
    keep(program.world, nightly_runs([600.0 + 10 * night for night in range(53)]))

    found = program("stats", "nightly", "--json").json

    assert found["timeout_seconds"] == 1800.0
    assert found["duration_trend"] == {
        "kind": "growing",
        "executions": 53,
        "level_seconds": 860.0,
        "now_seconds": 1120.0,
        "per_week_seconds": 70.0,
        "per_week_seconds_low": 70.0,
        "per_week_seconds_high": 70.0,
        # 680 s are left after the night of November 22nd, at 10 s a night.
        "timeout_expected": "2027-01-29T03:00:00+01:00",
        "step": None,
        "before_step_seconds": None,
        "after_step_seconds": None,
    }
    assert found["failure_trend"] == {
        "kind": "steady",
        "failed_in_first_half": 0,
        "first_half": 26,
        "failed_in_second_half": 0,
        "second_half": 27,
    }


def test_unusual_runs_for_programs(program: Program) -> None:
    keep(program.world, nightly_runs([*[300.0] * 20, 3000.0]))

    (found,) = program("stats", "nightly", "--json").json["unusual"]

    assert found == {
        "run": "20261021T020000Z-4f2a9c",
        "start": "2026-10-21T04:00:00+02:00",
        "kind": "too_long",
        "duration_seconds": 3000.0,
        "usual_duration_seconds": 300.0,
        "memory_peak_bytes": None,
        "usual_memory_peak_bytes": None,
    }


def test_several_jobs_are_a_list(program: Program) -> None:
    program.world.apply(TWO)

    assert [job["job_id"] for job in program("stats", "--json").json] == ["hourly", "nightly"]
    (job,) = program("stats", "nightly", "nightly", "--json").json.keys() & {"job_id"}
    assert job == "job_id"


# --- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--svg", "x.svg"], "--svg is about one job"),
        (["nightly", "hourly", "--png", "x.png"], "--png is about one job"),
        (["--by", "day"], "--by is about one job"),
        (["nightly", "--svg", "-", "--png", "-"], "--svg - and --png - together"),
        (["nightly", "--svg", "-", "--json"], "--svg - and --json together"),
        (["nope"], "there is no job 'nope'"),
        (["nightly", "--since", "@2", "--until", "@1"], "--until is not later than --since"),
    ],
)
def test_what_makes_no_sense_is_refused(
    program: Program, arguments: list[str], message: str
) -> None:
    program.world.apply(TWO)

    answer = program("stats", *arguments)

    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith(f"error: {message}")


# --- pictures ------------------------------------------------------------------------------------


def test_a_picture_as_svg(program: Program, tmp_path: Path) -> None:
    program.world.apply(NAMED.replace("Backup of", "<b>&$x_2$\N{SNOWMAN}</b>"))
    keep(program.world, [*mixed_runs(), *nightly_runs([400.0] * 30, job="other")])
    file = tmp_path / "nightly.svg"

    answer = program("stats", "nightly", "--svg", str(file))

    assert (answer.out, answer.err) == (f"{file}: 7 runs\n", "")
    texts = texts_of(file.read_text(encoding="utf-8"))
    assert {"3 succeeded", "1 failed", "1 timed out", "1 stopped", "1 skipped"} <= texts
    assert {"time-out 30min", "median 10min", "duration"} <= texts
    assert "nightly: <b>&$x_2$\N{SNOWMAN}</b> the database" in texts
    assert program("stats", "nightly", "--svg", "-").out == file.read_text(encoding="utf-8")


def test_a_picture_as_png(program: Program, tmp_path: Path) -> None:
    keep(program.world, mixed_runs())
    file, other = tmp_path / "nightly.png", tmp_path / "nightly.svg"

    answer = program("stats", "nightly", "--png", str(file), "--svg", str(other))

    assert answer.out == f"{other}: 7 runs\n{file}: 7 runs\n"
    assert file.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_a_picture_shows_what_took_no_time_at_zero(program: Program) -> None:
    keep(program.world, nightly_runs([0.0] * 20))

    svg = fromstring(program("stats", "nightly", "--svg", "-").out)

    (line,) = (each for each in svg.iter() if each.get("id") == "median")
    (path,) = (each for each in line.iter() if each.tag.endswith("}path"))
    (axis,) = (each for each in svg.iter() if each.get("id") == "patch_3")
    (spine,) = (each for each in axis.iter() if each.tag.endswith("}path"))
    bottom = float(str(spine.get("d")).split()[2])
    assert float(str(path.get("d")).split()[2]) == pytest.approx(bottom)


def test_a_picture_of_no_runs_and_of_skips_alone(program: Program) -> None:
    program.world.apply(NIGHTLY)
    assert "no runs" in program("stats", "nightly", "--svg", "-").out
    keep(program.world, [run for run in mixed_runs() if run.outcome is RunOutcome.SKIPPED])
    assert "1 skipped" in program("stats", "nightly", "--svg", "-").out


def test_a_picture_tells_which_runs_have_no_duration(program: Program) -> None:
    """They stand on the axis, where one might take them for very short ones."""
    days = [FIRST + timedelta(days=number) for number in range(4)]
    lost = [a_run(day, 0.0, outcome=RunOutcome.LOST, end=None) for day in days[1:3]]
    set_back = a_run(days[3], -3600.0)
    keep(program.world, [a_run(days[0], 300.0), *lost, set_back])

    svg = program("stats", "nightly", "--svg", "-").out

    assert {"1 succeeded", "2 lost (no duration)", "1 succeeded (no duration)"} <= texts_of(svg)


@pytest.mark.parametrize(
    ("nights", "says"),
    [
        (84, {"15 Oct", "1 Nov", "2026, Europe/Amsterdam"}),
        (12, {"5 Oct", "2026, Europe/Amsterdam"}),
        (2, {"12:00", "2 Oct", "2026-Oct-02, Europe/Amsterdam"}),
    ],
)
def test_the_axis_of_time_says_all_of_a_date(program: Program, nights: int, says: set[str]) -> None:
    """A day has its month beside it: the first days of the axis may be of another one."""
    program.world.systemd.state.zone = "Europe/Amsterdam"
    keep(program.world, nightly_runs([300.0] * nights))

    assert says <= texts_of(program("stats", "nightly", "--svg", "-").out)


def texts_of(svg: str) -> set[str]:
    found = [text for text in fromstring(svg).iter() if text.tag.endswith("}text")]
    return {" ".join(text.itertext()).strip() for text in found}


def test_a_picture_of_very_many_runs_is_of_some_size_only(program: Program) -> None:
    runs = [
        a_run(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=20 * number), length)
        for number, length in enumerate(float(100 + number * 7919 % 900) for number in range(9000))
    ]
    keep(program.world, runs)

    svg = program("stats", "nightly", "--svg", "-").out

    assert "9000 succeeded" in svg
    assert len(svg) < 500_000


HIDE = """\
import sys
sys.modules["matplotlib"] = None
from datetime import UTC, datetime
from debvisor_timers.cli.plot import plot
from debvisor_timers.errors import UsageError
try:
    plot(None, kind="svg", zone=UTC, now=datetime.now(UTC))
except UsageError as error:
    print(error)
"""
LOADED = """\
import sys
import debvisor_timers.cli.stats, debvisor_timers.cli.page, debvisor_timers.operations.past.document
import debvisor_timers.operations.past.stats
print({"matplotlib", "numpy", "pydantic", "yaml", "jinja2", "statistics"} & sys.modules.keys())
"""


def test_without_matplotlib_the_package_is_named() -> None:
    done = subprocess.run([sys.executable, "-c", HIDE], capture_output=True, text=True, check=True)

    assert done.stdout.startswith("drawing needs matplotlib, which cannot be loaded: ")
    assert done.stdout.endswith("\n fix: apt install python3-matplotlib\n")


def test_nothing_heavy_is_loaded_for_what_needs_none() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED], capture_output=True, text=True, check=True
    )

    assert done.stdout == "set()\n"

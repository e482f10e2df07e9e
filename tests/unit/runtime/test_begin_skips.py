# SPDX-License-Identifier: Apache-2.0
"""begin: which runs it skips, by which date, and that a question without an answer is no skip."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debvisor_timers.calendar.exclusions import DateRange, Exclusions, YearlyRange
from debvisor_timers.jobs.duration import format_timespan
from debvisor_timers.runtime import begin, end, run

TIMER = {"TRIGGER_UNIT": "debvisor-job-backup.timer"}
BOOT = {"TRIGGER_UNIT": "debvisor-boot-backup.timer"}
MANUAL: dict[str, str] = {}

CHRISTMAS = "X-Exclude=- 2026-12-25"


@pytest.fixture(autouse=True)
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let begin set its time zone; the tests' own comes back."""
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setattr(begin, "LOCALTIME", "/usr/share/zoneinfo/UTC")
    yield
    monkeypatch.undo()
    time.tzset()


def usec(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1_000_000)


def utc(text: str) -> int:
    return usec(f"{text}+00:00")


def noted(
    folder: Path,
    environ: dict[str, str],
    *service: str,
    timer: str = "OnCalendar=*-*-* 02:00:00",
    fired: int | None = None,
    analyze: str = begin.ANALYZE,
) -> dict[str, str]:
    """Begin a run of `backup`, whose service has these lines; return what `run` reads."""
    (folder / "units").mkdir(exist_ok=True)
    unit = "\n".join(["[Service]", "Type=oneshot", *service, "[X-Debvisor]", "Job=backup", ""])
    (folder / "units/debvisor-job-backup.service").write_text(unit, encoding="utf-8")
    (folder / "units/debvisor-job-backup.timer").write_text(f"[Timer]\n{timer}\n", encoding="utf-8")
    given_ = {"INVOCATION_ID": "0123", **environ}
    if fired is not None:
        given_["TRIGGER_TIMER_REALTIME_USEC"] = str(fired)
    begin.begin("backup", given_, runtime=f"{folder}/run", units=f"{folder}/units", analyze=analyze)
    text = (folder / "run/runs/backup").read_text(encoding="utf-8")
    return dict(line.split("=", 1) for line in text.splitlines())


def skipped(folder: Path, environ: dict[str, str], *service: str, **options: object) -> str:
    return noted(folder, environ, *service, **options).get("DEBVISOR_SKIPPED", "")  # type: ignore[arg-type]


# --- exclusions ----------------------------------------------------------------------------------


def test_a_run_that_was_due_on_an_excluded_day_is_skipped(tmp_path: Path) -> None:
    fired = utc("2026-12-25 02:00:00.000546")

    assert skipped(tmp_path, TIMER, CHRISTMAS, fired=fired) == "excluded: 2026-12-25"
    assert skipped(tmp_path, TIMER, CHRISTMAS, fired=fired + 86_400_000_000) == ""


def test_the_calendar_is_named_that_has_the_day(tmp_path: Path) -> None:
    lines = ("X-Exclude=audit 2026-12-01", "X-Exclude=holidays *-01-01 2026-12-24..2026-12-26")
    fired = utc("2026-12-25 02:00:00")

    assert skipped(tmp_path, TIMER, *lines, fired=fired) == "excluded: holidays (2026-12-25)"


@pytest.mark.parametrize("environ", [BOOT, MANUAL], ids=["boot", "manual"])
def test_only_the_timer_is_kept_off_by_a_date(tmp_path: Path, environ: dict[str, str]) -> None:
    today = f"X-Exclude=- {datetime.now(UTC):%Y-%m-%d}"

    assert skipped(tmp_path, environ, today) == ""


def test_lines_of_other_sections_are_no_exclusions(tmp_path: Path) -> None:
    fired = utc("2026-12-25 02:00:00")

    assert skipped(tmp_path, TIMER, "[Unit]", CHRISTMAS, fired=fired) == ""


@pytest.mark.parametrize(
    ("zone", "reason"),
    [("Asia/Tokyo", "excluded: 2026-12-25"), ("America/New_York", ""), ("", "")],
)
def test_the_date_is_that_of_the_zone_of_the_schedule(
    tmp_path: Path, zone: str, reason: str
) -> None:
    """20:00 UTC of the 24th is the 25th in Tokyo alone."""
    lines = [CHRISTMAS, *([f"X-ExcludeZone={zone}"] if zone else [])]

    assert skipped(tmp_path, TIMER, *lines, fired=utc("2026-12-24 20:00:00")) == reason


def test_a_time_zone_of_the_jobs_own_environment_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")

    assert skipped(tmp_path, TIMER, CHRISTMAS, fired=utc("2026-12-24 20:00:00")) == ""


def test_a_zone_that_is_not_there_is_an_error_and_not_utc(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="Mars/Olympus"):
        noted(tmp_path, TIMER, CHRISTMAS, "X-ExcludeZone=Mars/Olympus")


LATE = "OnCalendar=*-*-* 23:50:00\nRandomizedDelaySec=30min\nFixedRandomDelay=yes"


@pytest.mark.parametrize(
    ("timer", "fired", "day"),
    [
        # Due at ten to twelve, delayed over midnight: the date is that of the time it was due.
        (LATE, "2026-12-26 00:10:00.5", "2026-12-25"),
        (LATE, "2026-12-25 23:55:00.5", "2026-12-25"),
        # The first minute of a day is that day, though a second before it was another one.
        ("OnCalendar=*-*-* 00:00:00", "2026-12-25 00:00:00.000546", "2026-12-25"),
        ("OnCalendar=*-*-* 00:00:00", "2026-12-25 00:00:00", "2026-12-25"),
        # Fired late, since PID 1 was busy.
        ("OnCalendar=*-*-* 23:59:30", "2026-12-26 00:00:20.4", "2026-12-25"),
        ("OnCalendar=*-*-* *:*:00/10", "2026-12-26 00:00:00.4", "2026-12-26"),
        # Due more than a day ago, and once more just now.
        (
            "OnCalendar=*-*-25,26 00:01:00\nRandomizedDelaySec=2d",
            "2026-12-26 00:01:30",
            "2026-12-26",
        ),
        (
            "OnCalendar=Fri *-*-* 23:50:00\nRandomizedDelaySec=1d",
            "2026-12-26 20:00:00",
            "2026-12-25",
        ),
        # Any of several lines may have been the one.
        (f"OnCalendar=Mon *-*-* 00:05:00\n{LATE}", "2026-12-26 00:10:00.5", "2026-12-25"),
        (f"OnCalendar=*-*-* 23:50:00 UTC\n{LATE}", "2026-12-26 00:10:00.5", "2026-12-25"),
        # Caught up soon after a boot: nothing was due just before.
        ("OnCalendar=Mon *-*-* 12:00:00", "2026-12-26 00:00:00.4", "2026-12-26"),
        (LATE, "2026-12-26 00:30:00.4", "2026-12-26"),
    ],
)
def test_the_date_is_that_of_the_time_for_which_the_run_was_due(
    tmp_path: Path, timer: str, fired: str, day: str
) -> None:
    lines = ("X-Exclude=before *-12-25", "X-Exclude=after *-12-26")
    name = {"2026-12-25": "before", "2026-12-26": "after"}[day]

    found = skipped(tmp_path, TIMER, *lines, timer=timer, fired=utc(fired))

    assert found == f"excluded: {name} ({day})"


def test_jitter_over_midnight_in_another_zone(tmp_path: Path) -> None:
    """23:50 in Tokyo is 14:50 UTC; fired at 15:10 UTC, when it is the next day there."""
    lines = (CHRISTMAS, "X-ExcludeZone=Asia/Tokyo")
    timer = LATE.replace("23:50:00", "23:50:00 Asia/Tokyo")

    found = skipped(tmp_path, TIMER, *lines, timer=timer, fired=utc("2026-12-25 15:10:00"))

    assert found == "excluded: 2026-12-25"


def test_systemd_is_not_asked_where_no_midnight_is_near(tmp_path: Path) -> None:
    fired = utc("2026-12-25 12:00:00")

    assert skipped(tmp_path, TIMER, CHRISTMAS, fired=fired, analyze="/bin/false") != ""


@given(st.integers(1, 10**13))
def test_a_jitter_is_read_as_it_is_written(microseconds: int) -> None:
    span = format_timespan(timedelta(microseconds=microseconds))

    assert begin.microseconds(span) == microseconds


DAYS = st.dates(date(2024, 2, 1), date(2029, 3, 31))
SPANS = st.builds(
    lambda first, more: DateRange(first, first + timedelta(more)), DAYS, st.integers(0, 9)
)
YEARLY = st.builds(
    lambda one, other: YearlyRange((one.month, one.day), (other.month, other.day)), DAYS, DAYS
)
SETS = st.lists((SPANS | YEARLY).map(str), max_size=4)


@given(SETS, SETS, DAYS)
def test_begin_and_the_reader_agree_on_every_day(
    own: list[str], holidays: list[str], day: date
) -> None:
    lines = [" ".join([name, *some]) for name, some in (("-", own), ("holidays", holidays)) if some]

    found = begin.exclusion(lines, f"{day}")

    assert found == Exclusions.of([*own, "holidays"], {"holidays": holidays}).reason(day)


# --- maintenance ---------------------------------------------------------------------------------


def window(begun: timedelta, seconds: int, reason: str = "kernel updates") -> str:
    """Return a single window that began so long ago."""
    start = datetime.now(UTC) - begun
    return f"X-Maintenance={seconds}s | {start:%Y-%m-%d %H:%M:%S} UTC | {reason}"


MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize("environ", [TIMER, BOOT], ids=["timer", "boot"])
def test_a_run_in_a_window_is_skipped(tmp_path: Path, environ: dict[str, str]) -> None:
    reason = skipped(tmp_path, environ, window(MINUTE, 300))

    assert reason == "maintenance: kernel updates"


def test_a_run_by_hand_goes_through(tmp_path: Path) -> None:
    assert skipped(tmp_path, MANUAL, window(MINUTE, 300)) == ""


@pytest.mark.parametrize("begun", [-MINUTE, 6 * MINUTE], ids=["to come", "over"])
def test_a_run_outside_of_the_window_goes_through(tmp_path: Path, begun: timedelta) -> None:
    assert skipped(tmp_path, TIMER, window(begun, 300)) == ""


def test_a_window_recurs(tmp_path: Path) -> None:
    assert skipped(tmp_path, TIMER, "X-Maintenance=7200s | *-*-* *:00:00") == "maintenance"


def test_of_several_windows_the_one_that_holds_gives_the_reason(tmp_path: Path) -> None:
    lines = [
        window(6 * MINUTE, 300, "over"),
        window(-MINUTE, 300, "to come"),
        window(8 * MINUTE, 600, "100% of a | b"),
    ]

    found = skipped(tmp_path, TIMER, *(line.replace("%", "%%") for line in lines))

    assert found == "maintenance: 100% of a | b"


def test_maintenance_comes_before_exclusions(tmp_path: Path) -> None:
    lines = (f"X-Exclude=- {datetime.now(UTC):%Y-%m-%d}", window(MINUTE, 300))

    assert skipped(tmp_path, TIMER, *lines) == "maintenance: kernel updates"


def test_the_edges_of_a_window() -> None:
    line = ["300s | 2026-12-01 21:00:00 UTC"]
    start = utc("2026-12-01 21:00:00")

    held = [
        bool(begin.maintenance(line, start + offset, begin.ANALYZE))
        for offset in (-1, 0, 299_999_999, 300_000_000)
    ]

    assert held == [False, True, True, False]


# --- systemd does not answer ---------------------------------------------------------------------


@pytest.mark.parametrize("analyze", ["/bin/false", "/bin/true", "/no/such/program"])
def test_without_an_answer_of_systemd_the_run_fails(tmp_path: Path, analyze: str) -> None:
    """Neither a skip nor a run that was to be kept off."""
    with pytest.raises(OSError, match=analyze):
        noted(tmp_path, TIMER, window(MINUTE, 300), analyze=analyze)
    fired = utc("2026-12-26 00:00:00")
    with pytest.raises(OSError, match=analyze):
        noted(tmp_path, TIMER, CHRISTMAS, fired=fired, analyze=analyze)
    assert not (tmp_path / "run/runs/backup").exists()


@pytest.mark.parametrize("line", ["X-Maintenance=300s | nonsense", "X-Maintenance=soon | daily"])
def test_a_window_that_makes_no_sense_fails_the_run(tmp_path: Path, line: str) -> None:
    with pytest.raises((OSError, ValueError)):
        noted(tmp_path, TIMER, line)


# --- what becomes of it --------------------------------------------------------------------------


def test_the_record_of_begin_says_why(tmp_path: Path) -> None:
    fields = noted(tmp_path, TIMER, CHRISTMAS, fired=utc("2026-12-25 02:00:00"))

    found = begin.record(fields)

    assert found["MESSAGE"].endswith(" is skipped: excluded: 2026-12-25")
    assert (found["PRIORITY"], found["DEBVISOR_SKIPPED"]) == ("5", "excluded: 2026-12-25")


def test_run_ends_well_without_starting_the_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted(tmp_path, TIMER, CHRISTMAS, fired=utc("2026-12-25 02:00:00"))
    monkeypatch.setattr(run, "RUNS", f"{tmp_path}/run/runs")
    monkeypatch.setattr("sys.argv", ["run", "backup", "/no/such/program"])

    assert run.main() == 0


def test_end_records_a_skip_that_hides_no_result(tmp_path: Path) -> None:
    noted(tmp_path, TIMER, CHRISTMAS, fired=utc("2026-12-25 02:00:00"))
    environ = {"INVOCATION_ID": "0123", "SERVICE_RESULT": "success"}

    fields = end.end("backup", environ, runtime=f"{tmp_path}/run", cgroups=())

    assert not end.is_run(fields)
    found = end.record(fields)
    assert found["MESSAGE"].endswith(" was skipped: excluded: 2026-12-25")
    assert (found["PRIORITY"], found["DEBVISOR_SKIPPED"]) == ("6", "excluded: 2026-12-25")


def test_a_skip_in_which_something_failed_is_a_failure() -> None:
    fields = {"DEBVISOR_SKIPPED": "x", "DEBVISOR_RESULT": "exit-code", "DEBVISOR_RUN_ID": "a"}

    assert end.is_run(fields)
    assert end.record(fields)["MESSAGE"] == "Run a ended: exit-code"


def test_the_zone_of_the_process_is_its_own_again() -> None:
    assert os.environ["TZ"] == "UTC"

# SPDX-License-Identifier: Apache-2.0
"""skip: which runs begin skips, by which date, and that a question without an answer is no skip."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debvisor_timers.calendar.exclusions import DateRange, Exclusions, YearlyRange
from debvisor_timers.jobs.duration import format_timespan
from debvisor_timers.runtime import begin, end, notes, run, skip

CHRISTMAS = "X-Exclude=- 2026-12-25"


@pytest.fixture(autouse=True)
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the zone of the process be set; the tests' own comes back."""
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setattr(skip, "LOCALTIME", "/usr/share/zoneinfo/UTC")
    yield
    monkeypatch.undo()
    time.tzset()


def utc(text: str) -> int:
    return int(datetime.fromisoformat(f"{text}+00:00").timestamp() * 1_000_000)


def skipped(
    folder: Path,
    trigger: str,
    *service: str,
    timer: str = "OnCalendar=*-*-* 02:00:00",
    fired: int | None = None,
) -> str:
    """Return why a run of a service with these lines is skipped."""
    unit = "\n".join(["[Service]", "Type=oneshot", *service, "[X-Debvisor]", "Job=backup", ""])
    (folder / "service").write_text(unit, encoding="utf-8")
    (folder / "timer").write_text(f"[Timer]\n{timer}\n", encoding="utf-8")
    fields = {"DEBVISOR_TRIGGER": trigger, "DEBVISOR_START_USEC": str(time.time_ns() // 1000)}
    if fired is not None:
        fields["DEBVISOR_SCHEDULED_USEC"] = str(fired)
    units = [notes.statements(str(folder / name)) for name in ("service", "timer")]
    return skip.by_calendar(fields, *units)


# --- exclusions ----------------------------------------------------------------------------------


def test_a_run_that_was_due_on_an_excluded_day_is_skipped(tmp_path: Path) -> None:
    fired = utc("2026-12-25 02:00:00.000546")

    assert skipped(tmp_path, "timer", CHRISTMAS, fired=fired) == "excluded: 2026-12-25"
    assert skipped(tmp_path, "timer", CHRISTMAS, fired=fired + 86_400_000_000) == ""


def test_the_calendar_is_named_that_has_the_day(tmp_path: Path) -> None:
    lines = ("X-Exclude=audit 2026-12-01", "X-Exclude=holidays *-01-01 2026-12-24..2026-12-26")
    fired = utc("2026-12-25 02:00:00")

    assert skipped(tmp_path, "timer", *lines, fired=fired) == "excluded: holidays (2026-12-25)"


def test_a_run_that_makes_up_for_a_time_counts_on_the_day_on_which_it_starts(
    tmp_path: Path,
) -> None:
    today = f"X-Exclude=- {datetime.now(UTC):%Y-%m-%d}"
    missed = utc("2026-11-20 02:00:00")

    assert skipped(tmp_path, "catch_up", today, fired=missed).startswith("excluded: ")
    assert skipped(tmp_path, "catch_up", "X-Exclude=- 2026-11-20", fired=missed) == ""


@pytest.mark.parametrize("trigger", ["boot", "manual", "retry"])
def test_only_the_timer_is_kept_off_by_a_date(tmp_path: Path, trigger: str) -> None:
    today = f"X-Exclude=- {datetime.now(UTC):%Y-%m-%d}"

    assert skipped(tmp_path, trigger, today) == ""


def test_lines_of_other_sections_are_no_exclusions(tmp_path: Path) -> None:
    fired = utc("2026-12-25 02:00:00")

    assert skipped(tmp_path, "timer", "[Unit]", CHRISTMAS, fired=fired) == ""


@pytest.mark.parametrize(
    ("zone", "reason"),
    [("Asia/Tokyo", "excluded: 2026-12-25"), ("America/New_York", ""), ("", "")],
)
def test_the_date_is_that_of_the_zone_of_the_schedule(
    tmp_path: Path, zone: str, reason: str
) -> None:
    """20:00 UTC of the 24th is the 25th in Tokyo alone."""
    lines = [CHRISTMAS, *([f"X-ExcludeZone={zone}"] if zone else [])]

    assert skipped(tmp_path, "timer", *lines, fired=utc("2026-12-24 20:00:00")) == reason


def test_a_time_zone_of_the_jobs_own_environment_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")

    assert skipped(tmp_path, "timer", CHRISTMAS, fired=utc("2026-12-24 20:00:00")) == ""


def test_a_zone_that_is_not_there_is_an_error_and_not_utc(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="Mars/Olympus"):
        skipped(tmp_path, "timer", CHRISTMAS, "X-ExcludeZone=Mars/Olympus")


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

    found = skipped(tmp_path, "timer", *lines, timer=timer, fired=utc(fired))

    assert found == f"excluded: {name} ({day})"


def test_jitter_over_midnight_in_another_zone(tmp_path: Path) -> None:
    """23:50 in Tokyo is 14:50 UTC; fired at 15:10 UTC, when it is the next day there."""
    lines = (CHRISTMAS, "X-ExcludeZone=Asia/Tokyo")
    timer = LATE.replace("23:50:00", "23:50:00 Asia/Tokyo")

    found = skipped(tmp_path, "timer", *lines, timer=timer, fired=utc("2026-12-25 15:10:00"))

    assert found == "excluded: 2026-12-25"


def test_systemd_is_not_asked_where_no_midnight_is_near(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(skip, "ANALYZE", "/bin/false")

    assert skipped(tmp_path, "timer", CHRISTMAS, fired=utc("2026-12-25 12:00:00")) != ""


@given(st.integers(1, 10**13))
def test_a_jitter_is_read_as_it_is_written(microseconds: int) -> None:
    span = format_timespan(timedelta(microseconds=microseconds))

    assert skip.microseconds(span) == microseconds


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

    found = skip.exclusion(lines, f"{day}")

    assert found == Exclusions.of([*own, "holidays"], {"holidays": holidays}).reason(day)


# --- maintenance ---------------------------------------------------------------------------------


def window(begun: timedelta, seconds: int, reason: str = "kernel updates") -> str:
    """Return a single window that began so long ago."""
    start = datetime.now(UTC) - begun
    return f"X-Maintenance={seconds}s | {start:%Y-%m-%d %H:%M:%S} UTC | {reason}"


MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize("trigger", ["timer", "boot"])
def test_a_run_in_a_window_is_skipped(tmp_path: Path, trigger: str) -> None:
    reason = skipped(tmp_path, trigger, window(MINUTE, 300))

    assert reason == "maintenance: kernel updates"


def test_a_run_by_hand_goes_through(tmp_path: Path) -> None:
    assert skipped(tmp_path, "manual", window(MINUTE, 300)) == ""


@pytest.mark.parametrize("begun", [-MINUTE, 6 * MINUTE], ids=["to come", "over"])
def test_a_run_outside_of_the_window_goes_through(tmp_path: Path, begun: timedelta) -> None:
    assert skipped(tmp_path, "timer", window(begun, 300)) == ""


def test_a_window_recurs(tmp_path: Path) -> None:
    for trigger in "timer", "boot", "catch_up":
        assert skipped(tmp_path, trigger, "X-Maintenance=7200s | *-*-* *:00:00") == "maintenance"


def test_a_window_may_be_longer_than_the_time_since_1970(tmp_path: Path) -> None:
    ever = "X-Maintenance=2500000000s | 2020-01-01 00:00:00 UTC | for good"

    assert skipped(tmp_path, "timer", ever) == "maintenance: for good"


def test_of_several_windows_the_one_that_holds_gives_the_reason(tmp_path: Path) -> None:
    lines = [
        window(6 * MINUTE, 300, "over"),
        window(-MINUTE, 300, "to come"),
        window(8 * MINUTE, 600, "100% of a | b"),
    ]

    found = skipped(tmp_path, "timer", *(line.replace("%", "%%") for line in lines))

    assert found == "maintenance: 100% of a | b"


def test_maintenance_comes_before_exclusions(tmp_path: Path) -> None:
    lines = (f"X-Exclude=- {datetime.now(UTC):%Y-%m-%d}", window(MINUTE, 300))

    assert skipped(tmp_path, "timer", *lines) == "maintenance: kernel updates"


def test_the_edges_of_a_window() -> None:
    line = ["300s | 2026-12-01 21:00:00 UTC"]
    start = utc("2026-12-01 21:00:00")

    held = [
        bool(skip.maintenance(line, start + offset)) for offset in (-1, 0, 299_999_999, 300_000_000)
    ]

    assert held == [False, True, True, False]


# --- systemd does not answer ---------------------------------------------------------------------


@pytest.mark.parametrize("analyze", ["/bin/false", "/bin/true", "/no/such/program"])
def test_without_an_answer_of_systemd_the_run_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, analyze: str
) -> None:
    """Neither a skip nor a run that was to be kept off."""
    monkeypatch.setattr(skip, "ANALYZE", analyze)
    with pytest.raises(OSError, match=analyze):
        skipped(tmp_path, "timer", window(MINUTE, 300))
    with pytest.raises(OSError, match=analyze):
        skipped(tmp_path, "timer", CHRISTMAS, fired=utc("2026-12-26 00:00:00"))


@pytest.mark.parametrize("line", ["X-Maintenance=300s | nonsense", "X-Maintenance=soon | daily"])
def test_a_window_that_makes_no_sense_fails_the_run(tmp_path: Path, line: str) -> None:
    with pytest.raises((OSError, ValueError)):
        skipped(tmp_path, "timer", line)


# --- what becomes of it --------------------------------------------------------------------------

STATE = (
    "DEBVISOR_JOB=backup\nDEBVISOR_RUN_ID=first\nDEBVISOR_INVOCATION_ID=0123\n"
    "DEBVISOR_SKIPPED=excluded: 2026-12-25\n"
)


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """The folder of the runtime, in which begin has noted a skip."""
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "backup").write_text(STATE, encoding="utf-8")
    return tmp_path


def test_the_record_of_begin_says_why() -> None:
    fields = {
        "DEBVISOR_RUN_ID": "a",
        "DEBVISOR_TRIGGER": "timer",
        "DEBVISOR_ATTEMPT": "1",
        "DEBVISOR_SKIPPED": "x",
    }

    found = begin.record(fields)

    assert found["MESSAGE"] == "Run a is skipped: x"
    assert (found["PRIORITY"], found["DEBVISOR_SKIPPED"]) == ("5", "x")


def test_run_ends_well_without_starting_the_program(
    begun: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "RUNS", f"{begun}/runs")
    monkeypatch.setattr("sys.argv", ["run", "backup", "/no/such/program"])

    assert run.main() == 0


def test_end_records_a_skip_that_hides_no_result(begun: Path) -> None:
    environ = {"INVOCATION_ID": "0123", "SERVICE_RESULT": "success", "EXIT_STATUS": "0"}

    fields = end.end(notes.read(f"{begun}/runs/backup"), environ, cgroups=())

    assert not end.is_run(fields)
    assert "DEBVISOR_EXIT_STATUS" not in fields  # of `run`: the job's program never ran
    found = end.record(fields)
    assert found["MESSAGE"] == "Run first was skipped: excluded: 2026-12-25"
    assert (found["PRIORITY"], found["DEBVISOR_SKIPPED"]) == ("6", "excluded: 2026-12-25")


def test_a_skip_in_which_something_failed_is_a_failure() -> None:
    fields = {
        "DEBVISOR_SKIPPED": "x",
        "DEBVISOR_RESULT": "exit-code",
        "DEBVISOR_RUN_ID": "a",
        "DEBVISOR_FINAL": "1",
    }

    assert end.is_run(fields)
    assert end.record(fields)["MESSAGE"] == "Run a ended: exit-code"

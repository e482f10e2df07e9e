# SPDX-License-Identifier: Apache-2.0
"""begin: what it notes for run and end, and what it refuses."""

from __future__ import annotations

import inspect
import json
import os
import py_compile
import sys
import time
from pathlib import Path

import pytest

from debvisor_timers.history.records import MessageId
from debvisor_timers.runtime import begin, chain, end, notes, requests
from tests.unit.runtime.manager import Store, Systemd, answering, answers, listed, told

UNIT = """\
[Unit]
Description=Generation=1
[Service]
SyslogIdentifier=nightly%%backup
IgnoreSIGPIPE=no
[X-Debvisor]
Job=backup
Source=/etc/debvisor/timers/jobs.d/backup.yaml:4
Generation=12
"""


def noted(tmp_path: Path, **environ: str) -> dict[str, str]:
    """Begin a run of `backup` with this environment; return the file that `run` reads."""
    runtime, units = tmp_path / "run", tmp_path / "units"
    environment = {"INVOCATION_ID": "0123", **environ}
    places = {
        "runtime": str(runtime),
        "state": str(tmp_path / "state"),
        "units": str(units),
        "manager": str(tmp_path / "private"),
    }
    begin.begin("backup", environment, places)
    text = (runtime / "runs" / "backup").read_text(encoding="utf-8")
    return dict(line.split("=", 1) for line in text.splitlines())


def ask(tmp_path: Path, *, age_seconds: int) -> Path:
    """Leave a request to run `backup`, as old as this."""
    folder = tmp_path / "run" / "requests"
    folder.mkdir(parents=True)
    usec = (time.time_ns() // 1000) - age_seconds * 1_000_000
    request = {"uid": 0, "user": "alice", "login_uid": 1000, "requested_usec": usec}
    (folder / "backup.json").write_text(json.dumps(request), encoding="utf-8")
    return folder / "backup.json"


def test_the_message_id_is_the_one_that_the_history_looks_for() -> None:
    assert begin.RUN_BEGIN == MessageId.RUN_BEGIN


def test_a_run_of_its_timer_is_noted_with_its_elapse(tmp_path: Path) -> None:
    found = noted(
        tmp_path,
        TRIGGER_UNIT="debvisor-job-backup.timer",
        TRIGGER_TIMER_REALTIME_USEC="1795399200000546",
    )
    assert found["DEBVISOR_TRIGGER"] == "timer"
    assert found["DEBVISOR_SCHEDULED_USEC"] == "1795399200000546"
    assert (found["DEBVISOR_JOB"], found["DEBVISOR_INVOCATION_ID"]) == ("backup", "0123")


def test_a_run_of_the_boot_timer_has_no_schedule(tmp_path: Path) -> None:
    found = noted(
        tmp_path, TRIGGER_UNIT="debvisor-boot-backup.timer", TRIGGER_TIMER_REALTIME_USEC="1"
    )
    assert found["DEBVISOR_TRIGGER"] == "boot"
    assert "DEBVISOR_SCHEDULED_USEC" not in found


def test_a_manual_run_names_who_asked_and_takes_the_request(tmp_path: Path) -> None:
    request = ask(tmp_path, age_seconds=5)
    found = noted(tmp_path)
    assert (found["DEBVISOR_TRIGGER"], found["DEBVISOR_BY"]) == ("manual", "alice")
    assert found["DEBVISOR_BY_LOGIN_UID"] == "1000"
    assert not request.exists()


@pytest.mark.parametrize("age_seconds", [90, -90])
def test_a_request_that_is_not_fresh_is_dropped(tmp_path: Path, age_seconds: int) -> None:
    request = ask(tmp_path, age_seconds=age_seconds)
    found = noted(tmp_path)
    assert found["DEBVISOR_TRIGGER"] == "manual"
    assert "DEBVISOR_BY" not in found
    assert not request.exists()


def test_a_request_without_a_login_names_its_user(tmp_path: Path) -> None:
    request = ask(tmp_path, age_seconds=5)
    text = request.read_text(encoding="utf-8").replace('"login_uid": 1000', '"login_uid": null')
    request.write_text(text, encoding="utf-8")
    found = noted(tmp_path)
    assert (found["DEBVISOR_BY"], found["DEBVISOR_BY_UID"]) == ("alice", "0")
    assert "DEBVISOR_BY_LOGIN_UID" not in found


REQUEST = {"uid": 0, "user": "alice", "login_uid": 1000, "requested_usec": 0}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "[" * 50_000,
        '{"user": "\xff"}',
        json.dumps({"uid": 0}),
        json.dumps({**REQUEST, "user": ["alice"]}),
        json.dumps({**REQUEST, "user": "\ud800"}),
        json.dumps({**REQUEST, "uid": "0"}),
        json.dumps({**REQUEST, "login_uid": True}),
        json.dumps({**REQUEST, "requested_usec": "now"}),
        json.dumps({**REQUEST, "requested_usec": None}),
    ],
)
def test_a_request_that_is_none_names_nobody_and_keeps_no_run(tmp_path: Path, text: str) -> None:
    request = ask(tmp_path, age_seconds=5)
    usec = time.time_ns() // 1000
    text = text.replace('"requested_usec": 0', f'"requested_usec": {usec}')
    request.write_text(text, encoding="latin-1")
    found = noted(tmp_path)
    assert found["DEBVISOR_TRIGGER"] == "manual"
    assert "DEBVISOR_BY" not in found
    assert not request.exists()


def test_a_request_in_a_folder_that_others_can_write_is_not_believed(tmp_path: Path) -> None:
    request = ask(tmp_path, age_seconds=5)
    request.parent.chmod(0o777)
    found = noted(tmp_path)
    assert found["DEBVISOR_TRIGGER"] == "manual"
    assert "DEBVISOR_BY" not in found
    assert request.exists()


def test_a_request_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    request = ask(tmp_path, age_seconds=5)
    request.rename(tmp_path / "elsewhere.json")
    request.symlink_to(tmp_path / "elsewhere.json")
    assert "DEBVISOR_BY" not in noted(tmp_path)


def test_a_request_that_is_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    request = ask(tmp_path, age_seconds=5)
    request.unlink()
    os.mkfifo(request)
    assert "DEBVISOR_BY" not in noted(tmp_path)


def test_the_definition_comes_from_its_own_sections(tmp_path: Path) -> None:
    units = tmp_path / "units"
    units.mkdir()
    (units / "debvisor-job-backup.service").write_text(UNIT, encoding="utf-8")
    found = noted(tmp_path)
    assert found["DEBVISOR_GENERATION"] == "12"
    assert found["DEBVISOR_SOURCE"] == "/etc/debvisor/timers/jobs.d/backup.yaml:4"
    assert (found["IDENTIFIER"], found["IGNORE_SIGPIPE"]) == ("nightly%backup", "no")


def test_a_line_break_in_a_value_makes_no_second_field(tmp_path: Path) -> None:
    found = noted(tmp_path, INVOCATION_ID="0123\nDEBVISOR_GENERATION=9")
    assert found["DEBVISOR_INVOCATION_ID"] == "0123 DEBVISOR_GENERATION=9"
    assert "DEBVISOR_GENERATION" not in found


def test_a_folder_in_which_others_may_write_is_refused(tmp_path: Path) -> None:
    runs = tmp_path / "run" / "runs"
    runs.mkdir(parents=True)
    runs.chmod(0o777)
    with pytest.raises(PermissionError, match=f"fix: chmod go-w {runs}"):
        noted(tmp_path)


def test_a_link_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "runs").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="runs"):
        noted(tmp_path)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_the_record_says_who_asked_and_carries_our_fields_only() -> None:
    fields = {
        "DEBVISOR_RUN_ID": "x",
        "DEBVISOR_TRIGGER": "manual",
        "DEBVISOR_BY": "alice",
        "DEBVISOR_ATTEMPT": "1",
        "DEBVISOR_MAX_ATTEMPTS": "1",
        "IDENTIFIER": "backup",
    }
    found = begin.record(fields)
    assert found["MESSAGE"] == "Run x begins (manual by alice)"
    assert found["DEBVISOR_BY"] == "alice"
    assert "IDENTIFIER" not in found


# --- what systemd tells of the start -------------------------------------------------------------

ELAPSE = "1795399200000546"
BY_TIMER = {"trigger_unit": "debvisor-job-backup.timer", "trigger_timer_realtime_usec": ELAPSE}
STALE = {"TRIGGER_UNIT": "debvisor-job-backup.timer", "TRIGGER_TIMER_REALTIME_USEC": "1"}


@pytest.mark.parametrize(
    ("environ", "details", "trigger", "scheduled"),
    [
        (STALE, BY_TIMER, "timer", ELAPSE),
        (STALE, {}, "manual", None),
        ({}, BY_TIMER, "timer", ELAPSE),
        ({}, {"trigger_unit": "debvisor-boot-backup.timer"}, "boot", None),
    ],
)
def test_systemd_s_word_on_this_start_counts_and_not_the_environment(
    tmp_path: Path,
    environ: dict[str, str],
    details: dict[str, str],
    trigger: str,
    scheduled: str | None,
) -> None:
    replies = answers(listed(job=7), told(details))
    thread = answering(str(tmp_path / "private"), replies)
    found = noted(tmp_path, **environ)
    thread.join()
    assert found["DEBVISOR_TRIGGER"] == trigger
    assert found.get("DEBVISOR_SCHEDULED_USEC") == scheduled


MINUTE = 60_000_000
FIRED = 1_795_399_500_000_546
CATCH_UP = {
    "TRIGGER_UNIT": "debvisor-job-backup.timer",
    "TRIGGER_TIMER_REALTIME_USEC": str(FIRED),
    "TRIGGER_TIMER_MONOTONIC_USEC": str(500 * MINUTE),
}


def fired(
    tmp_path: Path, catch_up: str, *, since: int, calls: list[tuple[str, ...]] | None = None
) -> dict[str, str]:
    """Begin a run of a timer that is due at 02:00 and fired at 02:05, active for `since`."""
    (tmp_path / "units").mkdir()
    text = f"[Timer]\nOnCalendar=*-*-* 02:00:00 UTC\nX-CatchUp={catch_up}\n"
    (tmp_path / "units" / "debvisor-job-backup.timer").write_text(text, encoding="utf-8")
    with Systemd(str(tmp_path / "private")) as systemd:
        systemd.units["debvisor-job-backup.service"] = ("activating", "start-pre", "start", 7)
        systemd.details = CATCH_UP
        path = "/unit/debvisor-job-backup.timer"
        systemd.properties[path, "ActiveEnterTimestampMonotonic"] = 500 * MINUTE - since
        found = noted(tmp_path)
        if calls is not None:
            calls += systemd.calls
    return found


@pytest.mark.parametrize("catch_up", ["once", "21600s"])
def test_a_run_that_its_timer_makes_up_for_names_the_time_that_was_missed(
    tmp_path: Path, catch_up: str
) -> None:
    found = fired(tmp_path, catch_up, since=MINUTE // 60)
    assert found["DEBVISOR_TRIGGER"] == "catch_up"
    assert found["DEBVISOR_SCHEDULED_USEC"] == "1795399200000000"


@pytest.mark.parametrize(("catch_up", "since"), [("skip", 1), ("once", 10 * MINUTE)])
def test_a_run_of_a_timer_that_makes_up_for_nothing_is_an_ordinary_one(
    tmp_path: Path, catch_up: str, since: int
) -> None:
    found = fired(tmp_path, catch_up, since=since)
    assert found["DEBVISOR_TRIGGER"] == "timer"
    assert found["DEBVISOR_SCHEDULED_USEC"] == str(FIRED)


def test_a_timer_that_never_catches_up_is_not_asked_since_when_it_is_active(tmp_path: Path) -> None:
    calls: list[tuple[str, ...]] = []
    fired(tmp_path, "skip", since=1, calls=calls)
    assert [call[0] for call in calls] == ["ListUnitsByNames", "Get"]


def test_a_missed_time_that_systemd_cannot_tell_keeps_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    for path in Path(begin.__file__).parent.glob("*.py"):
        text = path.read_text("utf-8").replace("/usr/bin/systemd-analyze", "/bin/false")
        (broken / path.name).write_text(text, "utf-8")
    monkeypatch.setattr(begin, "__file__", str(broken / "begin.py"))
    found = fired(tmp_path, "once", since=1)
    assert (found["DEBVISOR_TRIGGER"], found["ADMITTED"]) == ("timer", "1")


def test_where_the_start_has_no_job_any_more_the_environment_counts(tmp_path: Path) -> None:
    thread = answering(str(tmp_path / "private"), answers(listed(job=0)))
    assert noted(tmp_path, **STALE)["DEBVISOR_TRIGGER"] == "timer"
    thread.join()


def test_a_run_that_may_be_skipped_fails_where_systemd_does_not_say_what_started_it(
    tmp_path: Path,
) -> None:
    units = tmp_path / "units"
    units.mkdir()
    rule = "[Service]\nX-Exclude=- 2026-12-25\n"
    (units / "debvisor-job-backup.service").write_text(rule, encoding="utf-8")
    with pytest.raises(FileNotFoundError):
        noted(tmp_path, **STALE)


def beside(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str = "other") -> str:
    """Return what the module `name` in `folder` says, loaded by a begin that lies there."""
    monkeypatch.setattr(begin, "__file__", str(folder / "begin"))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    said: str = begin.beside(name).SAID
    return said


def compiled(folder: Path, says: str) -> Path:
    """Write a module, compile it as the package does, let it say so; return the compiled one."""
    source = folder / "other.py"
    source.write_text(f"SAID = '{says}'\n", encoding="utf-8")
    return Path(str(py_compile.compile(str(source), doraise=True)))


def test_a_compiled_module_is_used_while_its_file_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "other.py"
    compiled(tmp_path, "old")
    status = source.stat()
    source.write_text("SAID = 'new'\n", encoding="utf-8")
    os.utime(source, ns=(status.st_atime_ns, status.st_mtime_ns))

    assert beside(tmp_path, monkeypatch) == "old"


def test_a_compiled_module_of_another_file_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """dpkg has put the new file in place, and nothing has compiled it yet."""
    stale = compiled(tmp_path, "old")
    before = stale.read_bytes()
    (tmp_path / "other.py").write_text("SAID = 'newer'\n", encoding="utf-8")

    assert beside(tmp_path, monkeypatch) == "newer"
    assert stale.read_bytes() == before


def test_a_module_that_nothing_has_compiled_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What dpkg does not know would stay when the package goes."""
    (tmp_path / "other.py").write_text("SAID = 'alone'\n", encoding="utf-8")

    assert beside(tmp_path, monkeypatch) == "alone"
    assert [path.name for path in tmp_path.iterdir()] == ["other.py"]


def test_a_missing_module_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileNotFoundError):
        beside(tmp_path, monkeypatch)


def test_a_skip_is_noted_for_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "")  # so that it comes back
    units = tmp_path / "units"
    units.mkdir()
    rule = "[Service]\nX-Exclude=all-days *-01-01..*-12-31\n"
    (units / "debvisor-job-backup.service").write_text(rule, encoding="utf-8")
    replies = answers(listed(job=7), told(BY_TIMER))
    thread = answering(str(tmp_path / "private"), replies)
    assert noted(tmp_path)["DEBVISOR_SKIPPED"].startswith("excluded: all-days (2026-11-2")
    thread.join()


# --- attempts ------------------------------------------------------------------------------------

RETRIES = "X-Delays=60s 120s\nX-RetryOn=failure\n"
UNDER_WAY = {
    "DEBVISOR_JOB": "backup",
    "DEBVISOR_RUN_ID": "first",
    "DEBVISOR_INVOCATION_ID": "0001",
    "DEBVISOR_ATTEMPT": "1",
    "DEBVISOR_MAX_ATTEMPTS": "3",
    "DEBVISOR_START_USEC": "1",
    "DEBVISOR_TRIGGER": "timer",
    "DEBVISOR_RETRY_USEC": "5",
    "DELAYS": "60s 120s",
    "SYSTEMD_JOB": "7",
    "ADMITTED": "1",
}


def attempted(
    tmp_path: Path,
    service: str = RETRIES,
    before: dict[str, str] | None = None,
    *,
    restarts: int = 1,
    job: int = 7,
    **environ: str,
) -> tuple[dict[str, str], list[str]]:
    """Begin an attempt; return what is noted of it, and what systemd was asked to do."""
    (tmp_path / "units").mkdir(exist_ok=True)
    unit = tmp_path / "units" / "debvisor-job-backup.service"
    unit.write_text(f"[Service]\n{service}", encoding="utf-8")
    if before is not None:
        notes.write(str(tmp_path / "run"), "runs", "backup", before, lasting=False)
    with Systemd(str(tmp_path / "private")) as systemd:
        name = "debvisor-job-backup.service"
        systemd.units[name] = ("activating", "start-pre", "start", job)
        systemd.properties[f"/unit/{name}", "NRestarts"] = restarts
        found = noted(tmp_path, **environ)
    return found, [call[0] for call in systemd.calls if call[0] not in {"Get", "ListUnitsByNames"}]


def test_the_first_attempt_says_how_many_there_may_be_and_lets_the_start_limit_count_anew(
    tmp_path: Path,
) -> None:
    found, asked = attempted(tmp_path, restarts=0)
    assert (found["DEBVISOR_ATTEMPT"], found["DEBVISOR_MAX_ATTEMPTS"]) == ("1", "3")
    assert (found["DELAYS"], found["RETRY_ON"], found["SYSTEMD_JOB"]) == (
        "60s 120s",
        "failure",
        "7",
    )
    assert asked == ["ResetFailedUnit"]


def test_another_attempt_is_the_same_run_with_a_new_invocation(tmp_path: Path) -> None:
    found, asked = attempted(tmp_path, before=UNDER_WAY)
    assert (found["DEBVISOR_RUN_ID"], found["DEBVISOR_TRIGGER"]) == ("first", "timer")
    assert (found["DEBVISOR_ATTEMPT"], found["DEBVISOR_INVOCATION_ID"]) == ("2", "0123")
    assert "DEBVISOR_RETRY_USEC" not in found
    assert asked == []


@pytest.mark.parametrize(("restarts", "job"), [(0, 7), (1, 8)])
def test_a_note_of_an_earlier_start_is_not_gone_on_with(
    tmp_path: Path, restarts: int, job: int
) -> None:
    found, _ = attempted(tmp_path, before=UNDER_WAY, restarts=restarts, job=job)
    assert found["DEBVISOR_RUN_ID"] != "first"
    assert found["DEBVISOR_ATTEMPT"] == str(restarts + 1)


def test_an_attempt_that_end_expects_is_the_next_though_systemd_has_forgotten_its_count(
    tmp_path: Path,
) -> None:
    """`systemctl reset-failed`, or the apply that removes the job, sets NRestarts to 0."""
    before = UNDER_WAY | {"DEBVISOR_ATTEMPT": "2", "RETRY_AT": "0"}
    found, _ = attempted(tmp_path, "Type=oneshot\n", before, restarts=0)
    assert (found["DEBVISOR_RUN_ID"], found["DEBVISOR_ATTEMPT"]) == ("first", "3")
    assert found["DELAYS"] == "60s 120s"


def test_what_is_left_of_a_delay_is_waited_for_visibly(tmp_path: Path) -> None:
    until = time.monotonic() + 0.3
    found, _ = attempted(tmp_path, before=UNDER_WAY | {"RETRY_AT": f"{until:.3f}"})
    assert time.monotonic() >= until - 0.001
    assert "RETRY_AT" not in found
    assert "DEBVISOR_WAITING" not in found
    assert int(found["DEBVISOR_WAITED_USEC"]) >= 200_000


ALWAYS = "X-Exclude=- *-01-01..*-12-31\n"


def test_an_attempt_after_one_that_was_let_in_asks_nothing_again(tmp_path: Path) -> None:
    found, _ = attempted(tmp_path, RETRIES + ALWAYS, UNDER_WAY)
    assert "DEBVISOR_SKIPPED" not in found


def test_an_attempt_after_one_that_was_never_let_in_asks_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`begin` of the first was killed, or failed, while it waited for a lock."""
    monkeypatch.setenv("TZ", "")
    before = {name: value for name, value in UNDER_WAY.items() if name != "ADMITTED"}
    found, _ = attempted(tmp_path, RETRIES + ALWAYS, before)
    assert found["DEBVISOR_RUN_ID"] == "first"
    assert found["DEBVISOR_SKIPPED"].startswith("excluded: ")


def test_a_question_without_an_answer_is_noted_as_the_reason_for_the_failure(
    tmp_path: Path,
) -> None:
    before = {name: value for name, value in UNDER_WAY.items() if name != "ADMITTED"}
    with pytest.raises(FileNotFoundError, match="No/Where"):
        attempted(tmp_path, f"{RETRIES}{ALWAYS}X-ExcludeZone=No/Where\n", before)
    found = notes.read(str(tmp_path / "run/runs/backup"))
    assert found["DEBVISOR_REASON"].startswith("begin: [Errno 2] No such file or directory: ")
    assert (found["DEBVISOR_ATTEMPT"], found["DEBVISOR_TRIGGER"]) == ("2", "timer")
    assert "ADMITTED" not in found


def test_no_attempt_is_made_beyond_the_last(tmp_path: Path) -> None:
    """systemd makes one when `end` was killed before it could end the run."""
    with pytest.raises(ValueError, match="all 3 attempts have been made"):
        attempted(tmp_path, before=UNDER_WAY, restarts=3)


def test_an_apply_between_attempts_that_takes_retries_away_changes_nothing(tmp_path: Path) -> None:
    found, _ = attempted(tmp_path, "Type=oneshot\n", UNDER_WAY)
    assert (found["DEBVISOR_RUN_ID"], found["DEBVISOR_ATTEMPT"]) == ("first", "2")


def test_the_door_is_closed_for_each_attempt(tmp_path: Path) -> None:
    with Store(str(tmp_path / "notify")) as store:
        attempted(tmp_path, before=UNDER_WAY, NOTIFY_SOCKET=store.address)
    assert store.said == [b"NOTIFYACCESS=none"]


def test_a_request_of_another_job_names_the_runs_and_no_person(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    requests.leave(notes, str(tmp_path / "run"), "backup", "chain", ["a:1", "b:2"])
    found = noted(tmp_path)
    assert (found["DEBVISOR_TRIGGER"], found["DEBVISOR_TRIGGER_RUNS"]) == ("chain", "a:1 b:2")
    assert "DEBVISOR_BY" not in found
    assert noted(tmp_path)["DEBVISOR_TRIGGER"] == "manual", "a request counts once"


def test_a_request_says_which_run_is_repeated_and_that_dependencies_do_not_count(
    tmp_path: Path,
) -> None:
    request = ask(tmp_path, age_seconds=5)
    said = json.loads(request.read_text("utf-8")) | {"retry_of": "old", "force": True}
    request.write_text(json.dumps(said), encoding="utf-8")
    found = noted(tmp_path)
    assert (found["DEBVISOR_RETRY_OF"], found["FORCED"], found["DEBVISOR_BY"]) == (
        *("old", "1", "alice"),
    )
    assert found["DEBVISOR_TRIGGER"] == "retry"


def test_a_request_of_a_backfill_says_for_which_time_it_is(tmp_path: Path) -> None:
    request = ask(tmp_path, age_seconds=5)
    said = json.loads(request.read_text("utf-8")) | {"scheduled_usec": "1795399200000000"}
    request.write_text(json.dumps(said), encoding="utf-8")
    found = noted(tmp_path)
    assert found["DEBVISOR_TRIGGER"] == "backfill"
    assert found["DEBVISOR_SCHEDULED_USEC"] == "1795399200000000"
    assert found["DEBVISOR_BY"] == "alice"


def test_a_path_unit_tells_which_path(tmp_path: Path) -> None:
    found = noted(tmp_path, TRIGGER_UNIT="debvisor-job-backup.path", TRIGGER_PATH="/srv/x\ry")
    assert (found["DEBVISOR_TRIGGER"], found["DEBVISOR_TRIGGER_PATH"]) == ("path", "/srv/x y")


def test_the_programs_load_what_lies_beside_them_in_the_same_way() -> None:
    sources = {inspect.getsource(program.beside) for program in (begin, end, chain)}
    assert len(sources) == 1


def running(tmp_path: Path) -> dict[str, str]:
    """Return the note that survives a crash."""
    return notes.read(str(tmp_path / "state" / "running" / "backup"))


def test_a_run_that_is_let_in_is_noted_where_a_crash_leaves_it(tmp_path: Path) -> None:
    found = noted(tmp_path)
    assert running(tmp_path) == found
    assert noted(tmp_path)["DEBVISOR_RUN_ID"] == running(tmp_path)["DEBVISOR_RUN_ID"]
    assert not (tmp_path / "state" / "lost").exists()


def test_a_skip_is_not_noted_there(tmp_path: Path) -> None:
    (tmp_path / "state" / "paused").mkdir(parents=True)
    (tmp_path / "state" / "paused" / "backup").touch()
    noted(tmp_path, TRIGGER_UNIT="debvisor-job-backup.timer")
    assert running(tmp_path) == {}


def test_another_attempt_costs_no_further_write_to_the_disk(tmp_path: Path) -> None:
    attempted(tmp_path, before=UNDER_WAY)
    assert running(tmp_path) == {}


def test_the_note_of_a_run_that_was_cut_off_in_an_earlier_boot_is_kept(tmp_path: Path) -> None:
    """This run began before debvisor-timers-recover.service."""
    notes.write(str(tmp_path / "state"), "running", "backup", UNDER_WAY, lasting=True)
    found = noted(tmp_path)
    assert notes.read(str(tmp_path / "state" / "lost" / "backup:first")) == UNDER_WAY
    assert running(tmp_path) == found


def test_a_run_goes_on_if_the_disk_takes_no_note(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "running").write_text("in the way", encoding="utf-8")
    assert noted(tmp_path)["ADMITTED"] == "1"
    assert "a crash will leave no trace of it" in capsys.readouterr().err

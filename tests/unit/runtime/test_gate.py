# SPDX-License-Identifier: Apache-2.0
"""gate: whether a run may start, by what it depends on; systemd is faked at its socket alone."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from debvisor_timers.runtime import begin, gate, skip
from tests.unit.runtime.manager import Systemd

RUNNING = ("activating", "start", "start", 5)
HOUR = 3_600_000_000


@pytest.fixture(autouse=True)
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the host be in UTC; the tests' own zone comes back."""
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setattr(skip, "LOCALTIME", "/usr/share/zoneinfo/UTC")
    yield
    monkeypatch.undo()
    time.tzset()


class Host:
    """A host with a job `me` that is about to run, and others."""

    def __init__(self, folder: Path, systemd: Systemd) -> None:
        self.folder, self.systemd = folder, systemd
        self.begun_usec = time.time_ns() // 1000
        for name in ("units", "run/ended", "run/runs", "state/last"):
            (folder / name).mkdir(parents=True)

    def reason(self, *lines: str, **fields: str) -> str:
        """Return why a run of `me`, whose service says these lines, is skipped."""
        text = "\n".join(["[Service]", *lines, ""])
        (self.folder / "units/debvisor-job-me.service").write_text(text, encoding="utf-8")
        places = {name: f"{self.folder}/{name}" for name in ("state", "units")}
        places |= {"runtime": f"{self.folder}/run", "manager": self.systemd.address}
        known = {
            "DEBVISOR_JOB": "me",
            "DEBVISOR_RUN_ID": "r1",
            "DEBVISOR_TRIGGER": "manual",
            "DEBVISOR_ATTEMPT": "1",
            "DEBVISOR_START_USEC": str(self.begun_usec),
            **fields,
        }
        self.run = begin.Run("me", known, places)
        return gate.reason_not_to_run(self.run)

    def ended(self, job: str, result: str = "success", *, ago: float = 0.0, **more: str) -> None:
        """Let a run of `job` have ended so many seconds ago."""
        end = str(self.begun_usec - round(ago * 1_000_000))
        fields = {"DEBVISOR_RUN_ID": f"{job}-run", "DEBVISOR_RESULT": result}
        fields |= {"DEBVISOR_END_USEC": end, **more}
        self.write("run/ended", job, fields)
        if "DEBVISOR_SKIPPED" not in more:
            if result == "success" and "DEBVISOR_STOPPED" not in more:
                fields["DEBVISOR_SUCCESS_USEC"] = end
            self.write("state/last", job, fields)

    def write(self, folder: str, job: str, fields: dict[str, str]) -> None:
        text = "".join(f"{name}={value}\n" for name, value in fields.items())
        new = self.folder / folder / f".{job}"
        new.write_text(text, encoding="utf-8")
        new.rename(self.folder / folder / job)

    def timer(self, job: str, calendar: str, *more: str, next_usec: int = 0) -> None:
        """Give a job a timer that waits for this instant."""
        text = "\n".join(["[Timer]", f"OnCalendar={calendar}", *more, ""])
        (self.folder / f"units/debvisor-job-{job}.timer").write_text(text, encoding="utf-8")
        name = f"debvisor-job-{job}.timer"
        self.systemd.units[name] = ("active", "waiting", "", 0)
        self.systemd.properties[f"/unit/{name}", "NextElapseUSecRealtime"] = next_usec


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with Systemd(str(tmp_path / "private")) as systemd:
        yield Host(tmp_path, systemd)


def unit(job: str) -> str:
    return f"debvisor-job-{job}.service"


# --- requires ------------------------------------------------------------------------------------

REQUIRES = "X-Requires=backup | 1s"


def test_a_requirement_that_never_ran_skips(host: Host) -> None:
    assert host.reason(REQUIRES) == "backup never ran"


def test_a_job_without_a_schedule_counts_by_its_last_run(host: Host) -> None:
    host.ended("backup", ago=10 * 86400)
    assert host.reason(REQUIRES) == ""
    host.ended("backup", "exit-code")
    assert host.reason(REQUIRES) == "backup failed (run backup-run)"
    host.ended("backup", "timeout")
    assert host.reason(REQUIRES) == "backup timed out (run backup-run)"
    host.ended("backup", DEBVISOR_STOPPED="1")
    assert host.reason(REQUIRES) == "backup was stopped (run backup-run)"


def test_a_job_with_a_schedule_must_have_succeeded_since_it_was_last_due(host: Host) -> None:
    host.timer("backup", "*-*-* *:*:00", next_usec=host.begun_usec + HOUR)
    host.ended("backup", ago=180)
    assert host.reason(REQUIRES).startswith("backup has not succeeded since it was due 20")
    host.timer("backup", "*-01-01 00:00:00", next_usec=host.begun_usec + HOUR)
    assert host.reason(REQUIRES) == ""


def test_a_skip_since_it_was_due_is_told_as_such(host: Host) -> None:
    host.timer("backup", "*-*-* *:*:00", next_usec=host.begun_usec + HOUR)
    host.ended("backup", ago=180)
    host.ended("backup", DEBVISOR_SKIPPED="paused")
    assert host.reason(REQUIRES) == "backup was skipped (paused)"


def test_a_failure_since_it_was_due_is_told_as_such(host: Host) -> None:
    host.timer("backup", "*-*-* *:*:00", next_usec=host.begun_usec + HOUR)
    success = str(host.begun_usec - 180 * 1_000_000)
    host.ended("backup", "exit-code", DEBVISOR_SUCCESS_USEC=success)
    assert host.reason(REQUIRES) == "backup failed (run backup-run)"


@pytest.mark.parametrize(
    ("ago", "reason"),
    [(50, ""), (7300, "the last success of backup is too old (2h 1min)")],
)
def test_with_max_age_the_newest_success_counts(host: Host, ago: int, reason: str) -> None:
    success = str(host.begun_usec - ago * 1_000_000)
    host.ended("backup", "exit-code", DEBVISOR_SUCCESS_USEC=success)
    assert host.reason("X-Requires=backup | 1s | 3600s").startswith(reason[:-5])
    assert bool(host.reason("X-Requires=backup | 1s | 3600s")) is bool(reason)


def test_with_max_age_no_success_at_all_is_a_failure(host: Host) -> None:
    host.ended("backup", "exit-code")
    assert host.reason("X-Requires=backup | 1s | 3600s") == "backup failed (run backup-run)"


def test_a_job_that_runs_is_waited_for_visibly(host: Host) -> None:
    host.ended("backup", "exit-code", ago=100)
    answers = [RUNNING, RUNNING, ("inactive", "dead", "", 0)]

    class Units(dict[str, tuple[str, str, str, int]]):
        def get(self, name: str, default: object = None) -> tuple[str, str, str, int]:
            if name != unit("backup"):
                return ("inactive", "dead", "", 0)
            if len(answers) == 1:
                host.ended("backup")
            return answers.pop(0)

    host.systemd.units = Units()
    assert host.reason("X-Requires=backup | 60s") == ""
    assert host.run.fields["DEBVISOR_WAITING"] == "for backup (running)"


@pytest.mark.parametrize(
    ("sub", "noted", "busy"),
    [
        ("start", {}, "running"),
        ("start-pre", {"DEBVISOR_WAITING": "for x"}, "waiting"),
        ("start-pre", {"DEBVISOR_RETRY_USEC": "1"}, "retrying"),
        ("auto-restart-queued", {}, "retrying"),
    ],
)
def test_a_wait_is_limited_and_says_what_the_other_does(
    host: Host, sub: str, noted: dict[str, str], busy: str
) -> None:
    host.systemd.units[unit("backup")] = ("activating", sub, "start", 5)
    host.write("run/runs", "backup", {"DEBVISOR_JOB": "backup", **noted})
    began = time.monotonic()
    assert host.reason(REQUIRES) == f"backup is still {busy} after 1s"
    assert 1 <= time.monotonic() - began < 5


def test_a_wait_ends_at_once_when_the_other_has_ended(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = host.folder / "run/ended/backup"
    before = {str(path): gate.changed(str(path))}
    host.ended("backup")
    began = time.monotonic()
    assert gate.change_within(30, before)
    assert time.monotonic() - began < 5
    assert not gate.change_within(0.01, {str(path): gate.changed(str(path))})


def test_force_passes_over_dependencies(host: Host) -> None:
    assert host.reason(REQUIRES, FORCED="1") == ""


# --- after ---------------------------------------------------------------------------------------


def test_after_takes_any_result_and_a_job_that_is_not_there(host: Host) -> None:
    assert host.reason("X-After=report | 1s") == ""
    host.ended("report", "exit-code")
    assert host.reason("X-After=report | 1s") == ""


def test_after_waits_no_longer_than_it_says_and_then_runs(host: Host) -> None:
    host.systemd.units[unit("report")] = RUNNING
    began = time.monotonic()
    assert host.reason("X-After=report | 0.5s") == ""
    assert time.monotonic() - began >= 0.5
    assert host.run.fields["DEBVISOR_WAITING"] == "for report (running)"


# --- due -----------------------------------------------------------------------------------------


def due(host: Host, *, next_in: float, jitter: str = "") -> bool:
    """Return whether a job counts as due whose timer elapses so many seconds from now."""
    now = time.time()
    more = [f"RandomizedDelaySec={jitter}"] if jitter else []
    host.timer("other", "*-*-* *:*:*", *more, next_usec=round((now + next_in) * 1e6))
    host.reason()
    need = gate.Need("X-Requires", "other | 60s")
    gate.look(host.run, [need])
    return need.busy == "due"


def test_a_timer_that_should_have_elapsed_is_due(host: Host) -> None:
    assert due(host, next_in=-1)
    assert not due(host, next_in=60)


def test_with_a_jitter_a_job_is_due_from_the_time_that_its_calendar_says(host: Host) -> None:
    assert due(host, next_in=30, jitter="1min")
    assert not due(host, next_in=90, jitter="1min")


def test_the_wait_counts_from_the_end_of_the_jitter(host: Host) -> None:
    next_usec = round((time.time() + 30) * 1e6)
    host.timer("other", "*-*-* *:*:*", "RandomizedDelaySec=1min", next_usec=next_usec)
    host.reason()
    need = gate.Need("X-Requires", "other | 60s")
    gate.look(host.run, [need])
    assert need.until - time.monotonic() == pytest.approx(90, abs=5)


@pytest.mark.parametrize("next_usec", [0, 2**64 - 1])
def test_a_timer_that_never_elapses_again_is_not_due(host: Host, next_usec: int) -> None:
    host.timer("other", "2020-01-01", next_usec=next_usec)
    host.reason()
    need = gate.Need("X-Requires", "other | 60s")
    gate.look(host.run, [need])
    assert need.busy == ""


def test_a_timer_that_is_stopped_is_not_due(host: Host) -> None:
    host.timer("other", "*-*-* *:*:*", next_usec=1)
    host.systemd.units["debvisor-job-other.timer"] = ("inactive", "dead", "", 0)
    host.reason()
    need = gate.Need("X-Requires", "other | 60s")
    gate.look(host.run, [need])
    assert need.busy == ""


# --- steps ---------------------------------------------------------------------------------------

STEP = "X-Step=quiesce | 1s"


def test_a_step_is_started_for_the_run_and_told_for_which(host: Host) -> None:
    host.systemd.on_start = lambda _: host.ended("quiesce", ago=-1)
    assert host.reason(STEP) == ""
    assert host.systemd.started == [unit("quiesce")]
    request = json.loads((host.folder / "run/requests/quiesce.json").read_text("utf-8"))
    assert (request["trigger"], request["runs"]) == ("dependency", ["me:r1"])


def test_nobody_else_can_hold_the_lock_by_which_steps_are_started(host: Host) -> None:
    host.reason("X-Step=other | 0s")
    assert (host.folder / "run/steps.lock").stat().st_mode & 0o777 == 0o600


def test_a_step_that_has_ended_since_the_run_was_asked_for_is_not_started_again(
    host: Host,
) -> None:
    host.ended("quiesce", ago=5)
    asked = str(host.begun_usec - 10_000_000)
    assert host.reason(STEP, DEBVISOR_SCHEDULED_USEC=asked) == ""
    assert host.reason(STEP, REQUESTED_USEC=asked) == ""
    assert host.systemd.started == []


def test_a_step_that_runs_is_not_started_again(host: Host) -> None:
    host.systemd.units[unit("quiesce")] = RUNNING
    assert host.reason(STEP) == "quiesce is still running after 1s"
    assert host.systemd.started == []


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        ({"result": "exit-code"}, "quiesce failed (run quiesce-run)"),
        ({"result": "timeout"}, "quiesce timed out (run quiesce-run)"),
        (
            {"result": "success", "DEBVISOR_SKIPPED": "excluded: x"},
            "quiesce was skipped (excluded: x)",
        ),
    ],
)
def test_what_a_step_does_now_counts_whatever_it_did_yesterday(
    host: Host, end: dict[str, str], reason: str
) -> None:
    host.ended("quiesce", ago=86400)
    result, more = end["result"], {k: v for k, v in end.items() if k != "result"}
    host.systemd.on_start = lambda _: host.ended("quiesce", result, ago=-1, **more)
    assert host.reason(STEP) == reason


def test_a_step_that_systemd_did_not_run_skips(host: Host) -> None:
    host.ended("quiesce", ago=86400)
    assert host.reason(STEP) == "quiesce did not run"


# --- the rest ------------------------------------------------------------------------------------


def test_the_first_reason_counts_and_nothing_is_asked_after_it(host: Host) -> None:
    host.ended("backup", "exit-code")
    reason = host.reason("X-WhereHost=no-such-host", REQUIRES, "X-Pool=p | 1 | 1")
    assert reason.startswith("this host is ")
    assert host.reason(REQUIRES, "X-Pool=p | 1 | 1") == "backup failed (run backup-run)"
    assert not (host.folder / "run/locks").exists()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "0s"), (45, "45s"), (3600, "1h"), (5400, "1h 30min"), (90061, "1d 1h")],
)
def test_time_spans_are_told_in_two_units(seconds: float, words: str) -> None:
    assert gate.words(seconds) == words


def test_the_default_limit_of_a_lock_ends_before_the_next_elapse(host: Host) -> None:
    host.timer("me", "*-*-* *:*:00")
    host.reason()
    assert -2 <= gate.default_limit(host.run) <= 58
    (host.folder / "units/debvisor-job-me.timer").unlink()
    assert gate.default_limit(host.run) == float("inf")

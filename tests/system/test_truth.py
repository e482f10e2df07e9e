# SPDX-License-Identifier: Apache-2.0
"""Each way in which a run can end, and what `history` makes of it."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.box import Box
from tests.system.host import STATE, UNITS, Host

AGAIN = "retries: {max: 1, delay: 300ms}"
ONCE = "mkdir /root/$DEBVISOR_JOB &&"
UNTIL_GO = "script: 'until test -e /run/go; do sleep 0.1; done'"
JOBS = f"""\
jobs:
  succeeds: {{ command: [/bin/true] }}
  fails: {{ script: exit 3 }}
  fails-then-succeeds: {{ script: '{ONCE} exit 3; :', {AGAIN} }}
  fails-twice: {{ script: exit 3, {AGAIN} }}
  fails-for-good: {{ script: exit 5, retries: {{max: 1, delay: 300ms, never_on_exit: [5]}} }}
  times-out: {{ script: sleep 60, timeout: 1s }}
  times-out-then-succeeds: {{ script: '{ONCE} sleep 60; :', timeout: 8s, {AGAIN} }}
  takes-too-long-in-all:
    script: '{ONCE} exit 3; sleep 60'
    total_timeout: 15s
    retries: {{max: 9, delay: 300ms, factor: 1}}
  is-killed: {{ script: 'kill -KILL $$' }}
  no-program: {{ command: [/usr/local/bin/none] }}
  no-user: {{ command: [/bin/true], user: gone }}
  no-mount: {{ command: [/bin/true], unit: {{Service: {{ReadWritePaths: /none}}}} }}
  no-credential: {{ command: [/bin/true], credentials: {{a: /root/gone}} }}
  no-file: {{ command: [/bin/true], environment_files: [/root/gone] }}
  broken-begin: {{ command: [/bin/true] }}
  broken-end: {{ command: [/bin/true] }}
  elsewhere: {{ command: [/bin/true], where: {{host: [other]}} }}
  paused: {{ command: [/bin/true] }}
  unmet: {{ command: [/bin/true], conditions: {{path_exists: /none}} }}
  lacks-a-step: {{ command: [/bin/true], depends_on: [step] }}
  step: {{ script: exit 4 }}
  is-kept-off: {{ command: [/bin/true], conflicts_with: [{{job: holder, policy: skip}}] }}
  holder: {{ {UNTIL_GO} }}
  unmoved: {{ {UNTIL_GO} }}
"""
BEGIN = "begin: exit status"
TABLE: dict[str, tuple[str, str, int | None, int]] = {
    "succeeds": ("succeeded", "", 0, 1),
    "fails": ("failed", "exit status 3", 3, 1),
    "fails-then-succeeds": ("succeeded", "", 0, 2),
    "fails-twice": ("failed", "exit status 3", 3, 2),
    "fails-for-good": ("failed", "exit status 5", 5, 1),
    "times-out": ("timed_out", "", None, 1),
    "times-out-then-succeeds": ("succeeded", "", 0, 2),
    "takes-too-long-in-all": ("timed_out", "", None, 2),
    "is-killed": ("failed", "killed by SIGKILL", None, 1),
    "no-program": ("failed", "exit status 203: its program cannot be executed", 203, 1),
    "no-user": ("failed", f"{BEGIN} 217: its user", None, 1),
    "no-mount": ("failed", f"{BEGIN} 226: its mounts or sandbox paths", None, 1),
    "no-credential": ("failed", f"{BEGIN} 243: its credentials", None, 1),
    "no-file": ("failed", "systemd could not prepare it", None, 1),
    "broken-begin": ("failed", f"{BEGIN} 1", None, 1),
    "broken-end": ("failed", "end: exit status 1", None, 1),
    "elsewhere": ("skipped", "this host is box, not other", None, 1),
    "paused": ("succeeded", "", 0, 1),  # a person may
    "unmet": ("skipped", "ConditionPathExists=/none is not met", None, 0),
    "is-kept-off": ("skipped", "conflict: holder is running", None, 1),
    "unmoved": ("succeeded", "", 0, 1),
}
"""Outcome, reason, exit status and attempts; the trigger of all is a person."""
NOT_BEGUN = {"no-user", "no-mount", "no-credential", "no-file", "broken-begin", "unmet"}
"""What started them can nobody tell."""
DISTURBANCES = (
    "systemctl restart systemd-journald",
    "systemctl daemon-reload",
    "systemctl daemon-reexec",
    "touch /etc/systemd/system/debvisor-job-unmoved.service; systemctl daemon-reload",
)


@pytest.fixture(scope="module")
def host(module_box: Box) -> Host:
    """A host on which every job of the table has run, most of them at the same time."""
    new = Host(module_box)
    module_box.run("useradd gone; touch /root/gone")
    new.apply(JOBS)
    module_box.run("userdel gone; rm /root/gone")
    module_box.write(f"{STATE}/paused/paused", "repairs\n")
    for step, name in ("ExecStartPre", "begin"), ("ExecStopPost", "end"):
        drop_in = f"{UNITS}/debvisor-job-broken-{name}.service.d/broken.conf"
        module_box.write(drop_in, f"[Service]\n{step}=\n{step}=+/bin/false\n")
    module_box.run("systemctl daemon-reload; systemctl start --no-block debvisor-job-holder")
    module_box.wait_until("test -e /run/debvisor-timers/runs/holder")
    names = " ".join(f"debvisor-job-{job}.service" for job in [*TABLE, "lacks-a-step"])
    module_box.run(f"systemctl start --no-block {names}")
    others = "systemctl list-jobs --no-legend 'debvisor-job-*' | grep -v 'holder\\|unmoved'"
    module_box.wait_until(f'test -z "$({others})"', 60, "all others have ended")
    for disturbance in DISTURBANCES:
        module_box.run(disturbance)
    module_box.run("touch /run/go")
    waiting = "systemctl list-jobs --no-legend 'debvisor-job-*' | grep -q ."
    module_box.wait_until(f"! {waiting}", 60, "all runs have ended")
    module_box.run("journalctl --sync")
    return new


def only_run(host: Host, job: str) -> dict[str, Any]:
    (run,) = host.json("history", job)
    found: dict[str, Any] = run
    return found


@pytest.mark.parametrize("job", TABLE)
def test_the_history_tells_how_it_ended(host: Host, job: str) -> None:
    run = only_run(host, job)
    found = tuple(run[key] for key in ("outcome", "reason", "exit_status", "attempts"))
    assert found == TABLE[job]
    assert run["trigger"] == ("unknown" if job in NOT_BEGUN else "manual")
    assert len(run["each_attempt"]) == run["attempts"]


def test_a_step_that_fails_skips_the_run_that_needs_it(host: Host) -> None:
    step, run = only_run(host, "step"), only_run(host, "lacks-a-step")
    assert (step["outcome"], step["trigger"]) == ("failed", "dependency")
    assert (run["outcome"], run["reason"]) == ("skipped", f"step failed (run {step['run']})")


def test_list_and_status_say_the_same_without_the_journal(host: Host) -> None:
    host.await_handlers()
    rows = {row["job"]: row for row in host.json("list")}
    for job, (outcome, reason, _, _) in TABLE.items():
        last = rows[job]["last"]
        if outcome == "skipped":
            assert last is None, job
        elif job != "broken-end":
            assert (last["outcome"], last["reason"]) == (outcome, reason), job
    findings = {each["subject"]: each for each in host.json("status", expect=10)["findings"]}
    assert findings["no-user"]["message"] == f"its last run failed ({BEGIN} 217: its user)"


def test_elapses_that_come_while_a_run_is_under_way_are_told_as_one_skip(host: Host) -> None:
    file = "overlaps.yaml"
    host.write("jobs:\n  overlaps: { schedule: {on_calendar: '*:*:*'}, script: sleep 2.5 }\n", file)
    host.cli("apply", "--yes")
    # Of a run under way it is told what it has kept off so far: wait for one that has ended.
    host.await_run("overlaps", "skipped", count=3)
    runs = host.history("overlaps")
    over = {run["run"]: run for run in runs if run["end"] and run["outcome"] != "skipped"}
    skipped = next(run for run in runs if run["overlapped"] in over)
    host.box.run(["rm", f"/etc/debvisor/timers/jobs.d/{file}"])
    host.cli("apply", "--yes")
    assert (skipped["reason"], skipped["trigger"]) == ("still running", "timer")
    took = over[skipped["overlapped"]]["duration_seconds"]
    assert 2 <= skipped["count"] <= took + 2
    assert (skipped["attempts"], skipped["scheduled_for"] is None) == (0, False)


def test_a_schedule_that_is_changed_during_a_run_counts_from_then_on(host: Host) -> None:
    file = "changed.yaml"
    job = (
        "jobs:\n  changed: {{ schedule: {{on_calendar: '*:*:{}'}},"
        " script: 'until test -e /run/changed; do sleep 0.1; done' }}\n"
    )
    host.write(job.format("0/5"), file)
    host.cli("apply", "--yes")
    host.box.wait_until("test -e /run/debvisor-timers/runs/changed", 10, "it runs")
    kept_off = "debvisor-timers history changed | grep 'skipped (still running)'"
    host.box.wait_until(kept_off, 10, "a time of its calendar")
    host.write(job.format("*"), file)
    began = time.monotonic()
    host.cli("apply", "--yes")
    took = timedelta(seconds=time.monotonic() - began)
    run = next(r["run"] for r in host.json("history", "changed") if r["outcome"] == "running")

    def counts() -> list[int]:
        return [each["count"] for each in host.history("changed") if each["overlapped"] == run]

    # What it has kept off since the apply is the newest.
    host.box.wait_until(lambda: len(counts()) > 1 and counts()[0] >= 5, 20, "several seconds")
    host.box.run("touch /run/changed")

    def told() -> list[dict[str, Any]]:
        runs = host.history("changed")
        is_over = any(each["run"] == run and each["end"] for each in runs)
        return [each for each in runs if each["overlapped"] == run] if is_over else []

    newer, older = host.box.wait_until(told, 20, "both skips")
    host.box.run(["rm", f"/etc/debvisor/timers/jobs.d/{file}"])
    host.cli("apply", "--yes")
    (old_first, old_last), (first, last) = span(older), span(newer)
    # Each by its own calendar, one after the other, and none twice.
    assert (old_first.second % 5, old_last.second % 5) == (0, 0)
    assert older["count"] == (old_last - old_first).total_seconds() / 5 + 1
    assert newer["count"] == (last - first).total_seconds() + 1
    assert timedelta(0) < first - old_last < timedelta(seconds=5) + took
    assert newer["count"] >= 5


def span(skip: dict[str, Any]) -> tuple[datetime, datetime]:
    """Return for when the first and the last start were that a run has kept off."""
    return (
        datetime.fromisoformat(skip["scheduled_for"]),
        datetime.fromisoformat(skip["last_scheduled_for"]),
    )


def test_a_reboot_stops_a_run_and_a_power_cut_loses_it(host: Host) -> None:
    host.box.run("rm /run/go")
    host.cli("run", "unmoved")
    host.box.wait_until("test -e /run/debvisor-timers/runs/unmoved")
    host.box.reboot()
    assert host.json("history", "unmoved")[0]["outcome"] == "stopped"
    host.cli("run", "unmoved")
    host.box.wait_until("grep -q READY_AT /run/debvisor-timers/runs/unmoved")
    host.box.run("journalctl --sync")
    host.box.power_cut()
    host.box.start()
    assert [run["outcome"] for run in host.json("history", "unmoved")[:2]] == ["lost", "stopped"]
    assert "running" not in host.cli("list").stdout

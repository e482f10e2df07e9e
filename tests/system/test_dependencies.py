# SPDX-License-Identifier: Apache-2.0
"""Dependencies between jobs, with real timers and real seconds: who waits, who runs, who is
skipped and why.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from tests.box import Box, Layer
from tests.system import work
from tests.system.host import Host

EVERY_FIVE_SECONDS = '{on_calendar: "*-*-* *:*:00/5"}'
NEVER = '{on_calendar: "2099-01-01 00:00:00"}'


@pytest.fixture(scope="module")
def host(installed: Layer) -> Iterator[Host]:
    with Box.boot(installed) as box:
        host = Host(box)
        host.watch()
        yield host


def start(host: Host, job: str) -> dict[str, Any]:
    """Start a job as systemctl does, wait for its end, return this run."""
    host.box.run(["systemctl", "start", f"debvisor-job-{job}.service"], check=False)
    host.box.run(["journalctl", "--sync"])
    return newest(host, job)


def newest(host: Host, job: str) -> dict[str, Any]:
    """Return the newest run of a job that has ended."""

    def found() -> dict[str, Any]:
        runs: list[dict[str, Any]] = host.json("history", job, "--limit=1")
        return runs[0] if runs and runs[0]["end"] else {}

    return host.box.wait_until(found, 20, f"a run of {job} that ended")


def ending(run: dict[str, Any]) -> tuple[str, str]:
    return run["outcome"], run["reason"] or ""


def printed(host: Host, *jobs: str) -> Sequence[str]:
    """Return what `jobs` have printed since the last `watch`, in order."""
    lines = [r for r in host.records("_TRANSPORT=stdout") if r.get("SYSLOG_IDENTIFIER") in jobs]
    return [str(line["MESSAGE"]) for line in lines]


def noted(host: Host, job: str, field: str) -> str:
    """Return what is noted of the run of a job that is under way, empty where it is not."""
    found = host.box.run(
        f"sed -n 's/^{field}=//p' /run/debvisor-timers/runs/{job} 2>/dev/null || :"
    )
    return found.stdout.strip()


# --- the guide's workflow -----------------------------------------------------------------------

WORKFLOW = """
jobs:
  backup:
    schedule: {schedule}
    command: [/bin/sh, -c, "echo backup; sleep 1; test ! -e /run/broken"]
  verify:
    schedule: {schedule}
    depends_on: [backup]
    command: [/bin/echo, verify]
  archive:
    schedule: {schedule}
    depends_on: [verify]
    command: [/bin/echo, archive]
"""
STEPS = ("backup", "verify", "archive")


def workflow(host: Host, outcome: str) -> dict[str, dict[str, Any]]:
    """Let the guide's workflow fire until archive has ended so; return the runs of that moment."""
    host.watch()
    work.arm(host, WORKFLOW)
    host.await_run("archive", outcome)
    ends = {job: host.history(job) for job in STEPS}
    moment = next(run for run in ends["archive"] if run["outcome"] == outcome)["scheduled_for"][:19]
    of_moment = {
        job: [r for r in ends[job] if (r["scheduled_for"] or "")[:19] == moment] for job in STEPS
    }
    assert {job: len(runs) for job, runs in of_moment.items()} == dict.fromkeys(STEPS, 1)
    return {job: runs[0] for job, runs in of_moment.items()}


def test_the_workflow_of_the_guide_runs_in_order_each_once(host: Host) -> None:
    runs = workflow(host, "succeeded")
    assert printed(host, *STEPS)[:3] == ["backup", "verify", "archive"]
    assert [runs[job]["outcome"] for job in STEPS] == ["succeeded"] * 3
    assert runs["backup"]["end"] <= runs["verify"]["end"] <= runs["archive"]["end"]


def test_when_one_of_the_workflow_fails_the_rest_is_skipped(host: Host) -> None:
    host.box.run(["touch", "/run/broken"])
    runs = workflow(host, "skipped")
    host.box.run(["rm", "/run/broken"])
    assert runs["backup"]["outcome"] == "failed"
    assert runs["verify"]["reason"] == f"backup failed (run {runs['backup']['run']})"
    assert runs["archive"]["reason"] == f"verify was skipped ({runs['verify']['reason']})"
    assert "verify" not in printed(host, *STEPS)


# --- requires, on a job with a schedule ---------------------------------------------------------

REQUIRES = f"""
jobs:
  first:
    schedule: {NEVER}
    script: |
      sleep $(cat /run/seconds || echo 0)
      while test -e /run/held; do sleep 0.05; done
      exit $(cat /run/status || echo 0)
  second:
    schedule: {NEVER}
    depends_on: [{{job: first, wait: 2s}}]
    command: [/bin/echo, second]
  fresh:
    schedule: {NEVER}
    depends_on: [{{job: first, max_age: 5s}}]
    command: [/bin/echo, fresh]
"""


def let_first(host: Host, *, seconds: int = 0, status: int = 0) -> None:
    host.box.write("/run/seconds", f"{seconds}\n")
    host.box.write("/run/status", f"{status}\n")


@contextmanager
def first_held(host: Host) -> Iterator[None]:
    """Let the program of `first` run until the block ends; start it."""
    host.box.write("/run/held", "")
    host.box.run("systemctl start --no-block debvisor-job-first.service")
    yield
    host.box.run("rm /run/held")


def test_it_never_ran(host: Host) -> None:
    host.apply(REQUIRES)
    assert ending(start(host, "second")) == ("skipped", "first never ran")


def test_it_failed_and_then_succeeded(host: Host) -> None:
    let_first(host, status=3)
    failed = start(host, "first")
    assert ending(start(host, "second")) == ("skipped", f"first failed (run {failed['run']})")
    let_first(host)
    start(host, "first")
    assert ending(start(host, "second")) == ("succeeded", "")


def test_a_success_survives_what_makes_systemd_forget_it(host: Host) -> None:
    # The target of all timers keeps those that are enabled loaded, and with them their services.
    host.apply(REQUIRES.replace("  first:\n", "  first:\n    enabled: false\n"))
    host.box.run("systemctl reset-failed")
    host.box.wait_until(
        lambda: "debvisor-job-first.service" not in host.units("--all"), 10, "it is forgotten"
    )
    assert ending(start(host, "second")) == ("succeeded", "")
    host.apply(REQUIRES)


def test_a_skip_of_the_other_is_no_success_and_no_failure(host: Host) -> None:
    host.box.write("/var/lib/debvisor-timers/paused/first", "moving\n")
    # By hand it would run: let it be another job that starts it.
    said = {"requested_usec": time.time_ns() // 1000, "trigger": "dependency", "runs": []}
    said |= {"user": "root", "uid": 0, "login_uid": None}
    host.box.write("/run/debvisor-timers/requests/first.json", json.dumps(said))
    assert ending(start(host, "first")) == ("skipped", "paused: moving")
    host.box.run("rm /var/lib/debvisor-timers/paused/first")
    assert ending(start(host, "second")) == ("succeeded", "")


def test_a_success_can_be_too_old(host: Host) -> None:
    time.sleep(max(0.0, 5.5 - age(host, "first")))
    outcome, reason = ending(start(host, "fresh"))
    assert outcome == "skipped"
    assert reason.startswith("the last success of first is too old (")
    # At once: what reads the history in between may take longer than the success is young.
    host.box.run("systemctl start debvisor-job-first.service")
    host.box.run("systemctl start debvisor-job-fresh.service")
    assert ending(newest(host, "fresh")) == ("succeeded", "")


def age(host: Host, job: str) -> float:
    usec = host.box.run(f"sed -n s/DEBVISOR_SUCCESS_USEC=//p /var/lib/debvisor-timers/last/{job}")
    return time.time() - int(usec.stdout) / 1e6


def test_a_run_waits_visibly_for_one_that_is_under_way(host: Host) -> None:
    host.apply(REQUIRES.replace("wait: 2s", "wait: 10min"))
    with first_held(host):
        host.box.run("systemctl start --no-block debvisor-job-second.service")
        host.box.wait_until(
            lambda: noted(host, "second", "DEBVISOR_WAITING") == "for first (running)",
            10,
            "it waits",
        )
    host.box.wait_until("! test -e /run/debvisor-timers/runs/second", 10)
    first, second = newest(host, "first"), newest(host, "second")
    assert ending(second) == ("succeeded", "")
    assert second["end"] >= first["end"]


def test_a_wait_has_an_end(host: Host) -> None:
    host.apply(REQUIRES)
    with first_held(host):
        assert ending(start(host, "second")) == ("skipped", "first is still running after 2s")
        host.cli("stop", "first")


def test_a_stopped_run_is_no_success(host: Host) -> None:
    stopped = newest(host, "first")
    assert stopped["outcome"] == "stopped"
    outcome, reason = ending(start(host, "second"))
    # The success before it still counts: it was not due since.
    assert (outcome, reason) == ("succeeded", "")


def test_a_success_before_the_other_was_last_due_does_not_count(host: Host) -> None:
    host.apply(REQUIRES.replace(NEVER, EVERY_FIVE_SECONDS, 1))
    host.box.wait_until(
        lambda: newest(host, "first")["outcome"] == "succeeded", 30, "it ran at its time"
    )
    host.box.run("systemctl stop debvisor-job-first.timer")
    time.sleep(5.5)
    outcome, reason = ending(start(host, "second"))
    assert outcome == "skipped"
    assert reason.startswith("first has not succeeded since it was due 20")
    assert ending(start(host, "first"))[0] == "succeeded"


def test_success_and_skip_are_the_same_after_a_reboot(host: Host) -> None:
    host.apply(REQUIRES)
    start(host, "first")
    host.box.reboot()
    host.box.wait_until("systemctl is-active debvisor-job-first.timer", 20)
    assert ending(start(host, "second")) == ("succeeded", "")
    age = "$(($(date +%s) - $(stat -c %Y /var/lib/debvisor-timers/last/first)))"
    host.box.wait_until(f"test {age} -gt 5", 20)  # a box may be back within the max_age
    assert ending(start(host, "fresh"))[0] == "skipped"


# --- steps --------------------------------------------------------------------------------------

STEP = f"""
jobs:
  quiesce:
    timeout: 2min
    command: [/bin/sh, -c, "echo quiesce; sleep $(cat /run/seconds); exit $(cat /run/status)"]
  left:
    schedule: {NEVER}
    depends_on: [quiesce]
    command: [/bin/echo, left]
  right:
    schedule: {NEVER}
    depends_on: [quiesce]
    command: [/bin/echo, right]
  idle:
    schedule: {{on_calendar: "2098-01-01 00:00:00"}}
    command: [/bin/true]
  late:
    schedule: {{on_calendar: "2098-01-01 00:00:00"}}
    depends_on: [quiesce, idle]
    command: [/bin/echo, late]
"""
BOTH = "systemctl start debvisor-job-left.service debvisor-job-right.service"


def test_a_step_runs_once_for_all_that_need_it_in_the_same_moment(host: Host) -> None:
    let_first(host)
    host.watch()
    work.arm(host, STEP.replace(NEVER, "{schedule}"))
    host.await_run("left", "succeeded")
    host.await_run("right", "succeeded")
    lines = printed(host, "quiesce", "left", "right")
    assert lines[0] == "quiesce"
    assert sorted(lines[1:3]) == ["left", "right"]
    run = host.json("history", "quiesce")[-1]
    assert run["trigger"] == "dependency"


def test_the_failure_of_a_step_skips_this_run_whatever_it_did_before(host: Host) -> None:
    host.apply(STEP)
    let_first(host, status=1)
    host.box.run(BOTH)
    failed = newest(host, "quiesce")
    reason = f"quiesce failed (run {failed['run']})"
    assert ending(newest(host, "left")) == ("skipped", reason)
    assert ending(newest(host, "right")) == ("skipped", reason)


def test_the_time_out_of_a_step_skips_this_run(host: Host) -> None:
    host.apply(STEP.replace("timeout: 2min", "timeout: 2s"))
    let_first(host, seconds=300)
    outcome, reason = ending(start(host, "left"))
    assert (outcome, reason.partition(" (")[0]) == ("skipped", "quiesce timed out")
    host.apply(STEP)


def test_the_skip_of_a_step_skips_this_run(host: Host) -> None:
    let_first(host)
    host.box.write("/var/lib/debvisor-timers/paused/quiesce", "")
    assert ending(start(host, "left")) == ("skipped", "quiesce was skipped (paused)")
    host.box.run("rm /var/lib/debvisor-timers/paused/quiesce")
    assert ending(start(host, "left")) == ("succeeded", "")


def test_a_step_that_cannot_even_begin_skips_this_run(host: Host) -> None:
    host.apply(STEP.replace("timeout: 2min", "user: nobody-of-that-name"))
    assert ending(start(host, "left")) == ("skipped", "quiesce did not run")


def test_no_step_runs_for_a_run_that_another_job_keeps_off(host: Host) -> None:
    host.apply(STEP)
    host.watch()
    assert ending(start(host, "late")) == ("skipped", "idle never ran")
    assert printed(host, "quiesce") == []


def test_a_retry_does_not_run_the_step_again(host: Host) -> None:
    host.apply(
        STEP.replace(
            "command: [/bin/echo, left]", "command: [/bin/false]\n    retries: {max: 1, delay: 1s}"
        )
    )
    host.watch()
    assert ending(start(host, "left"))[0] == "failed"
    assert printed(host, "quiesce") == ["quiesce"]
    assert host.records("DEBVISOR_JOB=left", "DEBVISOR_FINAL=1")[-1]["DEBVISOR_ATTEMPT"] == "2"


# --- after, optional ----------------------------------------------------------------------------


def test_after_waits_and_goes_on_whatever_the_result(host: Host) -> None:
    host.apply(
        REQUIRES.replace(
            "{job: first, wait: 2s}", "{job: first, type: after, wait: 10min}"
        ).replace(
            "{job: first, max_age: 5s}",
            "{job: first, type: optional, wait: 1s}, {job: nobody, type: optional}",
        )
    )
    let_first(host, status=3)
    with first_held(host):
        fresh = start(host, "fresh")
        assert ending(fresh) == ("succeeded", ""), "it has waited for a second, and goes on"
        assert noted(host, "first", "DEBVISOR_JOB") == "first"
        host.box.run("systemctl start --no-block debvisor-job-second.service")
        host.box.wait_until(
            lambda: noted(host, "second", "DEBVISOR_WAITING") == "for first (running)",
            10,
            "it waits",
        )
    host.box.wait_until("! test -e /run/debvisor-timers/runs/second", 10)
    second, first = newest(host, "second"), newest(host, "first")
    assert ending(first)[0] == "failed"
    assert ending(second) == ("succeeded", "")
    assert second["end"] >= first["end"]


def test_jobs_joined_by_requires_on_the_same_expression_share_one_jitter(host: Host) -> None:
    schedule = '{on_calendar: "*-*-* *:*:00/20", jitter: 8s}'
    before = len(host.history("archive"))
    host.watch()
    host.apply(WORKFLOW.replace("{schedule}", schedule))
    delays = {
        job: host.box.run(f"grep -c RandomizedDelaySec {timer(job)} || :").stdout.strip()
        for job in STEPS
    }
    assert delays == {"backup": "1", "verify": "0", "archive": "0"}
    host.box.wait_until(
        lambda: len([r for r in host.history("archive") if r["end"]]) > before, 40, "a run"
    )
    host.box.run(["systemctl", "stop", "debvisor-timers.target"])
    assert printed(host, *STEPS)[:3] == ["backup", "verify", "archive"]
    assert newest(host, "archive")["outcome"] == "succeeded"


def timer(job: str) -> str:
    return f"/etc/systemd/system/debvisor-job-{job}.timer"

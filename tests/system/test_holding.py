# SPDX-License-Identifier: Apache-2.0
"""Holding back on a booted host: real timers fire and are skipped, over a reboot; backfill."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.box import Box, Layer
from tests.system.host import STATE, Host

READER = "bob"
FILLED = "/root/filled"
JOBS = """\
jobs:
  tick:
    schedule: {on_calendar: "*:*:*"}
    command: [/bin/true]
  nightly:
    schedule: {cron: "0 2 * * *", catch_up: once}
    script: |
      echo "$DEBVISOR_TRIGGER $DEBVISOR_SCHEDULED_FOR" >>/root/filled
      until test "$(wc -l </root/filled)" -le "$(cat /root/allowed)"; do sleep 0.1; done
      test ! -e /root/broken
  after:
    triggers: [{success_of: nightly}]
    command: [/bin/true]
  drop:
    triggers: [{path_exists: /srv/in}]
    command: [/bin/rm, /srv/in]
"""


@pytest.fixture(scope="module")
def host(installed: Layer) -> Iterator[Host]:
    with Box.boot(installed) as box:
        box.run(
            f"useradd --groups debvisor-timers,systemd-journal {READER}; echo 99 >/root/allowed"
        )
        host = Host(box)
        host.apply(JOBS)
        yield host


def newest(host: Host, job: str) -> dict[str, Any]:
    """Return the newest run of a job that has ended."""
    runs: list[dict[str, Any]] = host.json("history", job, "--limit=3")
    return next(run for run in runs if run["end"])


def await_reason(host: Host, job: str, reason: str) -> dict[str, Any]:
    """Wait until a run of the job has been skipped for this reason."""

    def found() -> list[dict[str, Any]]:
        history: list[dict[str, Any]] = host.json("history", job)
        return [run for run in history if run["reason"] == reason]

    return dict(host.box.wait_until(found, 15, f"a run of {job} is skipped: {reason}")[0])


def await_success(host: Host, job: str) -> None:
    """Wait until the newest run of the job has succeeded, but for starts that it kept off."""

    def has_succeeded() -> bool:
        runs = [run for run in host.json("history", job) if not run["overlapped"]]
        return bool(runs[0]["outcome"] == "succeeded")

    host.box.wait_until(has_succeeded, 15, f"{job} has succeeded")


def filled(host: Host) -> Sequence[str]:
    return host.box.run(f"cat {FILLED} 2>/dev/null || :").stdout.splitlines()


# --- pause, over a reboot, resume ----------------------------------------------------------------


def test_what_a_timer_a_path_or_another_job_starts_is_skipped(host: Host) -> None:
    said = host.cli("pause", "--all", "--reason", "disk is replaced")
    assert "paused 4 jobs, since " in said.stdout
    assert "without an end, by root: disk is replaced" in said.stdout

    reason = "paused by root: disk is replaced"
    assert await_reason(host, "tick", reason)["trigger"] == "timer"
    host.box.run("touch /srv/in")
    assert await_reason(host, "drop", reason)["trigger"] == "path"
    by_hand = host.cli("run", "nightly", "--wait")
    assert "nightly succeeded" in by_hand.stdout
    assert "note: nightly is paused, since " in by_hand.stderr
    assert await_reason(host, "after", reason)["trigger"] == "chain"


def test_it_is_shown(host: Host) -> None:
    rows = {row["job"]: row for row in host.json("list")}
    assert rows["tick"]["paused"]["reason"] == "disk is replaced"
    assert rows["nightly"]["skipped"] == "paused by root: disk is replaced"
    assert host.cli("list").stdout.count("paused") == 4
    assert "paused  since " in host.cli("show", "nightly").stdout
    assert "skipped: paused by root: disk is replaced" in host.cli("next", "nightly").stdout
    status = host.json("status")
    assert status["notes"] == ["4 jobs are paused: after, drop, nightly and 1 more"]
    assert (status["healthy"], host.plan_is_empty()) == (True, True)


def test_it_outlives_a_reboot_and_nothing_is_caught_up_then(host: Host) -> None:
    host.age_stamp("nightly")
    host.box.run("rm /srv/in")
    host.box.reboot()
    host.watch()

    assert await_reason(host, "nightly", "paused by root: disk is replaced")["trigger"] in {
        "catch_up",
        "timer",
    }
    host.box.wait_until(lambda: "tick" in host.started(), 10, "the timer of tick fires")
    assert newest(host, "tick")["outcome"] == "skipped"
    assert len(filled(host)) == 1


def test_resume_starts_nothing(host: Host) -> None:
    host.box.run("touch /srv/in")
    said = host.cli("resume", "--all")
    assert "resumed 4 jobs" in said.stdout
    assert "debvisor-path-drop.path is left stopped: /srv/in is there" in said.stderr
    host.watch()

    await_success(host, "tick")

    assert set(host.started()) <= {"tick"}
    assert host.box.run("test -e /srv/in", check=False).returncode == 0
    host.box.run("systemctl start debvisor-path-drop.path")
    await_success(host, "drop")


def test_a_pause_ends_by_itself(host: Host) -> None:
    host.cli("pause", "tick", "--until", "+5s")
    await_reason(host, "tick", "paused by root")
    await_success(host, "tick")
    assert host.box.run(f"ls {STATE}/paused").stdout.strip() == "tick"
    host.cli("maintain")
    assert host.box.run(f"ls {STATE}/paused").stdout.strip() == ""


# --- skip-next, maintenance ----------------------------------------------------------------------


def test_the_next_runs_are_skipped_and_counted(host: Host) -> None:
    said = host.cli("skip-next", "tick", "3").stdout
    assert said.startswith("the next 3 runs of tick by its schedule will be skipped:\n")

    await_reason(host, "tick", "on request, 3 of 3")
    await_success(host, "tick")

    reasons = [run["reason"] for run in host.json("history", "tick", "--status=skipped")]
    asked = [reason for reason in reasons if reason.startswith("on request")]
    assert asked[:3] == [f"on request, {n} of 3" for n in (3, 2, 1)]
    host.cli("skip-next", "nightly", "2")
    assert host.json("show", "nightly")["skip_next"] == 2
    assert "3 of 3" not in host.cli("skip-next", "nightly", "0").stdout
    assert host.json("show", "nightly")["skip_next"] == 0


def test_maintenance_of_the_host(host: Host) -> None:
    host.cli("maintenance", "on", "--reason", "kernel")
    await_reason(host, "tick", "maintenance: kernel")
    assert "the host is in maintenance" in host.cli("list").stderr
    assert "maintenance is off" in host.cli("maintenance", "off").stdout
    await_success(host, "tick")


def test_who_is_not_root_is_told_so_and_may_look(host: Host) -> None:
    host.box.run("chgrp -R debvisor-timers /etc/debvisor/timers")
    host.box.write("/etc/debvisor/timers/config.yaml", "policy: {members: viewer}\n", 0o640)
    for command in ("pause nightly", "resume nightly", "skip-next nightly", "maintenance on"):
        said = host.cli(*command.split(), expect=4, user=READER).stderr
        assert re.search(rf"needs the role (operator|admin), and {READER} has viewer", said)
        assert "fix: ask somebody who has it, or root" in said
    said = host.cli("backfill", "nightly", "--from=-3d", expect=4, user=READER).stderr
    assert "error: only root may" in said
    host.cli("backfill", "nightly", "--from=-3d", "--dry-run", user=READER)
    verbs = {record["verb"] for record in host.json("audit", "--limit=50")}
    assert {"pause", "resume", "skip-next", "maintenance"} <= verbs
    host.box.run("rm /etc/debvisor/timers/config.yaml")


# --- backfill ------------------------------------------------------------------------------------


def slots() -> list[str]:
    """Return the newest four times of nightly that have passed, the oldest first."""
    last = datetime.now(UTC).replace(hour=2, minute=0, second=0, microsecond=0)
    last -= timedelta(days=datetime.now(UTC) < last)
    return [f"{last - timedelta(days=n):%Y-%m-%dT%H:%M:%SZ}" for n in (3, 2, 1, 0)]


def backfill(host: Host, *options: str, expect: int = 0) -> str:
    first = slots()[0].replace("T", " ").replace("Z", " UTC")
    done = host.cli("backfill", "nightly", f"--from={first}", *options, expect=expect)
    return done.stdout + done.stderr


def test_a_backfill_that_is_stopped_goes_on_by_the_same_command(host: Host) -> None:
    host.box.run(f"rm -f {FILLED}; echo 1 >/root/allowed")
    assert "4 runs" in backfill(host, "--dry-run")
    assert filled(host) == []

    first = slots()[0].replace("T", " ").replace("Z", " UTC")
    argv = f"debvisor-timers backfill nightly --from='{first}'"
    for number, signal in ((2, "INT"), (3, "KILL")):
        host.box.run(f"setsid env --default-signal=INT {argv} >/tmp/said 2>&1 & echo $! >/tmp/pid")
        host.box.wait_until(f"test $(wc -l <{FILLED}) = {number}", 15, f"{number} begin")
        host.box.run(f"kill -{signal} $(cat /tmp/pid)")
        host.box.wait_until("! kill -0 $(cat /tmp/pid) 2>/dev/null", 10, "it has ended")
        host.box.run(f"echo {number} >/root/allowed")  # the run that is under way goes on
        if signal == "INT":
            said = host.box.run("cat /tmp/said").stdout
            assert "backfill stopped; the run that is under way goes on" in said
    host.box.run("echo 99 >/root/allowed")
    said = backfill(host)

    assert "goes on with the backfill of nightly" in said
    assert "1 succeeded, 0 failed, 0 left" in said or "2 succeeded, 0 failed, 0 left" in said
    assert filled(host) == [f"backfill {slot}" for slot in slots()]
    runs = [run for run in host.json("history", "nightly") if run["trigger"] == "backfill"]
    assert [run["scheduled_for"][:10] for run in runs] == [slot[:10] for slot in slots()][::-1]
    assert {run["by"] for run in runs} == {"root"}
    assert "nothing to make up for" in backfill(host, "--only-missed")


def test_a_run_that_fails_stops_it(host: Host) -> None:
    host.box.run(f"rm -f {FILLED}; touch /root/broken")
    said = backfill(host, expect=5)
    assert "failed (exit status 1)" in said
    assert "0 succeeded, 1 failed, 4 left" in said
    host.box.run("rm /root/broken")
    assert "4 succeeded, 0 failed, 0 left" in backfill(host)
    assert "4 succeeded" in backfill(host, "--parallel=2")

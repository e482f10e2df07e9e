# SPDX-License-Identifier: Apache-2.0
"""The main job: YAML, apply, a timer that fires by itself, history and journal; boot and reboot."""

from __future__ import annotations

from datetime import datetime

import pytest

from tests.box import Box
from tests.system import work
from tests.system.host import Host

BEAT = """\
jobs:
  beat:
    name: Heartbeat
    schedule: {on_calendar: "*:*:0/2"}
    script: |
      echo to standard output
      echo to standard error >&2
      i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done
"""


@pytest.fixture
def host(box: Box) -> Host:
    return Host(box)


def test_a_job_from_yaml_to_its_history_and_its_removal(host: Host) -> None:
    """Everything that the first page of the README promises, in one story."""
    host.write(BEAT)
    assert host.cli("plan").stdout.startswith("+ beat  next ")
    done = host.apply()
    assert done.stdout == "1 created, 0 updated, 0 removed, 0 unchanged (generation 1)\n"
    assert host.plan_is_empty()
    listed = host.box.run("systemctl list-timers --no-legend 'debvisor-*'").stdout
    assert listed.count("debvisor-job-beat.timer") == 1
    assert "debvisor-job-beat.service" in listed

    host.await_run("beat", "succeeded", count=2)
    # So that no run is under way while it is looked at.
    host.box.run("systemctl stop debvisor-job-beat.timer")
    work.await_ends(host, "beat")
    newest = next(run for run in host.history("beat") if run["outcome"] == "succeeded")

    assert newest["trigger"] == "timer"
    assert newest["generation"] == 1
    assert (newest["exit_status"], newest["reason"]) == (0, "")
    start, end = (datetime.fromisoformat(newest[key]) for key in ("start", "end"))
    assert 0 < newest["duration_seconds"] < 2
    assert newest["duration_seconds"] == pytest.approx((end - start).total_seconds())
    assert 0 < newest["cpu_seconds"] < 2
    if "memory" in host.box.read("/sys/fs/cgroup/cgroup.controllers").split():
        assert newest["memory_peak_bytes"] > 100_000
    scheduled = datetime.fromisoformat(newest["scheduled_for"])
    assert scheduled.second % 2 == 0
    assert scheduled <= start

    said = {
        (record["MESSAGE"], record["PRIORITY"])
        for record in host.records("DEBVISOR_JOB=beat", "_TRANSPORT=stdout")
    }
    assert said == {("to standard output", "6"), ("to standard error", "3")}
    errors = host.box.journal("--unit=debvisor-job-beat", "--priority=err", "--output=cat")
    assert set(errors.splitlines()) == {"to standard error"}
    table = host.cli("history", "beat").stdout.splitlines()
    assert table[0].split() == ["START", "TOOK", "RESULT", "TRIGGER", "CPU", "RUN"]
    assert "succeeded" in "".join(table[1:])
    logs = host.cli("logs", "beat").stdout
    assert "to standard error" in logs

    host.box.run("systemctl start debvisor-job-beat.timer")
    done = host.apply("jobs: {}\n", "--allow-empty")
    assert done.stdout == "0 created, 0 updated, 1 removed, 0 unchanged (generation 2)\n"
    host.box.wait_until(lambda: host.units("--all") == [], 20, "a run under way has ended")
    runs = len(host.history("beat"))
    assert runs >= 2  # the journal keeps what was


OFTEN = """\
jobs:
  often:
    command: [/bin/true]
"""


def test_a_job_that_runs_often_is_never_refused(host: Host) -> None:
    """systemd's start limit would refuse the sixth run within ten seconds."""
    host.apply(OFTEN)
    host.box.run("for i in 1 2 3 4 5 6 7; do systemctl start debvisor-job-often.service; done")
    assert [run["outcome"] for run in host.json("history", "often")] == ["succeeded"] * 7


BOOT = """\
jobs:
  started:
    triggers: [{boot: 1s}]
    command: [/bin/true]
"""


def test_a_boot_trigger_fires_after_a_boot_and_at_nothing_else(host: Host) -> None:
    host.apply(BOOT)
    assert host.json("list")[0]["state"] == "at boot"
    host.apply(BOOT.replace("1s", "2s"))
    host.apply()
    host.box.run("systemctl daemon-reload; systemctl restart debvisor-timers.target")
    assert host.started() == []
    assert host.units("--type=timer", "--state=active") == []

    host.box.reboot()

    run = host.await_run("started", "succeeded")[0]
    assert run["trigger"] == "boot"
    assert host.started() == ["started"]
    host.apply(BOOT.replace("1s", "3s"))
    host.box.run("systemctl stop debvisor-timers.target; systemctl start debvisor-timers.target")
    host.box.run("systemctl daemon-reload")
    assert host.started() == ["started"]
    host.box.run("systemctl restart debvisor-timers.target")
    assert host.started() == ["started"]
    host.apply("jobs: {}\n", "--allow-empty")
    assert host.units("--all") == []


FAILING = """\
jobs:
  failing:
    schedule: "0 2 29 2 *"
    script: "echo it broke >&2; exit 7"
  slow:
    schedule: "0 2 29 2 *"
    timeout: 1s
    command: [/bin/sleep, "600"]
  stopped:
    schedule: "0 2 29 2 *"
    command: [/bin/sleep, "600"]
  missing:
    schedule: "0 2 29 2 *"
    command: [/no/such/program]
"""


def test_each_way_to_end_is_told_by_run_history_list_and_status(host: Host) -> None:
    host.apply(FAILING)

    done = host.cli("run", "failing", "--wait", expect=5)
    assert done.stdout.startswith("failing failed (exit status 7) after ")
    done = host.cli("run", "slow", "--wait", expect=5)
    assert done.stdout.startswith("slow timed out after 1")
    assert host.json("run", "missing", "--wait", expect=5)["run"]["exit_status"] == 203
    host.cli("run", "stopped")
    host.box.wait_until(lambda: host.json("history", "stopped"), 10)
    assert "is running already" in host.cli("run", "stopped", expect=4).stderr
    assert host.cli("stop", "stopped").stdout == "stopped stopped\n"
    assert host.cli("stop", "stopped").stdout == "stopped was not running\n"

    rows = {row["job"]: row["last"]["outcome"] for row in host.json("list")}
    assert rows == {
        "failing": "failed",
        "missing": "failed",
        "slow": "timed_out",
        "stopped": "stopped",
    }
    for job, outcome in rows.items():
        run = host.json("history", job)[0]
        assert (run["outcome"], run["trigger"], run["by"]) == (outcome, "manual", "root")
    findings = host.json("status", expect=10)["findings"]
    assert [(finding["kind"], finding["subject"]) for finding in findings] == [
        ("failed", "failing"),
        ("failed", "missing"),
        ("failed", "slow"),
    ]
    assert "it broke" in host.cli("logs", "failing").stdout


def test_a_run_that_a_power_cut_ends_is_lost_not_forgotten(host: Host) -> None:
    host.apply(FAILING)
    host.cli("run", "stopped")
    host.box.wait_until(lambda: host.json("history", "stopped"), 10)
    host.box.run(["journalctl", "--sync"])
    host.box.power_cut()
    host.box.start()
    assert [run["outcome"] for run in host.json("history", "stopped")] == ["lost"]

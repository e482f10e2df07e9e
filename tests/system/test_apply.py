# SPDX-License-Identifier: Apache-2.0
"""apply on a real systemd: starts no job, disturbs no run, asks systemd for little."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.box import Box
from tests.system.host import TARGET, Host

LATER = datetime.now(UTC) + timedelta(hours=6)
"""Far enough from now: no timer fires by itself while the tests run."""

PAIR = f"""\
jobs:
  kept:
    schedule: {{cron: "{LATER:%M %H} * * *", catch_up: once}}
    command: [/usr/bin/touch, /var/fired-kept]
  missed:
    schedule: {{cron: "{LATER:%M %H} * * *", catch_up: skip}}
    command: [/usr/bin/touch, /var/fired-missed]
"""
ONE = f"""\
jobs:
  one:
    schedule: {{cron: "{LATER:%M %H} * * *", catch_up: once}}
    command: [/usr/bin/touch, /var/fired]
"""
SLOW = f"""\
jobs:
  slow:
    schedule: {{cron: "{LATER:%M %H} * * *", catch_up: once}}
    script: |
      while [ ! -e /run/go ]; do sleep 0.05; done
      exit 3
"""


@pytest.fixture
def host(box: Box) -> Host:
    return Host(box)


# --- nothing fires -----------------------------------------------------------------------------


def elapsed_since_start(host: Host, timers: list[str]) -> str:
    """Return a calendar that elapses hourly, and did once since the `timers` were started."""
    since = max(
        int(host.show(timer, "ActiveEnterTimestampMonotonic")["ActiveEnterTimestampMonotonic"])
        for timer in timers
    )
    host.box.wait_until(
        f"awk '{{exit !($1 * 1000000 > {since} + 2500000)}}' /proc/uptime", 10, "2.5 s have passed"
    )
    missed = float(host.box.run("date +%s").stdout) - 1
    return f"*:{datetime.fromtimestamp(missed, UTC):%M:%S}"


def test_no_edit_fires_a_job(host: Host) -> None:
    """Each edit comes when the job was last triggered long ago, and has missed its time since."""
    host.apply(PAIR)
    moved = PAIR.replace(f"{LATER:%M %H}", f"{LATER - timedelta(hours=8):%M %H}")
    edits = {
        "a new command": PAIR.replace("touch", "stat"),
        "a missed schedule": moved,
        "the schedule of before": PAIR,
        "other words for it": PAIR.replace(" * * *", " * * mon-sun"),
        "another zone": PAIR.replace("catch_up", "timezone: Asia/Tokyo, catch_up"),
        "catching up": moved.replace("skip", "once"),
        "not catching up": moved.replace("once", "skip"),
        "disabled": PAIR.replace("    command", "    enabled: false\n    command"),
        "enabled": PAIR,
        "removed": PAIR.partition("  missed:")[0],
        "back": PAIR,
        "a remark": PAIR + "# remark\n",
    }
    for edit, yaml in edits.items():
        for timer in host.running_timers():
            host.age_stamp(timer.removeprefix("debvisor-job-").removesuffix(".timer"))
        host.apply(yaml)
        host.box.run("systemctl daemon-reload")
        assert host.started() == [], edit
    assert host.plan_is_empty()


def test_a_new_time_that_passed_since_the_timer_was_started_is_not_made_up_for(host: Host) -> None:
    """systemd 257 counts from the timer's start where it has no stamp."""
    host.apply(PAIR)
    calendar = elapsed_since_start(host, host.running_timers())

    host.apply(PAIR.replace(f'cron: "{LATER:%M %H} * * *"', f'on_calendar: "{calendar}"'))

    assert host.started() == []
    assert len(host.running_timers()) == 2
    host.box.run("systemctl daemon-reload")
    assert host.started() == []


def test_releasing_the_emergency_brake_starts_nothing_but_what_may_catch_up(host: Host) -> None:
    host.apply(PAIR)
    calendar = elapsed_since_start(host, host.running_timers())
    host.apply(PAIR.replace(f'cron: "{LATER:%M %H} * * *"', f'on_calendar: "{calendar}"'))

    host.box.run(["systemctl", "stop", TARGET])
    assert host.running_timers() == []
    host.age_stamp("kept", "missed")
    host.box.run(["systemctl", "start", TARGET])

    host.box.wait_until("test -e /var/fired-kept", 10, "kept has caught up")
    assert host.started() == ["kept"]
    assert len(host.running_timers()) == 2


def test_a_change_while_the_brake_is_on_starts_no_timer(host: Host) -> None:
    host.apply(PAIR)
    host.box.run(["systemctl", "stop", TARGET])

    done = host.apply(PAIR.replace("touch", "stat") + ONE.removeprefix("jobs:\n"))

    assert "systemctl start debvisor-timers.target" in done.stderr
    assert host.running_timers() == []
    assert host.json("status", expect=10)["findings"][0]["kind"] == "brake"
    host.box.run(["systemctl", "start", TARGET])
    assert host.running_timers() == [
        f"debvisor-job-{job}.timer" for job in ("kept", "missed", "one")
    ]
    assert host.started() == []
    assert host.json("status")["healthy"]


def test_timers_survive_many_starts_within_seconds(host: Host) -> None:
    """systemd's start limit would leave them failed at the sixth."""
    host.apply(PAIR)
    both = host.running_timers()
    host.box.run(
        f"for i in 1 2 3 4 5 6 7; do systemctl stop {TARGET}; systemctl start {TARGET}; done"
    )
    assert host.running_timers() == both
    assert host.started() == []


# --- running jobs ------------------------------------------------------------------------------


@contextmanager
def running(host: Host) -> Iterator[dict[str, str]]:
    """Apply SLOW, start it, and let it end when the block ends; gives what identifies the run."""
    host.apply(SLOW)
    host.cli("run", "slow")
    service = "debvisor-job-slow.service"
    wanted = ("MainPID", "InvocationID")
    host.box.wait_until(
        lambda: host.show(service, "MainPID") != {"MainPID": "0"}, 10, "its program runs"
    )
    assert len(host.json("history", "slow")) == 1
    before = host.show(service, *wanted)
    yield before
    assert host.show(service, *wanted) == before
    host.box.run(["touch", "/run/go"])
    host.box.wait_until(f"test ! -e /proc/{before['MainPID']}", 10, "the run has ended")


EDITS = {
    "command": SLOW.replace("exit 3", "exit 0"),
    "schedule": SLOW.replace(f"{LATER:%M %H}", f"{LATER - timedelta(hours=8):%M %H}"),
    "sandbox": SLOW.replace("exit 3", "exit 0") + "    sandbox: strict\n",
    "disabled": SLOW.replace("exit 3", "exit 0") + "    enabled: false\n",
}


@pytest.mark.parametrize("edit", EDITS)
def test_a_run_is_not_disturbed_and_its_failure_is_recorded(host: Host, edit: str) -> None:
    with running(host):
        host.age_stamp("slow")
        host.apply(EDITS[edit])

    run = host.await_run("slow", "failed")[0]
    assert (run["exit_status"], run["generation"], run["trigger"]) == (3, 1, "manual")
    assert run["reason"] == "exit status 3"
    assert host.started() == ["slow"]


def test_a_new_definition_counts_from_the_next_run(host: Host) -> None:
    with running(host):
        host.apply(SLOW.replace("exit 3", "exit 0"))
    host.await_run("slow", "failed")

    host.cli("run", "slow", "--wait")

    newest, oldest = host.json("history", "slow")
    assert (newest["outcome"], newest["generation"]) == ("succeeded", 2)
    assert (oldest["exit_status"], oldest["generation"]) == (3, 1)


def test_a_job_that_is_removed_while_it_runs_ends_by_itself(host: Host) -> None:
    with running(host):
        host.apply("jobs: {}\n", "--allow-empty")
        assert host.running_timers() == []

    run = host.await_run("slow", "failed")[0]
    assert run["exit_status"] == 3
    assert run["duration_seconds"] > 0


# --- systemd is asked for little -----------------------------------------------------------------


def test_one_reload_for_an_apply_and_none_for_nothing(host: Host) -> None:
    host.apply(PAIR)
    assert host.reloads() == 1
    host.apply()
    assert host.reloads() == 1
    host.apply(PAIR + "# remark\n")
    assert host.reloads() == 1
    host.apply(PAIR.replace("touch", "stat") + ONE.removeprefix("jobs:\n"))
    assert host.reloads() == 2


@contextmanager
def calls_to_systemd(box: Box) -> Iterator[list[str]]:
    """Collect the names of the methods that are called on the system bus."""
    calls: list[str] = []
    box.run("rm -f /run/calls")
    monitor = box.spawn(
        "exec busctl monitor --json=short --match type=method_call >/run/calls 2>/run/monitor"
    )
    box.wait_until("busctl list >/dev/null; grep -q ListNames /run/calls", 10, "the monitor sees")
    before = len(box.read("/run/calls").splitlines())
    try:
        yield calls
        box.run("busctl call org.freedesktop.DBus / org.freedesktop.DBus GetId")
        box.wait_until("grep -q GetId /run/calls", 10, "the last call is seen")
    finally:
        monitor.kill()
    seen: list[dict[str, Any]] = [json.loads(line) for line in box.read("/run/calls").splitlines()]
    calls += [
        call["member"]
        for call in seen[before:]
        if call.get("destination") == "org.freedesktop.systemd1"
    ]


def test_an_apply_of_nothing_only_reads(host: Host) -> None:
    host.apply(PAIR)
    with calls_to_systemd(host.box) as calls:
        host.apply(PAIR.replace("touch", "stat"))
    assert "Reload" in calls  # else the next assertion would say nothing

    with calls_to_systemd(host.box) as calls:
        host.apply()
        host.cli("plan")

    assert set(calls) <= {"Get", "ListUnitsByPatterns"}


def test_many_new_jobs_are_started_in_few_calls(host: Host) -> None:
    jobs = "".join(
        f"  job-{n}: {{schedule: '{LATER:%M %H} * * *', command: [/bin/true]}}\n" for n in range(60)
    )
    with calls_to_systemd(host.box) as calls:
        host.apply(f"jobs:\n{jobs}")
    assert len(host.running_timers()) == 60
    assert calls.count("Reload") == 1
    assert calls.count("StartUnit") == 1

# SPDX-License-Identifier: Apache-2.0
"""Every failed run is told once, whatever the number of its attempts; nothing else is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.box import Box
from tests.system.host import Host

CONFIG = """\
channels:
  ops: {exec: [/usr/local/bin/tell, ops]}
  broken: {exec: [/usr/local/bin/none]}
"""
TELL = """\
#!/bin/sh
sed 's/^/{"channel": "'"$1"'", "told": /; s/$/}/' >>/root/told
"""
RETRIES = "retries: {max: 2, delay: 300ms, factor: 1}"
TOLD = "notify: {failure: [ops]}"
JOBS = f"""\
jobs:
  once: {{ script: 'echo last words >&2; exit 3', owner: storage, name: Once, {TOLD} }}
  in-vain: {{ script: exit 3, {RETRIES}, {TOLD} }}
  in-the-end: {{ script: 'mkdir /root/first && exit 3; :', {RETRIES}, {TOLD} }}
  no-user: {{ command: [/bin/true], user: nobody-here, {TOLD} }}
  no-user-in-vain: {{ command: [/bin/true], user: nobody-here, {RETRIES}, {TOLD} }}
  no-file-in-vain:
    command: [/bin/true]
    environment_files: [/none]
    {RETRIES}
    {TOLD}
  no-mount-in-vain:
    command: [/bin/true]
    unit: {{Service: {{ReadWritePaths: /none}}}}
    {RETRIES}
    {TOLD}
  no-credential-in-vain:
    command: [/bin/true]
    credentials: {{a: /root/gone}}
    {RETRIES}
    {TOLD}
  no-program-in-vain: {{ command: [/usr/local/bin/none], {RETRIES}, {TOLD} }}
  slow: {{ script: 'sleep 60', {RETRIES}, {TOLD} }}
  patient: {{ script: exit 3, retries: {{max: 2, delay: 10min}}, {TOLD} }}
  too-long: {{ script: 'sleep 60', timeout: 1s, retries: {{max: 1, delay: 300ms}}, {TOLD} }}
  killed: {{ script: 'kill -KILL $$', {RETRIES}, {TOLD} }}
  needs: {{ command: [/bin/true], depends_on: [{{unit: failing.service}}], {TOLD} }}
  stuck: {{ script: exit 3, depends_on: [{{unit: once-only.service}}], {RETRIES}, {TOLD} }}
  both: {{ script: exit 3, notify: {{failure: [broken, ops]}} }}
  silent: {{ script: exit 3 }}
"""
FAILING = "[Service]\nType=oneshot\nExecStart=/bin/false\n"
ONCE_ONLY = "[Service]\nType=oneshot\nExecStart=/bin/mkdir /run/once-only\n"


@pytest.fixture(scope="module")
def host(module_box: Box) -> Host:
    """A host with all the jobs, two channels, and a user who is gone since the apply."""
    new = Host(module_box)
    module_box.write("/usr/local/bin/tell", TELL, 0o755)
    module_box.write("/etc/debvisor/timers/config.yaml", CONFIG, 0o640)
    module_box.write("/etc/systemd/system/failing.service", FAILING)
    module_box.write("/etc/systemd/system/once-only.service", ONCE_ONLY)
    module_box.run("useradd nobody-here; touch /root/gone; systemctl daemon-reload")
    new.apply(JOBS)
    module_box.run("userdel nobody-here; rm /root/gone")
    return new


@pytest.fixture(autouse=True)
def nothing_told_yet(host: Host) -> None:
    host.await_handlers()
    host.box.run("rm -f /root/told")


def run(host: Host, job: str, expect: int = 5) -> dict[str, Any]:
    """Run a job to its end; return what `run --wait` says of it."""
    done: dict[str, Any] = host.json("run", job, "--wait", expect=expect)
    return done["run"] or {}


def told(host: Host) -> list[dict[str, Any]]:
    """Return what was told, with the channel, once all handlers have ended."""
    host.await_handlers()
    lines = host.box.run("cat /root/told 2>/dev/null || :").stdout.splitlines()
    return [{**json.loads(line)["told"], "channel": json.loads(line)["channel"]} for line in lines]


def newest(host: Host, job: str) -> dict[str, Any]:
    host.box.run(["journalctl", "--sync"])
    found: dict[str, Any] = host.json("history", job)[0]
    return found


def last(host: Host, job: str) -> dict[str, Any]:
    """Return the last run of a job as `list` has it, without the journal."""
    rows = {row["job"]: row for row in host.json("list")}
    found: dict[str, Any] = rows[job]["last"]
    return found


def test_the_channel_gets_the_run_as_the_history_has_it(host: Host) -> None:
    run(host, "once")
    (document,) = told(host)
    history = newest(host, "once")
    # History has some by the names of the guide, too.
    told_of = {key: value for key, value in history.items() if key in document}
    assert {key: document[key] for key in told_of} == told_of
    assert {"run", "job", "outcome", "reason", "exit_status", "each_attempt"} <= told_of.keys()
    assert (document["event"], document["channel"], document["host"]) == ("failure", "ops", "box")
    assert (document["name"], document["owner"], document["tags"]) == ("Once", "storage", {})
    assert document["log"][-1] == "last words"


IN_VAIN = {
    "in-vain": ("failed", "exit status 3", 3),
    "killed": ("failed", "killed by SIGKILL", None),
    "no-program-in-vain": ("failed", "exit status 203: its program cannot be executed", 203),
    "no-user-in-vain": ("failed", "begin: exit status 217: its user", None),
    "no-mount-in-vain": ("failed", "begin: exit status 226: its mounts or sandbox paths", None),
    "no-credential-in-vain": ("failed", "begin: exit status 243: its credentials", None),
    "no-file-in-vain": ("failed", "systemd could not prepare it", None),
}


@pytest.mark.parametrize("job", IN_VAIN)
def test_a_run_whose_attempts_all_fail_is_told_once(host: Host, job: str) -> None:
    said = run(host, job)

    (document,) = told(host)
    outcome, reason, status = IN_VAIN[job]
    found = {key: document[key] for key in ("outcome", "reason", "exit_status", "attempts")}
    assert found == {
        "outcome": outcome,
        "reason": reason,
        "exit_status": status,
        "attempts": 3,
    }
    assert [each["attempt"] for each in document["each_attempt"]] == [1, 2, 3]
    assert document["run"] == newest(host, job)["run"] == last(host, job)["run"] == said["run"]
    assert last(host, job)["outcome"] == outcome
    assert len(host.records(f"MESSAGE_ID={STARTING}", f"UNIT=debvisor-job-{job}.service")) % 3 == 0


STARTING = "7d4958e842da4a758f6c1cdc7b36dcc5"


def test_a_run_after_one_whose_attempts_all_failed_is_not_refused(host: Host) -> None:
    for job in ("in-vain", "no-user-in-vain", "no-user-in-vain"):
        run(host, job)
        host.await_handlers()
        unit = f"debvisor-job-{job}.service"
        host.box.run(["systemctl", "start", unit], check=False)
        host.await_handlers()
        assert newest(host, job)["attempts"] == 3, host.cli("history", job).stdout


def test_a_failure_that_a_retry_mended_is_not_told(host: Host) -> None:
    assert run(host, "in-the-end", expect=0)["outcome"] == "succeeded"
    assert told(host) == []
    run_ = newest(host, "in-the-end")
    assert (run_["outcome"], run_["attempts"], run_["max_attempts"]) == ("succeeded", 2, 3)
    assert [each["outcome"] for each in run_["each_attempt"]] == ["failed", "succeeded"]


def test_a_time_out_is_told_as_one(host: Host) -> None:
    run(host, "too-long")
    (document,) = told(host)
    assert (document["outcome"], document["attempts"]) == ("timed_out", 2)


def test_a_stop_by_hand_is_not_told(host: Host) -> None:
    host.cli("run", "slow")
    host.box.wait_until("pgrep -f 'sleep 6[0]'", 10)
    host.cli("stop", "slow")
    assert told(host) == []
    assert newest(host, "slow")["outcome"] == last(host, "slow")["outcome"] == "stopped"


def test_a_run_between_two_attempts_is_shown_and_can_be_stopped(host: Host) -> None:
    host.cli("run", "patient")
    host.box.wait_until("systemctl show debvisor-job-patient | grep -q 'SubState=auto-restart'", 10)
    (row,) = [row for row in host.json("list") if row["job"] == "patient"]
    assert (row["state"], row["under_way"]["max_attempts"]) == ("retrying", 3)
    assert row["under_way"]["waiting_for"] == "attempt 2 of 3"
    assert "attempt 2 of 3 in 9min 5" in host.cli("list").stdout
    waits = newest(host, "patient")
    assert (waits["outcome"], waits["status"]) == ("waiting", "pending")
    assert waits["run"] == row["under_way"]["run"]
    assert "it waits for attempt 2 of 3" in host.cli("run", "patient", expect=4).stderr

    assert host.cli("stop", "patient").stdout == "stopped patient\n"

    assert told(host) == []
    stopped = newest(host, "patient")
    assert (stopped["outcome"], stopped["attempts"]) == ("stopped", 1)
    assert last(host, "patient")["run"] == stopped["run"] == waits["run"]
    assert last(host, "patient")["outcome"] == "stopped"
    assert host.show("debvisor-job-patient.service", "ActiveState") == {"ActiveState": "inactive"}
    host.box.run("test ! -e /run/debvisor-timers/runs/patient")


def test_a_failed_dependency_is_a_skip_and_not_told(host: Host) -> None:
    host.box.run("systemctl start debvisor-job-needs.service", check=False)
    assert told(host) == []
    run_ = newest(host, "needs")
    assert (run_["outcome"], run_["reason"]) == ("skipped", "a dependency failed")


def test_a_unit_that_systemd_leaves_between_two_attempts_is_ended(host: Host) -> None:
    run(host, "stuck")
    (document,) = told(host)
    assert document["reason"] == "exit status 3; a dependency of its retry failed"
    assert host.show("debvisor-job-stuck.service", "ActiveState") == {"ActiveState": "inactive"}
    assert last(host, "stuck")["run"] == document["run"]
    host.box.run("rmdir /run/once-only")


def test_a_channel_that_is_broken_fails_aloud_and_stops_no_other(host: Host) -> None:
    run(host, "both")
    (document,) = told(host)
    assert document["channel"] == "ops"
    handler = "debvisor-timers-notify@both.service"
    assert host.show(handler, "Result") == {"Result": "exit-code"}
    said = host.box.journal("--unit", handler, "--output=cat")
    assert "the channel broken was not told: cannot execute /usr/local/bin/none" in said


def test_a_job_that_names_no_channel_tells_nobody(host: Host) -> None:
    run(host, "silent")
    assert told(host) == []


def test_a_failed_run_is_run_again(host: Host) -> None:
    failed = run(host, "once")["run"]
    host.await_handlers()
    host.json("retry", "once", "--wait", expect=5)
    again = newest(host, "once")
    assert (again["retry_of"], again["by"], again["trigger"]) == (failed, "root", "retry")
    assert "retry by root" in host.cli("history", "once").stdout
    assert "there is no run 'x' of job 'once'" in host.cli("retry", "once", "x", expect=2).stderr


def test_the_program_of_a_channel_that_changes_counts_from_the_next_apply(host: Host) -> None:
    config = CONFIG.replace("tell, ops]", "tell, others]")
    host.box.write("/etc/debvisor/timers/config.yaml", config, 0o640)
    run(host, "once")
    assert [document["channel"] for document in told(host)] == ["ops"]
    host.apply()
    run(host, "once")
    assert [document["channel"] for document in told(host)] == ["ops", "others"]

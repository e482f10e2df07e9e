# SPDX-License-Identifier: Apache-2.0
"""Who is told of what besides failures, on a real systemd: runs, and what the timer looks for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.box import Box
from tests.system.host import STARTING, STATE, TARGET, UNITS, Host

CONFIG = """\
channels:
  ops: {exec: [/usr/local/bin/tell]}
  down: {exec: [/bin/sh, -c, 'test -e /root/up && /usr/local/bin/tell']}
notifications: {apply_failed: [ops]}
"""
TELL = "#!/bin/sh\ncat >>/root/told\n"
JOBS = """\
jobs:
  fickle:
    script: test -e /root/good
    notify: {failure: [ops], recovery: [ops], after: 2}
  open:
    command: [/bin/true]
    notify: {success: [ops], started: [ops]}
  no-user:
    command: [/bin/true]
    user: nobody-here
    notify: {failure: [ops], started: [ops], success: [ops]}
  often:
    command: [/bin/true]
    schedule: {on_calendar: "*:*:0/3"}  # longer than a run takes
    notify: {skipped: [ops]}
  slow:
    command: [/bin/sleep, "600"]
    notify: {long_running: {after: 1s, channels: [ops]}}
  idle:
    command: [/bin/true]
    schedule: "0 4 * * *"
    notify: {disabled: [ops], missed: [ops]}
  later:
    script: exit 3
    notify: {failure: [down]}
"""
SOON = "[Timer]\nOnActiveSec=\nOnUnitInactiveSec=\nOnActiveSec=1s\nOnUnitInactiveSec=1s\n"
WATCH = "debvisor-timers-watch"


@pytest.fixture(scope="module")
def host(module_box: Box) -> Host:
    """A host that is looked at each second, with a user who is gone since the apply."""
    new = Host(module_box)
    module_box.write("/usr/local/bin/tell", TELL, 0o755)
    module_box.write("/etc/debvisor/timers/config.yaml", CONFIG, 0o640)
    soon = f"{SOON}AccuracySec=100ms\n"
    module_box.write(f"/etc/systemd/system/{WATCH}.timer.d/soon.conf", soon)
    module_box.run("useradd nobody-here; systemctl daemon-reload")
    new.apply(JOBS)
    module_box.run("userdel nobody-here")
    return new


def told(host: Host, job: str, count: int) -> list[dict[str, Any]]:
    """Return the messages about a job, once there are `count` and no handler is at work."""
    host.box.wait_until(
        f'test $(grep -c \'"job": "{job}"\' /root/told) -ge {count}',
        20,
        f"{count} messages about {job}",
    )
    host.await_handlers()
    lines = host.box.run("cat /root/told").stdout.splitlines()
    found = [json.loads(line) for line in lines]
    return [each for each in found if each.get("job") == job]


def run(host: Host, job: str, expect: int) -> str:
    """Run a job to its end, and return the id of the run."""
    done = host.json("run", job, "--wait", expect=expect)
    host.await_handlers()
    return str(done["run"]["run"])


def test_the_timer_looks_by_itself_since_there_is_something_to_look_at(host: Host) -> None:
    assert host.show(f"{WATCH}.timer", "ActiveState") == {"ActiveState": "active"}
    host.box.wait_until(f"test -e {STATE}/watch/seen.json", 20)


def test_the_second_failure_in_a_row_and_the_recovery_are_told(host: Host) -> None:
    host.box.run("rm -f /root/good")
    runs = [run(host, "fickle", 5) for _ in range(2)]
    host.box.run("touch /root/good")
    runs += [run(host, "fickle", 0) for _ in range(2)]
    failure, recovery = told(host, "fickle", 2)
    assert (failure["event"], failure["run"], failure["failures"]) == ("failure", runs[1], 2)
    assert (recovery["event"], recovery["run"]) == ("recovery", runs[2])
    assert recovery["broken_for_seconds"] > 0
    assert "SEEN" in host.box.read(f"{STATE}/notified/fickle")


def test_the_start_and_the_success_of_a_run_are_told(host: Host) -> None:
    name = run(host, "open", 0)
    found = {each["event"]: each["run"] for each in told(host, "open", 2)}
    assert found == {"started": name, "success": name}


def test_a_run_whose_unit_could_not_start_is_told_as_failed_alone(host: Host) -> None:
    name = run(host, "no-user", 5)
    (document,) = told(host, "no-user", 1)
    assert (document["event"], document["run"]) == ("failure", name)
    assert document["reason"] == "begin: exit status 217: its user"


def test_a_pause_is_told_once_however_many_runs_it_skips(host: Host) -> None:
    # A run that lasts longer than a second is looked at for what it has kept off.
    host.await_handlers()
    host.cli("pause", "often", "--reason", "moving")
    told(host, "often", 1)
    host.watch()
    host.box.wait_until(f"test $({SKIPS}) -ge 6", 40)
    started = host.records(f"MESSAGE_ID={STARTING}", "UNIT=debvisor-timers-notify@often.service")
    assert started == []
    (document,) = told(host, "often", 1)
    assert (document["event"], document["outcome"]) == ("skipped", "skipped")
    assert "moving" in document["reason"]
    host.cli("resume", "often")


SKIPS = "journalctl --output=cat DEBVISOR_JOB=often | grep -c 'is skipped'"


def test_a_run_that_takes_long_is_told_while_it_runs(host: Host) -> None:
    host.cli("run", "slow")
    (document,) = told(host, "slow", 1)
    assert (document["event"], document["outcome"]) == ("long_running", "running")
    assert document["running_for_seconds"] >= 1
    host.cli("stop", "slow")


def test_a_job_that_is_disabled_is_told_with_who_has_done_it(host: Host) -> None:
    host.box.wait_until(f"grep -q '\"idle\"' {STATE}/watch/seen.json", 20)
    host.cli("job", "disable", "idle")
    (document,) = told(host, "idle", 1)
    assert document["event"] == "disabled"
    assert document["text"].startswith("It is not enabled any more: generation ")


def test_a_channel_that_is_down_is_tried_again_by_the_timer(host: Host) -> None:
    run(host, "later", 5)
    assert host.box.run(f"ls {STATE}/queue/*.json | wc -l").stdout == "1\n"
    host.box.run("touch /root/up")
    host.box.run(
        f"""sed -i 's/"due": "[^"]*"/"due": "2026-01-01T00:00:00+00:00"/' {STATE}/queue/*.json"""
    )
    (document,) = told(host, "later", 1)
    assert document["event"] == "failure"
    host.box.wait_until(f'test -z "$(ls {STATE}/queue/*.json 2>/dev/null)"', 20)


def test_an_apply_that_fails_is_told(host: Host) -> None:
    broken = JOBS + "  new: {command: [/bin/true], schedule: '0 5 * * *'}\n"
    host.box.run(f"mount --bind {UNITS} {UNITS}; mount -o remount,bind,ro {UNITS}")
    try:
        host.apply(broken, expect=5)
    finally:
        host.box.run(["umount", UNITS])
    host.box.wait_until("grep -q apply_failed /root/told", 20)
    lines = [json.loads(each) for each in host.box.run("cat /root/told").stdout.splitlines()]
    (document,) = [each for each in lines if each["event"] == "apply_failed"]
    assert "cannot write" in document["text"]
    assert document["by"] == "root"


def test_a_host_with_nothing_to_look_at_is_not_looked_at_any_more(host: Host) -> None:
    host.apply("jobs:\n  open: {command: [/bin/true], notify: {failure: [ops]}}\n")
    host.box.wait_until(f"test $(systemctl is-active {WATCH}.timer) = inactive", 20)
    host.box.run(f"systemctl restart {TARGET}")
    host.box.wait_until(
        f"test $(journalctl --output=cat -u {WATCH}.timer | grep -c Stopped) -ge 2", 20
    )

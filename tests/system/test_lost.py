# SPDX-License-Identifier: Apache-2.0
"""A run that a power cut has ended is in the history and told once, also if the journal is gone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.box import Box
from tests.system.host import STATE, Host

CONFIG = "channels:\n  ops: {exec: [/usr/local/bin/tell]}\n"
TELL = "#!/bin/sh\ncat >>/root/told\necho >>/root/told\n"
JOBS = """\
jobs:
  long:
    script: '[ -e /root/be-quick ] || sleep 3600'
    notify: {failure: [ops]}
  fickle:
    script: exit 3
    retries: {max: 3, delay: 1h}
    notify: {failure: [ops]}
"""


@pytest.fixture(scope="module")
def host(module_box: Box) -> Host:
    """A host with a run that has succeeded, and a channel."""
    new = Host(module_box)
    module_box.write("/usr/local/bin/tell", TELL, 0o755)
    module_box.write("/etc/debvisor/timers/config.yaml", CONFIG, 0o640)
    module_box.write("/root/be-quick", "")
    new.apply(JOBS)
    new.cli("run", "long", "--wait")
    module_box.run("rm /root/be-quick")
    return new


def begin(host: Host, job: str) -> str:
    """Begin a run that does not end by itself; return its id once its program may run."""
    host.box.run("rm -f /root/told")
    host.cli("run", job)
    host.box.wait_until(f"test -e {STATE}/running/{job}")
    host.box.wait_until(f"systemctl is-active debvisor-job-{job} | grep -q activating")
    lines = host.box.read(f"{STATE}/running/{job}").splitlines()
    return dict(line.split("=", 1) for line in lines)["DEBVISOR_RUN_ID"]


def keep_journal(host: Host, storage: str) -> None:
    """Let the journal be on the disk (`persistent`), or in memory until it is synced."""
    host.box.write("/etc/systemd/journald.conf.d/here.conf", f"[Journal]\nStorage={storage}\n")
    host.box.run("journalctl --sync; systemctl restart systemd-journald; journalctl --flush")


def cut_power(host: Host) -> None:
    host.box.run("journalctl --sync")
    host.box.power_cut()
    host.box.start()


def told(host: Host) -> list[dict[str, Any]]:
    """Return what the channel was told, once nobody is telling any more."""
    host.await_handlers()
    lines = host.box.run("cat /root/told 2>/dev/null || :").stdout.splitlines()
    return [json.loads(line) for line in lines if line]


def history(host: Host, job: str) -> list[tuple[str, str]]:
    host.box.run("journalctl --sync")
    return [(run["run"], run["outcome"]) for run in host.json("history", job)]


@pytest.mark.parametrize("storage", ["volatile", "persistent"])
def test_a_run_that_a_power_cut_has_ended_is_lost_and_told_once(host: Host, storage: str) -> None:
    before = history(host, "long")
    keep_journal(host, storage)
    run = begin(host, "long")
    cut_power(host)

    host.box.wait_until(f"test ! -e '{STATE}/lost/long:{run}' -a -e {STATE}/notified/long", 20)
    assert [(each["run"], each["outcome"], each["end"]) for each in told(host)] == [
        (run, "lost", None)
    ]
    assert history(host, "long") == [(run, "lost"), *before]
    is_kept = any("begins" in each["MESSAGE"] for each in host.records(f"DEBVISOR_RUN_ID={run}"))
    assert is_kept is (storage == "persistent")
    last = {row["job"]: row for row in host.json("list")}["long"]["last"]
    assert (last["run"], last["outcome"], last["end"]) == (run, "lost", None)
    assert "its last run lost" in host.cli("status", expect=10).stdout
    host.box.reboot()
    assert len(told(host)) == 1
    assert host.cli("recover").stdout == "nothing to recover\n"
    assert host.show("debvisor-timers-recover.service", "ConditionResult") == {
        "ConditionResult": "no"
    }


def test_a_run_between_two_attempts_is_lost_and_told_once(host: Host) -> None:
    run = begin(host, "fickle")
    host.box.wait_until("grep -q RETRY_USEC /run/debvisor-timers/runs/fickle")
    cut_power(host)
    host.box.wait_until(f"test -e {STATE}/notified/fickle", 20)
    assert [each["run"] for each in told(host)] == [run]
    assert history(host, "fickle") == [(run, "lost")]


def test_stop_leaves_no_trace_that_a_boot_would_take_for_a_crash(host: Host) -> None:
    begin(host, "fickle")
    host.box.wait_until("grep -q RETRY_USEC /run/debvisor-timers/runs/fickle")
    host.cli("stop", "fickle")
    run = begin(host, "long")
    host.cli("stop", "long")
    assert host.box.run(f"ls {STATE}/running").stdout == ""
    assert history(host, "long")[0] == (run, "stopped")

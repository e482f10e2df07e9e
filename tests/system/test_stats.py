# SPDX-License-Identifier: Apache-2.0
"""stats: real runs in numbers; tests/heavy/test_plots.py has the pictures."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.box import Box, Layer
from tests.system.host import Host

JOBS = """\
jobs:
  good: {name: Good $x_2$ & größer, timeout: 1min, schedule: "0 2 * * *", command: [/bin/true]}
  bad: {command: [/bin/false]}
  never: {command: [/bin/true]}
  gone: {command: [/bin/true]}
"""


@pytest.fixture(scope="module")
def booted(installed: Layer) -> Iterator[Box]:
    """A host with a few runs, one of them of a job that is gone, and a user who may look."""
    with Box.boot(installed, hostname="zeus", timezone="Europe/Amsterdam") as box:
        groups = "debvisor-timers,systemd-journal"
        box.run(["useradd", "--create-home", "--groups", groups, "alice"])
        host = Host(box)
        host.apply(JOBS)
        for job, expected in [("good", 0), ("good", 0), ("bad", 5), ("gone", 0)]:
            host.cli("run", "--wait", job, expect=expected)
        host.apply("".join(line for line in JOBS.splitlines(keepends=True) if "gone" not in line))
        yield box


@pytest.fixture
def host(booted: Box) -> Host:
    return Host(booted)


@pytest.mark.parametrize("user", ["", "alice"])
def test_one_job(host: Host, user: str) -> None:
    found = host.json("stats", "good", user=user)

    assert (found["job_id"], found["name"]) == ("good", "Good $x_2$ & größer")
    assert (found["total_executions"], found["successful_executions"]) == (2, 2)
    assert (found["failed_executions"], found["success_rate"]) == (0, 1.0)
    assert 0 < found["average_duration_seconds"] < 60
    assert found["next_execution"].endswith(("T02:00:00+01:00", "T02:00:00+02:00"))
    assert (found["last"]["outcome"], found["timeout_seconds"]) == ("succeeded", 60.0)
    page = host.cli("stats", "good", user=user, env={"LC_ALL": "C.UTF-8"}).stdout
    assert "Total executions  2: 2 succeeded, 0 failed\n    Success rate  100.0 %\n" in page
    assert "too few runs for a trend: 2 of 10" in page


@pytest.mark.parametrize("user", ["", "alice"])
def test_all_jobs(host: Host, user: str) -> None:
    found = {job["job_id"]: job for job in host.json("stats", user=user)}

    totals = {job_id: job["total_executions"] for job_id, job in found.items()}
    assert totals == {"bad": 1, "gone": 1, "good": 2, "never": 0}
    assert (found["bad"]["failed_executions"], found["bad"]["success_rate"]) == (1, 0.0)
    table = host.cli("stats", user=user, env={"LC_ALL": "C.UTF-8"}).stdout.splitlines()
    assert [line.split()[:3] for line in table] == [
        ["JOB", "RUNS", "OK"], ["bad", "1", "0"], ["gone", "1", "100"], ["good", "2", "100"],
        ["never", "0", "-"],
    ]  # fmt: skip


def test_a_time(host: Host) -> None:
    assert host.json("stats", "good", "--since", "-1h")["total_executions"] == 2
    assert host.json("stats", "good", "--until", "-1h")["total_executions"] == 0
    (day, *_) = host.json("stats", "good", "--by", "day", "--since", "-1h")["periods"]
    assert day["start"].endswith(("T00:00:00+01:00", "T00:00:00+02:00"))


def test_without_matplotlib_all_but_pictures_works(host: Host) -> None:
    host.box.write("/root/old.png", "old")
    for option, file in (("--svg", "/root/new.svg"), ("--png", "/root/old.png")):
        refused = host.cli("stats", "good", option, file, expect=2)
        assert "drawing needs matplotlib" in refused.stderr
        assert "fix: apt install python3-matplotlib" in refused.stderr
    host.box.run("! test -e /root/new.svg")
    assert host.box.run(["cat", "/root/old.png"]).stdout == "old"
    assert host.json("stats", "good")["total_executions"] == 2

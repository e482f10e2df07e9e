# SPDX-License-Identifier: Apache-2.0
"""The history outlives the journal, the index, the boot, and the job with its id."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from tests.box import Box, Layer
from tests.system.host import STATE, Host

INDEX = f"{STATE}/history.sqlite"
JOBS = """\
jobs:
  good: {schedule: "0 3 1 1 *", command: [/bin/true]}
  bad: {command: [/bin/sh, -c, exit 3]}
"""
RENAMED = """\
jobs:
  better: {was: [good], schedule: "0 3 1 1 *", command: [/bin/true]}
  bad: {command: [/bin/sh, -c, exit 3]}
  later: {depends_on: [{job: better, max_age: 1h}], command: [/bin/true]}
"""
VACUUM = "journalctl --sync; journalctl --rotate --vacuum-time=1s"
NONE = "! journalctl --quiet _PID=1 UNIT=debvisor-job-good.service | grep -q ."


@pytest.fixture
def box(installed: Layer) -> Iterator[Box]:
    with Box.boot(installed, hostname="zeus") as box:
        groups = "debvisor-timers,systemd-journal"
        box.run(["useradd", "--create-home", "--groups", groups, "alice"])
        # Other tests call for the maintenance by name.
        box.run(["systemctl", "stop", "debvisor-timers-maintain.timer"])
        yield box


@pytest.fixture
def host(box: Box) -> Host:
    """A host on which `good` has run twice and `bad` once."""
    host = Host(box)
    host.apply(JOBS)
    for job, expected in ("good", 0), ("bad", 5), ("good", 0):
        host.cli("run", "--wait", job, expect=expected)
    host.box.run(["journalctl", "--sync"])
    return host


def told(host: Host, *arguments: str, user: str = "") -> Sequence[Any]:
    found: Sequence[Any] = host.json("history", *arguments, user=user)
    return found


def runs(found: Sequence[Any]) -> list[tuple[str, str]]:
    return [(run["job"], run["outcome"]) for run in found]


THREE = [("good", "succeeded"), ("bad", "failed"), ("good", "succeeded")]


def vacuum(host: Host) -> None:
    """Let the journal lose all that it has of the jobs."""

    def is_gone() -> bool:
        host.box.run(VACUUM)
        return host.box.run(NONE, check=False).returncode == 0

    host.box.wait_until(is_gone, 20, "the journal has lost the runs")


def test_runs_outlive_the_journal(host: Host) -> None:
    before = told(host)
    assert runs(before) == THREE
    vacuum(host)

    assert told(host) == before
    assert told(host, user="alice") == before
    # Within a minute after the last of them, with newer ones of the same job.
    host.cli("run", "--wait", "good")
    after = told(host)
    assert (after[1:], runs(after[:1])) == (before, [("good", "succeeded")])
    assert told(host, user="alice") == after


def test_the_maintenance_alone_keeps_them(host: Host) -> None:
    host.box.run(["systemctl", "start", "debvisor-timers-maintain.service"])
    vacuum(host)

    assert runs(told(host, user="alice")) == THREE
    mode = host.box.run(["stat", "--format=%a %U:%G", INDEX]).stdout.strip()
    assert mode == "640 root:debvisor-timers"


def test_the_timer_calls_for_it_unasked(host: Host) -> None:
    """As it stands, but for how long it waits."""
    host.box.write(
        "/etc/systemd/system/debvisor-timers-maintain.timer.d/soon.conf",
        "[Timer]\nOnBootSec=\nOnUnitInactiveSec=\nOnActiveSec=1s\nOnUnitInactiveSec=1s\n"
        "AccuracySec=100ms\n",
    )
    host.box.run("systemctl daemon-reload; systemctl start debvisor-timers-maintain.timer")
    host.box.wait_until(f"test -s {INDEX}", 20, "the index is made")
    host.cli("run", "--wait", "bad", expect=5)
    query = f"import sqlite3; c = sqlite3.connect('file:{INDEX}?mode=ro', uri=True)"
    count = "print(*c.execute('SELECT count(*) FROM runs').fetchone())"
    host.box.wait_until(
        f'test "$(python3 -c "{query}; {count}")" = 4', 20, "the index has the new run"
    )
    host.box.reboot()
    host.box.run(["systemctl", "is-active", "debvisor-timers-maintain.timer"])


def test_what_the_journal_has_comes_back_without_an_index(host: Host) -> None:
    before = told(host)
    host.box.run(["rm", INDEX])
    assert told(host, user="alice") == before
    assert told(host) == before

    host.box.write(INDEX, "This is no index.\n" * 1000, 0o640)
    host.box.run(["chgrp", "debvisor-timers", INDEX])
    done = host.cli("history", user="alice")
    assert f"older runs are missing: {INDEX}: file is not a database" in done.stderr
    assert "as root, debvisor-timers maintain mends it" in done.stderr
    assert "made anew; the old one is" in host.cli("maintain").stderr
    assert told(host, user="alice") == before
    assert host.cli("history", user="alice").stderr == ""


def test_boots_come_one_after_the_other(host: Host) -> None:
    before = told(host)
    host.box.reboot()
    host.cli("run", "--wait", "bad", expect=5)
    after = told(host, user="alice")
    assert (runs(after[:1]), after[1:]) == ([("bad", "failed")], before)
    assert told(host) == after

    host.box.run(["rm", INDEX])
    assert told(host) == after


def test_a_power_cut_between_two_readings(host: Host) -> None:
    before = told(host)
    host.box.run("journalctl --sync; sync")
    host.box.power_cut()
    host.box.start()
    host.cli("run", "--wait", "good")
    after = told(host)
    assert (runs(after[:1]), after[1:]) == ([("good", "succeeded")], before)


def test_a_job_that_is_gone_keeps_its_history(host: Host) -> None:
    before = told(host, "good")
    host.apply("jobs:\n" + JOBS.splitlines()[2] + "\n")
    vacuum(host)

    assert told(host, "good") == before
    assert told(host, "good", user="alice") == before


def test_a_job_with_another_id_keeps_what_it_was(host: Host) -> None:
    before = [{**run, "job": "better", "job_id": "better"} for run in told(host, "good")]
    assert len(before) == 2
    host.apply(RENAMED)

    assert told(host, "better") == before
    assert told(host, "better", user="alice") == before
    (better,) = [job for job in host.json("list") if job["job"] == "better"]
    assert better["last"]["outcome"] == "succeeded"
    # What requires it has a success to look at.
    host.cli("run", "--wait", "later")
    host.box.run(["rm", INDEX])
    assert told(host, "better") == before
    vacuum(host)
    assert told(host, "better") == before


def test_old_runs_are_forgotten_and_only_those(host: Host) -> None:
    # Within a minute of its end a run may still change, and stays; after a reboot none does.
    host.box.reboot()
    told(host)
    would = json.loads(host.cli("history", "prune", "--keep-runs=1", "--dry-run", "--json").stdout)
    assert (would["forgotten"], would["dry_run"]) == (1, True)
    assert runs(told(host)) == THREE
    host.cli("history", "prune", "--keep-runs=1", user="alice", expect=4)
    assert "forgot 1 run;" in host.cli("history", "prune", "--keep-runs=1").stdout
    assert runs(told(host)) == THREE[:2]
    assert runs(told(host, user="alice")) == THREE[:2]


def test_a_killed_maintenance_loses_nothing(host: Host) -> None:
    for step in range(10):
        host.cli("run", "--wait", "good")
        host.box.run(f"timeout --signal=KILL 0.{step + 5:02} debvisor-timers maintain || :")
    found = told(host)
    assert len(found) == 13
    assert len({run["run"] for run in found}) == 13
    host.box.run(["rm", INDEX])
    assert told(host) == found

# SPDX-License-Identifier: Apache-2.0
"""What a host was told goes out and comes in: original jobs, backups, units for images."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.box import Box, Layer
from tests.system.host import JOBS, STATE, TARGET, Host

ORIGINAL = {
    "job_id": "f8a2d3c4",
    "name": "Daily Backup",
    "cron_expression": {"minute": 0, "hour": 2, "day": "*", "month": "*", "day_of_week": "*"},
    "task_type": "take_snapshot",
    "task_config": {"vm_id": "vm-123", "retention_days": 7},
    "priority": 2,
    "owner": "admin",
    "enabled": True,
    "timeout_seconds": 3600,
    "dependencies": [],
    "execution_count": 28,
}
OWN = """\
jobs:
  hourly: {schedule: "0 * * * *", script: "echo hello"}
  report: {schedule: "0 5 * * *", task: {type: report, config: {days: 7}}}
"""
HANDLER = """\
def make(config):
    print("days", config["days"] + 1)
"""
BACKUP = "/backups/scheduler_backup.json"
DAY = "debvisor-job-f8a2d3c4.timer"


@pytest.fixture(scope="module")
def zeus(installed: Layer) -> Iterator[Host]:
    """A host with jobs of its own, and with one of the original scheduler."""
    with Box.boot(installed, hostname="zeus") as box:
        box.write("/etc/debvisor/scheduler/f8a2d3c4.json", json.dumps(ORIGINAL))
        box.write("/opt/tools/reports.py", HANDLER)
        box.write(
            "/etc/debvisor/timers/tasks.d/report.yaml",
            "tasks: {report: {handler: 'reports:make', path: [/opt/tools]}}\n",
        )
        box.write(f"{STATE}/paused/hourly", '{"reason": "disk"}')
        host = Host(box)
        host.write(OWN, "own.yaml")
        yield host


@pytest.fixture(scope="module")
def hera(installed: Layer) -> Iterator[Host]:
    """Another host, in another zone, with a job that is in no backup."""
    with Box.boot(installed, hostname="hera") as box:
        box.run("ln -sf ../usr/share/zoneinfo/America/New_York /etc/localtime")
        host = Host(box)
        host.apply('jobs:\n  old: {schedule: "@daily", command: [/bin/true]}\n')
        yield host


def test_a_host_moves(zeus: Host, hera: Host) -> None:
    imported = zeus.cli("import", "guide-json", "/etc/debvisor/scheduler", "--write")
    assert "1 job written, 0 unchanged, 0 left" in imported.stdout
    assert (
        "0 jobs written, 1 unchanged"
        in zeus.cli("import", "guide-json", "/etc/debvisor/scheduler", "--write").stdout
    )

    applied = zeus.cli("apply", "--yes")
    assert "3 created" in applied.stdout
    assert "No handler for task type: take_snapshot" in applied.stderr
    assert "02:00:00 UTC" in zeus.show(DAY, "TimersCalendar")["TimersCalendar"]
    assert "handlers.report" in zeus.cli("config", "list").stdout

    zeus.cli("run", "--wait", "report")
    assert "days 8" in zeus.cli("logs", "report").stdout
    zeus.cli("run", "--wait", "f8a2d3c4", expect=5)
    assert zeus.await_run("f8a2d3c4", "failed")[0]["exit_status"] == 78
    assert "No handler for task type: take_snapshot" in zeus.cli("logs", "f8a2d3c4").stdout

    saved = zeus.cli("config", "backup", f"--output={BACKUP}", "--with-history")
    assert "and the history saved to" in saved.stdout
    assert zeus.box.run(["stat", "--format=%a %U", BACKUP]).stdout.strip() == "600 root"
    nothing = zeus.cli("config", "restore", f"--input={BACKUP}")
    assert "nothing to restore" in nothing.stdout

    hera.box.write(BACKUP, zeus.box.run(["cat", BACKUP]).stdout, 0o600)
    restored = hera.cli("config", "restore", f"--input={BACKUP}", "--force", "--with-history")
    assert "3 created, 0 updated, 1 removed" in restored.stdout
    assert "the backup is of the host zeus, this is hera" in restored.stderr
    assert hera.running_timers() == zeus.running_timers()
    assert hera.plan_is_empty()
    assert "02:00:00 UTC" in hera.show(DAY, "TimersCalendar")["TimersCalendar"]
    assert hera.box.run(["cat", f"{STATE}/paused/hourly"]).stdout == '{"reason": "disk"}'
    runs = {run["job"] for run in hera.json("history")}
    assert runs == {"report", "f8a2d3c4"}
    (last, *_) = hera.json("audit")
    assert (last["verb"], last["file"]) == ("restore", BACKUP)
    mode = hera.box.run(["stat", "--format=%a %G", f"{JOBS}/own.yaml"]).stdout.strip()
    assert mode == "640 debvisor-timers"


def test_units_for_an_image_are_those_of_the_host(zeus: Host) -> None:
    zeus.cli("apply", "--yes")
    zeus.cli("export", "units", "--output=/srv/image")

    compared = zeus.box.run(
        "cd /srv/image && find . -type f -o -type l | sort | while read name; do"
        ' if [ -L "$name" ]; then [ "$(readlink "$name")" = "$(readlink "/$name")" ];'
        ' else diff -I^Generation= -I^Digest= "$name" "/$name"; fi'
        ' || exit 1; echo "$name"; done'
    ).stdout.split()

    assert "./etc/systemd/system/debvisor-job-hourly.service" in compared
    assert f"./etc/systemd/system/{TARGET}.wants/debvisor-job-hourly.timer" in compared
    assert any(name.startswith(f".{STATE}/scripts/") for name in compared)


def test_without_root_nothing_is_saved_or_restored(zeus: Host) -> None:
    zeus.box.run("id alice || useradd --create-home --groups debvisor-timers alice")

    saved = zeus.cli("config", "backup", "--output=/home/alice/b.json", user="alice", expect=4)
    restored = zeus.cli("config", "restore", f"--input={BACKUP}", user="alice", expect=4)

    assert "only root may" in saved.stderr
    assert "permission denied" in restored.stderr
    assert "handlers.report" in zeus.cli("config", "list", user="alice").stdout

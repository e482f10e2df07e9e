# SPDX-License-Identifier: Apache-2.0
"""Commands that edit job files, in a box: file and units change together, or not at all."""

from __future__ import annotations

import pytest

from tests.box import Box
from tests.system.cut_off import COMMITTED, STEPS, kill_command
from tests.system.host import JOBS, STATE, Host

COMMENTED = """\
# Backups.
jobs:
  # Every night.
  nightly:
    schedule: "0 2 * * *"  # before the office opens
    command: [/bin/true]

  # Every hour.
  hourly: {schedule: "0 * * * *", script: "true"}
"""
BATCH = """
import os, resource
from debvisor_timers.scheduler import Scheduler

def cpu_seconds():
    of_systemd = open("/proc/1/stat").read().rpartition(")")[2].split()[11:13]
    ours = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    ticks = os.sysconf("SC_CLK_TCK")
    return sum(map(int, of_systemd)) / ticks + sum(one.ru_utime + one.ru_stime for one in ours)

scheduler = Scheduler.system()
begin = cpu_seconds()
with scheduler.collected_edits() as batch:
    for number in range(500):
        keys = {
            ("name",): "Many of them",
            ("schedule", "cron"): f"{number % 60} {number % 24} * * *",
            ("command",): ["/bin/true", str(number)],
            ("owner",): "admin",
            ("tags", "environment"): "production",
        }
        scheduler.create_job_file(scheduler.free_job_id("Many of them"), keys)
print(batch.result.result.created, cpu_seconds() - begin)
"""
"""Makes 500 jobs; tells what time of a processor that took, ours and that of systemd together.

On a machine that does nothing else it takes less than that; tests run beside others.
"""


@pytest.fixture
def host(box: Box) -> Host:
    return Host(box)


def text(host: Host, name: str = "jobs.yaml") -> str:
    return host.box.read(f"{JOBS}/{name}")


def test_a_job_is_created_updated_disabled_and_deleted(host: Host) -> None:
    host.watch()
    created = host.cli(
        *("job", "create", "--name=Snapshot Job", "--cron=0 * * * *", "--owner=admin"),
        *("--command=/bin/echo 'two words'", "--timeout=1800", "--tag=environment", "production"),
    )
    assert created.stdout.startswith("Created job: snapshot-job\nnext start of snapshot-job: ")
    shown = host.box.run(["stat", "-c", "%U:%G %a", f"{JOBS}/snapshot-job.yaml"]).stdout
    assert shown == "root:debvisor-timers 640\n"
    assert host.plan_is_empty()

    host.apply(COMMENTED)
    host.cli("job", "update", "nightly", "--cron=0 3 * * *", "--priority=critical")
    assert text(host) == COMMENTED.replace("0 2", "0 3").replace(
        "true]\n", "true]\n    priority: critical\n"
    )
    host.write("jobs: [\n", "broken.yaml")
    left = host.cli("job", "disable", "snapshot-job")
    assert "an error in another file is left: " in left.stderr
    assert host.running_timers() == ["debvisor-job-hourly.timer", "debvisor-job-nightly.timer"]

    edited = host.cli("job", "edit", "nightly", env={"EDITOR": "sed -i s:bin/true:bin/false:"})
    assert edited.stdout.startswith("updated nightly\n")
    assert "/bin/false" in host.box.run(["systemctl", "cat", "debvisor-job-nightly"]).stdout

    asked = host.cli("job", "delete", "nightly", expect=4)
    assert "--force" in asked.stderr
    host.cli("job", "delete", "nightly", "--force")
    assert host.running_timers() == ["debvisor-job-hourly.timer"]
    assert "nightly" not in text(host)
    assert host.started() == []


def test_only_root_and_editors_edit_jobs(host: Host) -> None:
    host.box.run("useradd --groups debvisor-timers member; useradd stranger")
    host.box.write("/etc/debvisor/timers/config.yaml", "policy: {members: viewer}\n", 0o640)
    host.apply(COMMENTED)
    for command in (
        ("job", "create", "--name=x", "--script=true"),
        ("job", "update", "nightly", "--timeout=5"),
        ("job", "delete", "nightly", "--force"),
        ("job", "edit", "nightly"),
    ):
        refused = host.cli(*command, expect=4, user="member")
        assert "needs the role editor, and member has viewer" in refused.stderr
        refused = host.cli(*command, expect=4, user="stranger")
        assert "run the command with sudo" in refused.stderr


def test_a_kill_in_the_middle_leaves_file_and_units_together(host: Host) -> None:
    host.apply(COMMENTED)
    before = host.picture()
    update = ("job", "update", "nightly", "--cron=0 3 * * *")
    for place in STEPS[:-1:3]:
        kill_command(host, place, *update)

        assert "everything is as it was before it" in host.cli("recover").stdout
        assert (text(host), host.picture()) == (COMMENTED, before), place

    kill_command(host, COMMITTED, *update)
    host.cli("recover")
    assert text(host) == COMMENTED.replace("0 2", "0 3")
    assert host.plan_is_empty()
    host.cli("job", "update", "nightly", "--timeout=5")
    assert not host.box.run(f"ls -A {STATE} | grep edit- || :").stdout


def test_five_hundred_jobs_are_made_in_three_seconds(host: Host) -> None:
    done = host.box.run(["python3", "-c", BATCH], timeout=60)

    created, seconds = done.stdout.split()
    assert created == "500"
    assert float(seconds) < 3
    assert len(host.running_timers()) == 500
    assert host.plan_is_empty()

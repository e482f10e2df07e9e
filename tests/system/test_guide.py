# SPDX-License-Identifier: Apache-2.0
"""The commands of the guide, taken out of its text and run in order, by both names of the program.

Before the first, a job of the original scheduler with the id f8a2d3c4 is imported, as an
administrator would who comes from there; once more where the guide has deleted it and goes on.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from subprocess import CompletedProcess
from typing import Any

import pytest
import yaml

from tests.box import Box, Layer
from tests.guide.commands import Shown, shown_commands
from tests.system import work
from tests.system.host import JOBS, STATE, Host

JOB = "f8a2d3c4"
ORIGINAL = {
    "job_id": JOB,
    "name": "VM Snapshot",
    "cron_expression": "0 2 * * *",
    "task_type": "vm_snapshot",
    "task_config": {"vm_id": "vm-123", "retention_days": 7},
    "priority": 1,
    "enabled": True,
    "owner": "admin",
    "timeout_seconds": 3600,
    "dependencies": [],
}
HANDLER = """\
def snapshot(config):
    print(f"snapshot of {config['vm_id']}")
    return True
"""
DECLARED = """\
tasks:
  vm_snapshot:
    handler: vm_tasks:snapshot
    path: [/opt/tools]
"""
FOLDER = "/etc/debvisor/scheduler"
PROGRAMS = ("debvisor-timers", "debvisor-schedule")


class Walk:
    """The guide, walked through by one name of the program."""

    def __init__(self, host: Host, program: str) -> None:
        self.host = host
        self.program = program

    def bring(self) -> None:
        """Import the job of the original, and apply it."""
        self.host.box.write(f"{FOLDER}/{JOB}.json", json.dumps(ORIGINAL))
        self.shell(f"{self.program} import guide-json {FOLDER} --write && {self.program} apply -y")

    def shell(self, line: str, *, expect: int = 0) -> CompletedProcess[str]:
        """Run a line in a shell, as root without a terminal."""
        done = self.host.box.run(
            ["/bin/bash", "-o", "pipefail", "-c", line], check=False, timeout=60
        )
        assert done.returncode == expect, f"{line}\n{done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr, f"{line}\n{done.stderr}"
        return done

    def typed(self, line: str, answer: str) -> str:
        """Run a line on a terminal, type `answer`, and return what the terminal shows."""
        on_terminal = f"script --quiet --return --command {shlex.quote(line)} /dev/null"
        return self.shell(f"echo {answer} | {on_terminal}", expect=4).stdout

    def written(self, job: str = JOB) -> dict[str, Any]:
        """Return a job as its file has it; what the program says of it costs more time."""
        text = self.host.box.read(f"{JOBS}/{job}.yaml")
        keys: dict[str, Any] = yaml.safe_load(text)["jobs"][job]
        return keys

    def last_run(self) -> str:
        """Return what is noted of the last run of the job that has ended."""
        return self.shell(f"cat {STATE}/last/{JOB} 2>/dev/null || :").stdout

    def take(self, shown: Shown) -> None:
        """Run a command of the guide, and look at what it promises there."""
        line = shown.typed(self.program, JOB)
        words = line.split()
        match words[1:3]:
            case ["job", "create"]:
                self.create(line)
            case ["job", "list"]:
                self.list(line)
            case ["job", "update"]:
                self.update(line)
            case ["job", "delete"]:
                self.delete(line)
            case ["job", "run"]:
                self.run(line)
            case ["job", _]:
                self.show(line)
            case ["config", _]:
                self.config(line)
            case ["logs", "-f"]:
                self.follow(line)
            case _:
                pytest.fail(f"nobody looks at what this does: {line}")

    def create(self, line: str) -> None:
        created = re.fullmatch(r"Created job: (\S+)\n(?s:.*)", self.shell(line).stdout)
        assert created
        job = self.written(created[1])
        options = dict(re.findall(r"--([a-z-]+)=(?:[\"'])?([^\"']*)", line))
        assert (job["name"], job["owner"]) == (options["name"], "admin")
        if "--tag" in line:
            assert job["tags"] == {"environment": "production", "team": "infrastructure"}
        self.shell(f"systemctl is-active debvisor-job-{created[1]}.timer")

    def list(self, line: str) -> None:
        out = self.shell(line).stdout
        if "--format=json" in line:
            jobs = {job["job"]: job for job in json.loads(out)}
            assert jobs[JOB]["owner"] == "admin"
        elif "--status=running" in line:
            assert out == "no such jobs\n"
        else:
            assert JOB in out

    def update(self, line: str) -> None:
        assert self.shell(line).stdout.startswith(f"updated {JOB}\n")
        job = self.written()
        if "--timeout" in line:
            assert job["timeout"] == 7200
            return
        assert (job["name"], job["enabled"]) == ("Updated Name", False)
        assert job["priority"] == "critical"

    def delete(self, line: str) -> None:
        if "--force" not in line:
            asked = self.typed(line, "n")
            assert f"Delete job {JOB}? [y/N]" in asked
            assert f"job '{JOB}' was not deleted" in asked
            assert self.written()
            return
        assert self.shell(line).stdout == f"deleted {JOB}\n"
        assert JOB not in self.shell(f"ls {JOBS} /etc/systemd/system").stdout
        self.bring()

    def run(self, line: str) -> None:
        before = self.last_run()
        out = self.shell(line).stdout
        if "--dry-run" in line:
            assert f"would start  debvisor-job-{JOB}.service" in out
            assert "vm_snapshot" in out
            assert self.last_run() == before
            return
        self.host.box.wait_until(lambda: self.last_run() != before, 20, "the job has run")
        work.await_ends(self.host, JOB)
        assert "DEBVISOR_RESULT=success" in self.last_run()

    def show(self, line: str) -> None:
        out = self.shell(f"journalctl --sync; {line}").stdout
        if "--format=json" in line:
            document = json.loads(out)
            (one, *_) = document if isinstance(document, list) else [document]
            assert one["job_id"] == JOB
        elif "| grep cron" in line:
            assert "0 2 * * *" in out
        elif "history" in line:
            assert "succeeded" in out
        elif "stats" in line:
            assert "success" in out
        else:
            assert JOB in out

    def config(self, line: str) -> None:
        before = self.host.files()
        out = self.shell(line).stdout
        if "--format=json" in line:
            json.loads(out)
        elif "grep handlers" in line or line.endswith("config list"):
            assert "handlers" in out
            assert "vm_snapshot" in out
        assert self.host.files().partition("state")[0] == before.partition("state")[0]

    def follow(self, line: str) -> None:
        """Follow until what the job prints is seen."""
        printed = "snapshot of vm-123"
        self.shell(f"grep -q '{printed}' < <(timeout 120 {line} 2>&1)")


@pytest.fixture(scope="module")
def host(installed: Layer) -> Iterator[Host]:
    """A box whose administrator has declared a handler for the guide's type of task."""
    with Box.boot(installed) as box:
        box.run(["mkdir", "/backups"])
        box.write("/opt/tools/vm_tasks.py", HANDLER)
        box.write("/etc/debvisor/timers/tasks.d/vm_snapshot.yaml", DECLARED)
        yield Host(box)


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_guide_s_commands_work_in_order(host: Host, program: str) -> None:
    walk = Walk(host, program)
    walk.shell("rm -f /etc/debvisor/timers/jobs.d/*.yaml")
    walk.shell(f"{program} apply --yes --allow-empty")
    walk.bring()

    for shown in shown_commands():
        walk.take(shown)

    assert host.plan_is_empty()


def test_a_type_without_a_handler_is_told_in_the_guide_s_words(host: Host) -> None:
    jobs = "jobs: {orphan: {task: {type: nobody, config: {}}}}\n"

    checked = host.apply(jobs)
    assert "No handler for task type: nobody" in checked.stderr
    host.cli("job", "run", "orphan", "--wait", expect=5)
    said = host.cli("job", "logs", "orphan", "--stderr").stdout
    assert "No handler for task type: nobody" in said

# SPDX-License-Identifier: Apache-2.0
"""Jobs of a user, which the user's own systemd runs, in a box."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.box import Box, Layer

USER = "tester"
UID = 1234
HOME = f"/home/{USER}"
JOBS = f"{HOME}/.config/debvisor/timers/jobs.d"
SESSION = {"HOME": HOME, "XDG_RUNTIME_DIR": f"/run/user/{UID}"}

JOBS_OF_USER = """\
jobs:
  nightly:
    schedule: {cron: "0 2 * * *", catch_up: once}
    script: |
      echo "I am $(id -un)"
      echo "that is wrong" >&2
    environment: {XDG_STATE_HOME: /nowhere, HOME: /nowhere}
  report:
    triggers: [{success_of: [nightly]}]
    command: [/bin/echo, the report]
  breaks:
    command: [/bin/false]
    retries: {max: 1, delay: 1s}
  waits:
    command: [/bin/sleep, "600"]
    conflicts_with: [report]
"""


@pytest.fixture(scope="module")
def box(installed: Layer) -> Iterator[Box]:
    with Box.boot(installed) as new:
        # What pam_systemd does at a login, which boxes do not have.
        folder = "/etc/systemd/system/user@.service.d"
        new.write(f"{folder}/runtime.conf", "[Service]\nEnvironment=XDG_RUNTIME_DIR=/run/user/%i\n")
        new.run(["useradd", "--create-home", f"--uid={UID}", USER])
        new.run(["systemctl", "daemon-reload"])
        new.run(["systemctl", "start", f"user@{UID}.service"])
        mine(new, "systemctl", "--user", "enable", "--now", "debvisor-timers.target")
        mine(new, "mkdir", "-p", JOBS)
        new.write(f"{JOBS}/jobs.yaml", JOBS_OF_USER)
        cli(new, "apply")
        yield new


def mine(box: Box, *argv: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run `argv` as the user, as from a login."""
    return box.run(list(argv), user=USER, env=SESSION, check=check)


def cli(box: Box, *arguments: str, expect: int = 0) -> subprocess.CompletedProcess[str]:
    """Run debvisor-timers as the user; what was sent to the journal before can be read by it."""
    box.run(["journalctl", "--sync"])
    done = mine(box, "debvisor-timers", "--user", *arguments, check=False)
    said = f"{arguments}\n{done.stdout}{done.stderr}"
    assert done.returncode == expect, f"exit status {done.returncode}, not {expect}: {said}"
    assert "Traceback" not in done.stderr, said
    return done


def history(box: Box, job: str, count: int = 1) -> list[dict[str, Any]]:
    def runs() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(cli(box, "history", job, "--json").stdout)
        ended = [run for run in found if run["end"] and not run["overlapped"]]
        return ended if len(ended) >= count else []

    return box.wait_until(runs, 20, f"{count} runs of {job}")


def test_the_timer_waits_in_the_manager_of_the_user_alone(box: Box) -> None:
    shown = mine(box, "systemctl", "--user", "list-timers", "--no-legend", "debvisor-job-*").stdout

    assert shown.count("\n") == 1
    assert "debvisor-job-nightly.timer" in shown
    assert box.run("systemctl list-units --all --no-legend 'debvisor-job-*'").stdout == ""
    assert cli(box, "plan", "--detailed-exitcode").stdout


def test_a_run_is_the_user_s_and_its_output_is_kept(box: Box) -> None:
    cli(box, "run", "--wait", "nightly")

    run = history(box, "nightly")[0]
    assert (run["outcome"], run["trigger"], run["by"]) == ("succeeded", "manual", USER)
    shown = cli(box, "show", "nightly", "--run", run["run"]).stdout
    assert shown.count(f"I am {USER}") == 1
    assert "that is wrong" in shown
    argv = ("logs", "nightly", "--run", run["run"], "--stderr")
    assert cli(box, *argv).stdout.count("that is wrong") == 1
    assert f"I am {USER}" in cli(box, "logs", "nightly").stdout
    assert "Starting debvisor-job-nightly.service" in cli(box, "logs", "--all").stdout


def test_one_job_starts_the_next_and_a_failure_is_tried_again(box: Box) -> None:
    cli(box, "run", "--wait", "nightly")
    assert history(box, "report")[0]["outcome"] == "succeeded"

    cli(box, "run", "--wait", "breaks", expect=5)
    run = history(box, "breaks")[0]
    assert run["outcome"] == "failed"
    assert run["attempts"] == 2


def test_locks_hold_and_a_stop_ends_a_run(box: Box) -> None:
    cli(box, "run", "waits")
    cli(box, "run", "report")
    unit = "debvisor-job-report.service"
    box.wait_until(
        lambda: "waiting for waits" in cli(box, "list").stdout,
        10,
        "the report to wait for the other job",
    )
    shown = mine(box, "systemctl", "--user", "show", "-p", "ActiveState", unit).stdout
    assert shown == "ActiveState=activating\n"

    cli(box, "stop", "waits")

    assert history(box, "waits")[0]["outcome"] == "stopped"
    assert history(box, "report")[0]["outcome"] == "succeeded"


def test_what_a_user_cannot_have_is_refused(box: Box) -> None:
    box.write(
        f"{JOBS}/more.yaml",
        "jobs:\n  other:\n    command: [/bin/true]\n    user: root\n    priority: critical\n",
    )
    try:
        done = cli(box, "check", expect=3)
    finally:
        box.run(["rm", f"{JOBS}/more.yaml"])

    assert "more.yaml:4:11: error: user: a user's own manager runs all as that user" in done.stderr
    assert "more.yaml:5:15: error: priority: a user's job cannot come before" in done.stderr


def test_drift_is_found_and_the_doctor_is_for_the_system(box: Box) -> None:
    unit = f"{HOME}/.config/systemd/user/debvisor-job-nightly.timer.d/mine.conf"
    mine(box, "mkdir", "-p", unit.rpartition("/")[0])
    mine(box, "sh", "-c", f"printf '[Timer]\nAccuracySec=1m\n' >{unit}")
    try:
        done = mine(box, "debvisor-timers", "--user", "status", check=False)
    finally:
        mine(box, "rm", "-r", unit.rpartition("/")[0])

    assert unit in done.stdout
    assert "doctor looks at the set-up of this host" in cli(box, "doctor", expect=4).stderr


def test_root_is_told_that_its_jobs_are_those_of_the_system(box: Box) -> None:
    done = box.run(["debvisor-timers", "--user", "list"], check=False)

    assert done.returncode == 4
    assert "jobs of root are jobs of the system" in done.stderr


PROGRAM = """\
import asyncio, json
from debvisor_timers import Scheduler

scheduler = Scheduler(user=True)
with scheduler.batch():
    for number in range(3):
        scheduler.create_job(name=f"Made {number}", cron_expr="0 4 * * *", command=["/bin/true"])
job = scheduler.create_job(
    name="Often", command=["/bin/echo", "ten o'clock"], keys={"schedule.on_calendar": ["*:*:0/2"]}
)
result = asyncio.run(scheduler.execute_job("made-1"))
print(json.dumps([sorted(scheduler.jobs), result.status, result.exit_code]))
scheduler.delete_job("made-2")
"""


def test_a_program_of_the_user_makes_jobs_and_runs_them(box: Box) -> None:
    jobs, status, code = json.loads(mine(box, "python3", "-c", PROGRAM).stdout)

    assert jobs == ["breaks", "made-0", "made-1", "made-2", "nightly", "often", "report", "waits"]
    assert (status, code) == ("completed", 0)
    run = history(box, "often", 2)[0]
    assert (run["outcome"], run["trigger"]) == ("succeeded", "timer")
    assert mine(box, "ls", JOBS).stdout.split() == [
        *("jobs.yaml", "made-0.yaml", "made-1.yaml", "often.yaml")
    ]


def test_what_is_tried_and_not_confirmed_is_taken_back(box: Box) -> None:
    box.write(f"{JOBS}/tried.yaml", "jobs: {tried: {command: [/bin/true]}}\n")
    unit = f"{HOME}/.config/systemd/user/debvisor-job-tried.service"
    try:
        mine(box, "debvisor-timers", "--user", "try", "--timeout=2s", check=False)
        box.wait_until(f"! test -e {unit}", 20, "the unit to go")
    finally:
        box.run(["rm", f"{JOBS}/tried.yaml"])

    said = ("journalctl", "--user", "-u", "debvisor-timers-undo-try.service")
    finished = "Finished debvisor-timers-undo-try.service"
    box.wait_until(lambda: finished in mine(box, *said).stdout, 20, finished)


def test_what_a_crash_of_the_manager_cut_off_is_told_as_lost(box: Box) -> None:
    timers = ("systemctl", "--user", "list-timers", "--no-legend", "debvisor-job-*")
    before = mine(box, *timers).stdout.count("\n")
    cli(box, "run", "waits")
    noted = f"{HOME}/.local/state/debvisor-timers/running/waits"
    box.wait_until(f"test -s {noted}", 20, "the run is noted on the disk")
    # All in one moment: a manager that sees the job end would note that.
    group = box.run(f"systemctl show -P ControlGroup user@{UID}.service").stdout.strip()
    box.run(f"echo 1 >/sys/fs/cgroup{group}/cgroup.kill")
    box.wait_until(f"! systemctl is-active --quiet user@{UID}.service", 10, "the end of it")
    box.run(["rm", "-rf", f"/run/user/{UID}/debvisor-timers"])  # as a boot does

    box.run(f"systemctl reset-failed; systemctl start user@{UID}.service")

    def newest() -> tuple[str, str | None]:
        run = json.loads(cli(box, "history", "waits", "--json").stdout)[0]
        return run["outcome"], run["end"]

    box.wait_until(lambda: newest() == ("lost", None), 20, "it is told as lost")
    box.wait_until(lambda: mine(box, *timers).stdout.count("\n") == before, 20, "the timers wait")

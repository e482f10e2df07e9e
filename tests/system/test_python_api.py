# SPDX-License-Identifier: Apache-2.0
"""The Python API in a box: the programs of the guide, event loops, threads, other root folders."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.box import Box, Layer
from tests.guide.programs import programs
from tests.system.host import JOBS, Host

# The guide's programs forget these imports, and take these names for given.
GIVEN = """\
from datetime import datetime, timedelta
from debvisor_timers import JobScheduler
configs = [
    {
        "name": f"Made of many {number}",
        "cron_expr": "0 4 * * *",
        "task_type": "backup",
        "task_config": {"vm_id": f"vm-{number}"},
    }
    for number in range(3)
]
job_id = "f8a2d3c4"
"""
# Each block in turn in one namespace, as in an interactive session: there one may await.
SESSION = """\
import ast, asyncio, inspect, json, sys
names = {"__name__": "__main__"}
for number, text in enumerate(json.load(sys.stdin)):
    code = compile(text, f"program {number}", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    if inspect.iscoroutine(waiting := eval(code, names)):
        asyncio.run(waiting)
"""
ORIGINAL = """\
jobs:
  f8a2d3c4:
    name: Daily Snapshot
    schedule: "0 2 * * *"
    command: [/bin/echo, done]
"""

TICKS = """\
import asyncio, json, time
from debvisor_timers import get_scheduler

async def main():
    scheduler, gaps, last = get_scheduler(), [], time.monotonic()

    async def tick():
        nonlocal last
        while True:
            await asyncio.sleep(0.005)
            gaps.append(time.monotonic() - last)
            last = time.monotonic()

    # What the first change of a program has to import is none of the question.
    await scheduler.in_thread(scheduler.create_job, name="First", command=["/bin/true"])
    last = time.monotonic()
    ticking = asyncio.create_task(tick())
    begun = time.monotonic()
    results = await asyncio.gather(*map(scheduler.execute_job, ["one-second", "prints", "fails"]))
    longest, ended = max(gaps), time.monotonic()
    await asyncio.gather(
        scheduler.in_thread(scheduler.execute, "one-second"),
        scheduler.in_thread(scheduler.create_job, name="More", command=["/bin/true"]),
    )
    longest_in_threads = max(gaps)
    ticking.cancel()
    print(json.dumps({
        "seconds": ended - begun,
        "ticks": len(gaps),
        "longest": longest,
        "longest_in_threads": longest_in_threads,
        "results": [
            [each.status, each.exit_code, each.duration_seconds, each.stdout, each.stderr]
            for each in results
        ],
    }))

asyncio.run(main())
"""
THREADS = """\
import json
from concurrent.futures import ThreadPoolExecutor
from debvisor_timers import get_scheduler

scheduler = get_scheduler()

def work(number):
    job = scheduler.create_job(name=f"Of thread {number}", command=["/bin/echo", str(number)])
    result = scheduler.execute(job.job_id)
    seen = job.job_id in scheduler.jobs
    scheduler.update_job(job.job_id, owner=f"thread-{number}")
    history = scheduler.get_execution_history(job.job_id)
    return [result.stdout, result.status, seen, len(history), scheduler.get_job(job.job_id).owner]

with ThreadPoolExecutor(4) as pool:
    print(json.dumps(list(pool.map(work, range(4)))))
"""
OTHER_JOBS = """\
jobs:
  one-second: {command: [/bin/sleep, "1"]}
  prints: {script: "echo out; echo err >&2"}
  fails: {script: "echo no >&2; exit 3"}
"""
ROOT = """\
import json
from debvisor_timers import Scheduler
from debvisor_timers.errors import DebvisorTimersError

scheduler = Scheduler(root="/image")
job = scheduler.create_job(name="In an image", cron_expr="0 2 * * *", script="echo there")
try:
    scheduler.execute("in-an-image")
    error = ""
except DebvisorTimersError as refusal:
    error = refusal.message
print(json.dumps([sorted(scheduler.jobs), error, scheduler.plan().is_empty]))
"""


@pytest.fixture(scope="module")
def host(installed: Layer) -> Iterator[Host]:
    with Box.boot(installed) as box:
        yield Host(box)


def python(host: Host, program: str, *, given: str = "") -> Any:
    """Return what the program prints, read as JSON, and what it says on standard error."""
    done = host.box.run(["python3", "-c", program], input=given, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def test_the_programs_of_the_guide_run_as_they_stand(host: Host) -> None:
    host.apply(ORIGINAL)
    written = programs()
    assert len(written) == 16

    done = python(host, SESSION, given=json.dumps([GIVEN, *written]))

    said = done.stdout.splitlines()
    assert said[:2] == ["Created job: daily-backup", "daily-backup: Daily Backup (0 2 * * *)"]
    assert said[2:4] == ["Status: completed", said[3]]
    assert "Created job: weekly-report" in said
    assert "Status: failed" in said
    assert "Total executions: 1" in said
    # The functions of a program that is over can be nobody's handlers: the shipped type stays, for
    # which this host has no libvirt.
    assert "Error: debvisor-timers: there is no libvirt for Python" in done.stdout
    assert done.stderr.count("backup has no handler") == 1
    assert f"{JOBS}/verify-backup.yaml" in host.box.run(f"ls {JOBS}/*").stdout.split()
    text = host.box.read(f"{JOBS}/workflow-archive.yaml")
    assert "job: workflow-verify" in text
    assert host.plan_is_empty()


def test_an_event_loop_turns_while_jobs_are_awaited(host: Host) -> None:
    host.apply(OTHER_JOBS)

    told = json.loads(python(host, TICKS).stdout)

    sleeps, prints, fails = told["results"]
    assert sleeps[:2] == ["completed", 0]
    assert 1 <= sleeps[2] < 3
    assert prints[:2] + prints[3:] == ["completed", 0, "out\n", "err\n"]
    assert fails[:2] + fails[3:] == ["failed", 3, "", "no\n"]
    assert told["seconds"] < 4
    assert told["longest"] < 0.1
    assert told["ticks"] > 100
    assert told["longest_in_threads"] < 0.3, told


def test_several_threads_work_at_once(host: Host) -> None:
    told = json.loads(python(host, THREADS).stdout)

    assert told == [[f"{n}\n", "completed", True, 1, f"thread-{n}"] for n in range(4)]


def test_an_image_is_written_and_nothing_of_it_is_started(host: Host) -> None:
    box = host.box
    box.run("mkdir -p /image/etc/systemd/system /image/usr/lib/systemd")
    box.run("cp /usr/lib/*/systemd/libsystemd-shared-*.so /image/usr/lib/systemd/")
    host.watch()

    jobs, error, is_empty = json.loads(python(host, ROOT).stdout)

    assert (jobs, is_empty) == (["in-an-image"], True)
    assert "does not run" in error
    unit = box.read("/image/etc/systemd/system/debvisor-job-in-an-image.service")
    assert "Source=/etc/debvisor/timers/jobs.d/in-an-image.yaml:2" in unit
    assert "/image" not in unit
    link = "/image/etc/systemd/system/debvisor-timers.target.wants/debvisor-job-in-an-image.timer"
    assert box.run(["readlink", link]).stdout == "../debvisor-job-in-an-image.timer\n"
    script = next(word for word in unit.split() if "/scripts/" in word)
    assert box.read(f"/image{script}") == "echo there"
    assert host.reloads() == 0


def test_type_checkers_find_that_the_package_is_typed(host: Host) -> None:
    host.box.run(["test", "-e", "/usr/lib/python3/dist-packages/debvisor_timers/py.typed"])

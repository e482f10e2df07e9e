# SPDX-License-Identifier: Apache-2.0
"""run --dry-run: what a run would be, without one."""

from __future__ import annotations

from datetime import timedelta

import pytest

from debvisor_timers.errors import NotFoundError, RefusedError
from debvisor_timers.operations.runs.rehearse import AskedFor, Lock, Need, rehearse
from debvisor_timers.systemd.memory.state import Outcome
from debvisor_timers.systemd.ports import FileEntry
from tests.unit.operations.last_runs import WAITING, note_under_way
from tests.unit.operations.world import NIGHTLY, World

JOBS = """\
jobs:
  quiesce: {schedule: "0 1 * * *", command: [/bin/true]}
  step: {command: [/bin/true]}
  scrub: {command: [/bin/true]}
  nightly:
    schedule: "0 2 * * *"
    command: [/usr/bin/printf, "100% of a b"]
    user: backup
    timeout: 30min
    retries: {max: 2, delay: 1min}
    pool: {name: backup, slots: 2}
    conflicts_with: [{job: scrub, policy: skip}]
    depends_on:
      - {job: quiesce, wait: 1h, max_age: 24h}
      - {job: step, wait: 5min}
      - {unit: local-fs.target}
"""


def test_all_that_a_run_would_do_is_read_from_its_service(world: World) -> None:
    world.systemd.units.write(
        {"local-fs.target": FileEntry("[Unit]\nDescription=Local file systems\n")}
    )
    (world.layout.config / "config.yaml").write_text("pools: {backup: 5}\n")
    world.apply(JOBS)
    world.systemd.steps.clear()

    told = rehearse(world.host, "nightly")

    assert told.service == "debvisor-job-nightly.service"
    assert told.program == '/usr/bin/printf "100% of a b"'
    assert told.user == "backup"
    assert told.timeout == timedelta(minutes=30)
    assert told.attempts == 3
    assert told.needs == (
        Need(
            job_id="quiesce",
            kind=AskedFor.REQUIRES,
            wait=timedelta(hours=1),
            max_age=timedelta(days=1),
        ),
        Need(job_id="step", kind=AskedFor.STEP, wait=timedelta(minutes=5), max_age=None),
    )
    assert told.locks == (
        Lock(name="backup", is_pool=True, places=2, of=5),
        Lock(name="scrub", is_pool=False, skips=True),
    )
    assert told.units == ("local-fs.target",)
    assert told.pause is None
    assert told.refused == ""
    assert world.systemd.steps.done == []


def test_a_paused_job_and_one_that_runs_are_told(world: World) -> None:
    world.apply(NIGHTLY)
    world.layout.paused.mkdir(parents=True)
    (world.layout.paused / "nightly").write_text("")
    world.systemd.set_outcome("debvisor-job-nightly.service", Outcome(duration=timedelta(hours=1)))
    world.systemd.manager.start(["debvisor-job-nightly.service"], wait=False)
    note_under_way(world, "nightly", WAITING)

    told = rehearse(world.host, "nightly")

    assert told.pause is not None
    assert told.refused == ("a run of it is under way: it waits for pool backup (5 of 5 taken)")


def test_what_cannot_run_is_refused_as_run_refuses_it(world: World) -> None:
    world.write(NIGHTLY)

    with pytest.raises(RefusedError, match="not applied yet"):
        rehearse(world.host, "nightly")
    with pytest.raises(NotFoundError, match="no job 'x'"):
        rehearse(world.host, "x")

# SPDX-License-Identifier: Apache-2.0
"""Last-run files as `end` leaves them on a host: the twin runs no programs of ours."""

from __future__ import annotations

from debvisor_timers.systemd.memory.state import Outcome
from debvisor_timers.systemd.ports import FileEntry
from tests.unit.operations.world import World

FAILED_AT_TWO = """\
DEBVISOR_RUN_ID=20261123T020000Z-4f2a9c
DEBVISOR_INVOCATION_ID=5c40a60f20374471935030d7d39ed978
DEBVISOR_START_USEC=1795399200000000
DEBVISOR_RESULT=exit-code
DEBVISOR_EXIT_CODE=exited
DEBVISOR_EXIT_STATUS=3
DEBVISOR_END_USEC=1795399290500000
"""
"""On Monday 2026-11-23 at 02:00:00 UTC, for 90.5 seconds."""
SUCCEEDED_AT_TWO = FAILED_AT_TWO.replace("=exit-code", "=success").replace("STATUS=3", "STATUS=0")
STOPPED_AT_TWO = (
    FAILED_AT_TWO.replace("=exit-code", "=signal")
    .replace("=exited", "=killed")
    .replace("STATUS=3", "STATUS=TERM")
    + "DEBVISOR_STOPPED=1\n"
)


def note_last(world: World, job_id: str, text: str) -> None:
    """Put `text` where `end` would have put it."""
    folder = world.layout.last
    folder.mkdir(parents=True, exist_ok=True)
    (folder / job_id).write_text(text, encoding="utf-8")


def note_under_way(world: World, job_id: str, further: str = "") -> None:
    """Put what `begin` notes of the run that systemd has of the job, and `further` lines."""
    service = f"debvisor-job-{job_id}.service"
    invocation = world.systemd.manager.service(service).invocation_id
    folder = world.layout.runs
    folder.mkdir(parents=True, exist_ok=True)
    lines = UNDER_WAY.format(job=job_id, invocation=invocation) + further
    (folder / job_id).write_text(lines, encoding="utf-8")


UNDER_WAY = """\
DEBVISOR_JOB={job}
DEBVISOR_RUN_ID=20261123T120000Z-0d4c52
DEBVISOR_INVOCATION_ID={invocation}
DEBVISOR_ATTEMPT=1
DEBVISOR_MAX_ATTEMPTS=4
DEBVISOR_START_USEC=1795435200000000
DEBVISOR_TRIGGER=manual
DEBVISOR_BY=alice
SYSTEMD_JOB=17
"""
WAITING = "DEBVISOR_WAITING=for pool backup (5 of 5 taken)\n"
RETRY_SOON = "RETRY_AT=1045.3\nDEBVISOR_RETRY_USEC=1795435252000000\n"
"""At 12:00:52 UTC, 45 seconds after the world begins."""


def fail_and_retry(world: World, job_id: str, *, has_job: bool = True) -> None:
    """Let a run of the job fail, and systemd wait for its second attempt."""
    service = f"debvisor-job-{job_id}.service"
    world.systemd.set_outcome(service, Outcome.failure(3))
    world.systemd.manager.start([service])
    world.systemd.set_between_attempts(service, has_job=has_job)
    note_under_way(world, job_id, RETRY_SOON)


def set_start_limit(world: World, job_id: str, *, burst: int) -> None:
    """Let systemd refuse more than `burst` starts of the job within an hour."""
    name = f"debvisor-job-{job_id}.service"
    entry = world.systemd.units.read()[name]
    assert isinstance(entry, FileEntry)
    limit = f"StartLimitIntervalSec=1h\nStartLimitBurst={burst}"
    text = entry.text.replace("StartLimitIntervalSec=0", limit)
    world.systemd.units.write({name: FileEntry(text)})
    world.systemd.manager.reload()

# SPDX-License-Identifier: Apache-2.0
"""The jobs that are measured: a plausible mix, none of them due while it is measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

_PRIORITIES = ("normal", "normal", "normal", "low", "low", "high", "normal", "low", "normal", "low")
_FREE_HOURS = range(4, 21)
"""Hours from now in which jobs may be due: far enough for the longest bench in any zone used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchJob:
    """One job: cron expression, zone ("" for the host's) and whether it is a script."""

    id: str
    cron: str
    zone: str = ""
    is_script: bool = False
    priority: str = "normal"


def bench_jobs(count: int) -> list[BenchJob]:
    """Return `count` jobs: half of them daily, the rest by turns; none due within hours."""
    now = datetime.now(UTC).hour
    return [_job(number, now) for number in range(count)]


def _job(number: int, now: int) -> BenchJob:
    """Return job `number`; of each ten, one has a zone of its own and one is a script."""
    kind = number % 10
    turn = number // 10
    minute = turn * 7 % 60
    hour = (now + _FREE_HOURS[turn % len(_FREE_HOURS)]) % 24
    cron = {
        5: f"{minute % 15}-59/15 {hour} * * *",
        6: f"*/15 {hour} * * *",
        7: f"{minute} {hour} * * mon-fri",
        8: f"{minute} {hour} * * 1-5",
        9: f"{minute} {hour} {turn % 28 + 1} * *",
    }.get(kind, f"{minute} {hour} * * *")
    return BenchJob(
        id=f"bench-{number:05d}",
        cron=cron,
        zone="Europe/Amsterdam" if kind == 3 else "",
        is_script=kind == 4,
        priority=_PRIORITIES[turn % len(_PRIORITIES)],
    )


def as_yaml(jobs: list[BenchJob], *, changed: int = 0) -> str:
    """Return the job file of `jobs`; another number `changed` changes the first job's command."""
    return "jobs:\n" + "".join(
        line for number, job in enumerate(jobs) for line in _yaml(job, 0 if number else changed)
    )


def _yaml(job: BenchJob, changed: int) -> Iterator[str]:
    yield f"  {job.id}:\n"
    yield f"    description: Job {job.id} of the bench\n"
    if job.zone:
        yield f'    schedule: {{cron: "{job.cron}", timezone: {job.zone}}}\n'
    else:
        yield f'    schedule: "{job.cron}"\n'
    yield f"    priority: {job.priority}\n"
    yield "    timeout: 30m\n"
    if job.is_script:
        yield f'    script: |\n      set -e\n      echo "{job.id}"\n'
    else:
        yield f"    command: [/bin/true, --of, {job.id}, '{changed}']\n"


def as_crontab(jobs: list[BenchJob]) -> str:
    """Return the same schedules as a file of /etc/cron.d, those with a zone at its end."""
    local = [job for job in jobs if not job.zone]
    zoned = [job for job in jobs if job.zone]
    lines = [f"{job.cron} root /bin/true --of {job.id} 0\n" for job in local]
    lines += ["CRON_TZ=Europe/Amsterdam\n"] if zoned else []
    lines += [f"{job.cron} root /bin/true --of {job.id} 0\n" for job in zoned]
    return "".join(lines)

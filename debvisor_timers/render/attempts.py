# SPDX-License-Identifier: Apache-2.0
"""How long an attempt may take, and how often a run that failed is tried again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from debvisor_timers.jobs.model import Job
from debvisor_timers.jobs.retries import Retries
from debvisor_timers.render.check import How, Row
from debvisor_timers.render.escape import seconds
from debvisor_timers.render.waits import Waits

START_LIMIT = (
    # 0: systemd 257 refuses the sixth run within ten seconds otherwise.
    Row("StartLimitIntervalSec"),
    Row("StartLimitBurst", "delays", How.IF_ANY),
)
"""Rows of section [Unit] of the table of services."""

ATTEMPTS = (
    Row("TimeoutStartSec"),
    Row("X-Timeout", "attempt_timeout", How.IF_ANY),
    Row("X-TotalTimeout", "total_timeout", How.IF_ANY),
    Row("Restart", "delays", How.IF_ANY),
    Row("RestartMode", "delays", How.IF_ANY),
    Row("RestartSec", "delays", How.IF_ANY),
    Row("RestartSteps", "restart_steps", How.IF_ANY),
    Row("RestartMaxDelaySec", "restart_steps", How.IF_ANY),
    Row("RestartPreventExitStatus", "never_on_exit", How.IF_ANY),
    Row("X-Delays", "delays", How.IF_ANY),
    Row("X-RetryOn", "delays", How.IF_ANY),
)
"""Rows of section [Service] of the table of services."""

_SECOND = timedelta(seconds=1)
_MARGIN = timedelta(seconds=60)
_NOTHING = timedelta()


def attempt_values(job: Job, waits: Waits) -> dict[str, Any]:
    """Return the values of job.service.j2 that say how long `job` may take and how often."""
    start = start_timeout(job, waits)
    is_watched = job.total_timeout is not None or start != job.timeout
    return {
        "start_timeout": start,
        "attempt_timeout": job.timeout if is_watched else None,
        "total_timeout": job.total_timeout,
        **_retry_values(job.retries),
    }


def start_timeout(job: Job, waits: Waits) -> timedelta | None:
    """Return the limit that systemd sets to each phase of a start; None: there is none.

    Where `begin` may wait longer than an attempt may take, for other jobs, for locks or for the
    rest of a delay that a reload cut short, it is as long as that; `run` then ends the attempt.
    """
    longest = max(waits.longest, *job.retries.delays, _NOTHING)
    if job.timeout is None or not longest:
        return job.timeout
    return max(job.timeout, longest + _MARGIN)


def _retry_values(retries: Retries) -> dict[str, Any]:
    """Return the values that say how often and when systemd tries a run again.

    systemd 257 computes RestartSec * (RestartMaxDelaySec / RestartSec)^(i / RestartSteps) and then
    stays there: exact up to the last delay that `max_delay` does not cut, and too short after it.
    `begin` waits for the rest.
    """
    growing = retries.growing_delays(retries.max)
    grows = bool(growing) and growing[-1] > growing[0]
    return {
        "delays": " ".join(map(seconds, retries.delays)),
        "retry_on": " ".join(dict.fromkeys(retries.on)),
        "never_on_exit": " ".join(map(str, dict.fromkeys(retries.never_on_exit)))
        if retries.max
        else "",
        "restart_sec": retries.delay,
        "restart_steps": str(len(growing) - 1) if grows else "",
        "restart_max_delay": growing[-1] if grows else None,
        "start_limit_interval": _start_limit_interval(retries) if retries.max else _NOTHING,
        "start_limit_burst": str(retries.max + 1),
    }


def _start_limit_interval(retries: Retries) -> timedelta:
    """Return in which time more attempts than there are must fall, where nothing of ours can run.

    Without an environment file, say, neither `begin` nor `end` runs, and only this ends the run.
    """
    whole = sum(retries.first_delays(retries.max + 1), _NOTHING) * 5 / 4 + _MARGIN
    return -(-whole // _SECOND) * _SECOND

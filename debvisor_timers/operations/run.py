# SPDX-License-Identifier: Apache-2.0
"""run: start a job now, by systemd; and stop."""

from __future__ import annotations

from dataclasses import dataclass

from debvisor_timers.errors import RefusedError
from debvisor_timers.history.last import LastRun, read_last
from debvisor_timers.history.runs import Run
from debvisor_timers.operations import durable
from debvisor_timers.operations.history import history
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.jobs import applied_service
from debvisor_timers.operations.running import is_running
from debvisor_timers.render.names import service_unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks: the effective user, and the login user behind sudo (None when unknown)."""

    uid: int
    user: str
    login_uid: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """What became of a start: `run` is the run that ended, None when nobody waited for it."""

    job_id: str
    run: LastRun | Run | None


def run_job(host: Host, job_id: str, *, caller: Caller, wait: bool) -> RunResult:
    """Start the job `job_id`; with `wait`, until its run has ended.

    The schedule is not touched. Raises RefusedError when it runs already or is not applied.
    """
    applied_service(host, job_id)
    service = service_unit(job_id)
    if is_running(host, job_id):
        raise RefusedError(
            f"job {job_id!r} is running already", fix=f"see `debvisor-timers logs -f {job_id}`"
        )
    durable.write_json(
        host.layout.runtime / "requests" / f"{job_id}.json",
        {
            "uid": caller.uid,
            "user": caller.user,
            "login_uid": caller.login_uid,
            "requested_usec": round(host.clock.now().timestamp() * 1_000_000),
        },
        mode=0o644,
    )
    before = read_last(host.layout.last, job_id)
    host.manager.start([service], wait=wait)
    return RunResult(job_id=job_id, run=_ended(host, job_id, before) if wait else None)


def _ended(host: Host, job_id: str, before: LastRun | None) -> LastRun | Run | None:
    """Return the run that has just ended.

    The last-run file has it, unless the run was skipped or none of our programs could run in it (a
    missing user, say): then the journal tells.
    """
    last = read_last(host.layout.last, job_id)
    if last is not None and (before is None or last.id != before.id):
        return last
    return next(iter(history(host, job_id, limit=1)), None)


def stop_job(host: Host, job_id: str) -> bool:
    """End the running run of the job; return False when it was not running.

    The schedule is not touched: the next run comes as planned. A run whose job was removed
    meanwhile can be stopped too.
    """
    if is_running(host, job_id):
        host.manager.stop([service_unit(job_id)])
        return True
    applied_service(host, job_id)
    return False

# SPDX-License-Identifier: Apache-2.0
"""run and retry: start a job now, by systemd."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Self

from debvisor_timers.errors import NotFoundError, RefusedError
from debvisor_timers.history.caller import Caller
from debvisor_timers.history.last import LastRun, read_last
from debvisor_timers.history.outcome import RunOutcome
from debvisor_timers.history.records import JournalMatch, MessageId, task_result_in
from debvisor_timers.history.runs import Run
from debvisor_timers.operations import durable
from debvisor_timers.operations.holding.marks import Mark, pause
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.jobs import applied_service
from debvisor_timers.operations.runs.newest import newest_runs
from debvisor_timers.operations.runs.running import is_running
from debvisor_timers.operations.runs.under_way import under_way
from debvisor_timers.render.names import service_unit

_JOURNAL_WAIT = timedelta(seconds=5)
_LOOK_SECONDS = 0.2
_ALL = 1_000_000
_AGAIN = {RunOutcome.STOPPED}
"""Besides failures, what `retry` runs again where it is named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """How a job is to be run: until its end or not, past its dependencies, or as a repetition.

    force: dependencies are passed over, locks are not. retry_of: the failed run to run again. slot:
    the time of the schedule that it makes up for.
    """

    wait: bool = False
    force: bool = False
    retry_of: str = ""
    slot: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """What became of a start: `run` is the run that ended, None when nobody waited for it.

    pause: that of the job; who starts it by hand means it, so it runs all the same.
    task_result: what the handler of its task has returned, as JSON.
    """

    job_id: str
    run: LastRun | Run | None
    retry_of: str = ""
    forced: bool = False
    pause: Mark | None = None
    task_result: str = ""

    @property
    def words(self) -> str:
        """Return which run it is, as far as it is known: `run X, again Y`."""
        known = [f"run {self.run.id}"] if self.run else []
        if self.retry_of:
            known.append(f"again {self.retry_of}")
        return ", ".join([*known, *(["whatever it depends on"] if self.forced else [])])


def run_job(host: Host, job_id: str, *, caller: Caller, wish: Wish) -> RunResult:
    """Start the job `job_id`, and wait for the end of its run where that is wished.

    The schedule is not touched. Raises RefusedError when a run of it is under way, or it is not
    applied.
    """
    applied_service(host, job_id)
    _refuse_a_second(host, job_id)
    service = service_unit(job_id)
    if host.manager.service(service).start_limit:
        # Attempts that failed before any program of ours count for the next run, too.
        host.manager.reset_failed(service)
    start = Start.now(host, job_id)
    _leave_request(host, job_id, caller, wish, start.asked)
    host.manager.start([service], wait=wish.wait)
    mark = pause(host.layout, job_id)
    result = RunResult(
        job_id=job_id,
        run=None,
        retry_of=wish.retry_of,
        forced=wish.force,
        pause=mark if mark and mark.holds(start.asked) else None,
    )
    return with_end(host, result, start) if wish.wait else result


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What was known of a job before it was started: its newest ended run, and the time."""

    before: str
    asked: datetime

    @classmethod
    def now(cls, host: Host, job_id: str) -> Self:
        """Return that for a start that is just going to be made."""
        last = read_last(host.layout.last, job_id)
        return cls(before=last.id if last else "", asked=host.clock.now())


def with_end(host: Host, result: RunResult, start: Start) -> RunResult:
    """Return the result of a start with the run that has ended, once it has.

    Needs no root: the start may have been made by somebody else.
    """
    ended = _ended(host, result.job_id, start)
    found = _task_result(host, service_unit(result.job_id), ended)
    return replace(result, run=ended, task_result=found)


def retry_job(
    host: Host, job_id: str, run_id: str | None, *, caller: Caller, wait: bool
) -> RunResult:
    """Run a failed run of the job again: the run `run_id`, or else the newest that failed.

    Raises NotFoundError for a run that nobody knows, RefusedError for one that did not fail.
    """
    applied_service(host, job_id)
    _refuse_a_second(host, job_id)
    failed = _newest_failed(host, job_id) if run_id is None else _failed(host, job_id, run_id)
    return run_job(host, job_id, caller=caller, wish=Wish(wait=wait, retry_of=failed))


def _refuse_a_second(host: Host, job_id: str) -> None:
    """Raise RefusedError while a run of the job is under way: there is never a second."""
    if not is_running(host, job_id):
        return
    noted = under_way(host, job_id)
    if noted is None or not noted.waiting:
        raise RefusedError(
            f"job {job_id!r} is running already", fix=f"see `debvisor-timers logs -f {job_id}`"
        )
    raise RefusedError(
        f"a run of job {job_id!r} is under way: it waits {noted.waiting}",
        fix=f"let it go on, or end it with `debvisor-timers stop {job_id}`",
    )


def _leave_request(host: Host, job_id: str, caller: Caller, wish: Wish, asked: datetime) -> None:
    """Leave word for `begin`: who asks for the run, and how."""
    request: dict[str, object] = {
        "uid": caller.uid,
        "user": caller.token or caller.user,
        "login_uid": caller.login_uid,
        "requested_usec": round(asked.timestamp() * 1_000_000),
    }
    if wish.force:
        request["force"] = True
    if wish.retry_of:
        request["retry_of"] = wish.retry_of
    if wish.slot is not None:
        request["scheduled_usec"] = str(round(wish.slot.timestamp() * 1_000_000))
    durable.write_json(host.layout.runtime / "requests" / f"{job_id}.json", request, mode=0o644)


def _ended(host: Host, job_id: str, start: Start) -> LastRun | Run | None:
    """Return the run that ends first after `start`, or has just ended.

    systemd's job cannot tell: after the last of several attempts it ends canceled. The last-run
    file has the run, unless it was skipped, or none of our programs could run in it (a missing
    user, say): then the journal tells, which may take a moment.
    """
    deadline = time.monotonic() + _JOURNAL_WAIT.total_seconds()
    while True:
        last = read_last(host.layout.last, job_id)
        if last is not None and last.id != start.before:
            return last
        if is_running(host, job_id):
            deadline = time.monotonic() + _JOURNAL_WAIT.total_seconds()
            time.sleep(_LOOK_SECONDS)
            continue
        # A second one is there where elapses were skipped meanwhile.
        runs = [run for run in newest_runs(host, job_id, 2) if run.start >= start.asked]
        ended = [run for run in runs if run.end and not run.overlapped]
        if ended or time.monotonic() > deadline:
            return ended[0] if ended else None
        time.sleep(0.05)


def _task_result(host: Host, service: str, run: LastRun | Run | None) -> str:
    """Return what the handler of a task has returned, as JSON; empty for nothing."""
    if not isinstance(run, LastRun):
        return run.task_result if run else ""
    match: JournalMatch = {
        "MESSAGE_ID": MessageId.TASK_RESULT,
        "_SYSTEMD_UNIT": service,
        "_SYSTEMD_INVOCATION_ID": run.invocation_id,
    }
    # Who waits for the last of several attempts gets its result, as history has it.
    found = host.journal.records([match], newest_first=True) if run.invocation_id else iter(())
    return next(map(task_result_in, found), "")


def _newest_failed(host: Host, job_id: str) -> str:
    last = read_last(host.layout.last, job_id)
    if last is not None and last.outcome.is_failure:
        return last.id
    for run in newest_runs(host, job_id, _ALL):
        if run.outcome.is_failure:
            return run.id
    raise RefusedError(
        f"no run of job {job_id!r} has failed", fix=f"see `debvisor-timers history {job_id}`"
    )


def _failed(host: Host, job_id: str, run_id: str) -> str:
    run = next((run for run in newest_runs(host, job_id, _ALL) if run.id == run_id), None)
    last = read_last(host.layout.last, job_id)
    known = last if run is None and last is not None and last.id == run_id else run
    if known is None:
        raise NotFoundError(
            f"there is no run {run_id!r} of job {job_id!r}",
            fix=f"`debvisor-timers history {job_id}` shows its runs",
        )
    if not known.outcome.is_failure and known.outcome not in _AGAIN:
        raise RefusedError(
            f"run {run_id} of job {job_id!r} did not fail: it {_past(known.outcome)}",
            fix=f"run the job with `debvisor-timers run {job_id}`",
        )
    return run_id


def _past(outcome: RunOutcome) -> str:
    return "was skipped" if outcome is RunOutcome.SKIPPED else outcome.value

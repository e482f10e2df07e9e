# SPDX-License-Identifier: Apache-2.0
"""backfill: a job is run for times that have passed, one after the other.

Runs of one job never overlap, since they are runs of one unit of systemd's: so several at once are
those of several jobs. Each is a run as any other, started by systemd; `begin` is told for which
time it is.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from debvisor_timers.errors import LockedError, RefusedError
from debvisor_timers.history.caller import Caller
from debvisor_timers.history.fields import read_fields
from debvisor_timers.history.last import last_run
from debvisor_timers.history.outcome import Ending, RunOutcome, Trigger, moment
from debvisor_timers.operations.holding.progress import ProgressFile, read_progress
from debvisor_timers.operations.holding.slots import BackfillPlan
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.lock import exclusive
from debvisor_timers.operations.runs.run import Wish, run_job
from debvisor_timers.operations.runs.running import running_job
from debvisor_timers.render.names import service_unit
from debvisor_timers.systemd.ports import ActiveState

_TRIES = 5
_SHORTEST, _LONGEST = 0.02, 0.5
_AGAIN = Ending(outcome=RunOutcome.FAILED, reason="another start of the job got in the way")
_NEVER = Ending(outcome=RunOutcome.FAILED, reason="it could not be started")
_UNMET = Ending(outcome=RunOutcome.SKIPPED, reason="its condition was not met")


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotResult:
    """What became of the run for one time; run_id: empty where it never began."""

    job_id: str
    slot: datetime
    ending: Ending
    run_id: str = ""
    duration: timedelta | None = None

    @property
    def is_good(self) -> bool:
        """Return True when the time is made up for."""
        return self.ending.outcome is RunOutcome.SUCCEEDED


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One more run has ended: `done` of `total`."""

    done: int
    total: int
    result: SlotResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How the times are run: so many jobs at once, and whether one that fails stops the rest."""

    parallel: int = 1
    keep_going: bool = False
    on_progress: Callable[[Progress], None] = lambda _progress: None


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfill:
    """The runs that have ended, in that order, and how many times are left."""

    slots: tuple[SlotResult, ...]
    left: int

    @property
    def is_good(self) -> bool:
        """Return True when all times are made up for."""
        return not self.left

    @property
    def words(self) -> str:
        """Return `12 succeeded, 1 failed, 3 left`."""
        good = sum(each.is_good for each in self.slots)
        return f"{good} succeeded, {len(self.slots) - good} failed, {self.left} left"


def run_backfill(host: Host, plan: BackfillPlan, manner: Manner, caller: Caller) -> Backfill:
    """Run each time of `plan`, those of one job in their order, and wait for the end of each.

    Stops at the first that does not succeed, unless it is to keep going; what is under way is
    awaited. On KeyboardInterrupt the runs under way go on, and the next backfill finds them.
    Raises LockedError while another backfill of one of the jobs is made.
    """
    with ExitStack() as locks:
        for job in plan.jobs:
            folder = host.layout.runtime / "backfills" / job.job_id
            purpose = f"debvisor-timers backfill {job.job_id}"
            try:
                locks.enter_context(exclusive(folder, purpose=purpose, wait=timedelta()))
            except LockedError as error:
                raise LockedError(
                    f"another backfill of {job.job_id} is under way: {error.message}", fix=error.fix
                ) from error
        lines = [_Line.of(host, plan, number) for number in range(len(plan.jobs))]
        return _Work(host=host, manner=manner, caller=caller, plan=plan).go(lines)


@dataclass(slots=True, kw_only=True)
class _Line:
    """The times of one job: those to be started, and all that are not made up for.

    slot: the one whose run is under way, asked for then. is_adopted: by an earlier command.
    """

    job_id: str
    to_start: deque[datetime]
    left: set[datetime]
    file: ProgressFile
    slot: datetime | None = None
    asked: datetime | None = None
    tries: int = 0
    is_adopted: bool = False

    @classmethod
    def of(cls, host: Host, plan: BackfillPlan, number: int) -> _Line:
        """Return the line of a job; what an earlier command has left under way comes first."""
        job = plan.jobs[number]
        path = host.layout.backfills / job.job_id
        file, slots = ProgressFile(path), deque(job.slots)
        line = cls(job_id=job.job_id, to_start=slots, left=set(slots), file=file)
        if plan.again:
            file.forget(plan.since, plan.until)
        known = read_progress(path)
        if known and known.started and known.started[0] in line.left:
            line.slot, line.asked = known.started
            line.is_adopted = True
        return line


@dataclass(slots=True, kw_only=True)
class _Work:
    """Starts the runs and takes what becomes of them."""

    host: Host
    manner: Manner
    caller: Caller
    plan: BackfillPlan
    results: list[SlotResult] = field(default_factory=list)
    is_stopping: bool = False

    def go(self, lines: Sequence[_Line]) -> Backfill:
        """Work until nothing is left, or one has failed."""
        waiting, active = deque(lines), list[_Line]()
        pause = _SHORTEST
        while active or (waiting and not self.is_stopping):
            while waiting and len(active) < self.manner.parallel and not self.is_stopping:
                active.append(waiting.popleft())
            busy = self._busy(active)
            free = [line for line in active if line.job_id not in busy]
            for line in free:
                self._step(line)
            active = [line for line in active if line.slot is not None or line.job_id in busy]
            pause = _SHORTEST if free else min(pause * 1.5, _LONGEST)
            if active:
                time.sleep(pause)
        left = sum(len(line.left) for line in lines)
        return Backfill(slots=tuple(self.results), left=left)

    def _busy(self, lines: Sequence[_Line]) -> set[str]:
        """Return the jobs that have a run under way, or are about to."""
        names = {service_unit(line.job_id): line.job_id for line in lines}
        units = self.host.manager.units(*names)
        return {names[unit.name] for unit in units if unit.job or running_job(unit)}

    def _step(self, line: _Line) -> None:
        """Take what became of the run that has ended, and start the next one."""
        if line.slot is not None:
            self._take(line, line.slot)
        if line.slot is None and line.to_start and not self.is_stopping:
            line.slot, line.tries = line.to_start[0], 0
            line.file.begin(self.host.clock.now())
        if line.slot is not None:
            self._start(line, line.slot)
        elif not line.left:
            line.file.forget(self.plan.since, self.plan.until)

    def _start(self, line: _Line, slot: datetime) -> None:
        line.asked = self.host.clock.now()
        line.tries += 1
        line.file.start(slot, line.asked)
        try:
            run_job(self.host, line.job_id, caller=self.caller, wish=Wish(slot=slot))
        except RefusedError:
            if line.tries >= _TRIES:
                raise
            # Its schedule has started it just now: that run goes first.

    def _take(self, line: _Line, slot: datetime) -> None:
        """Take the result of the run for `slot`; leave it in place where it has to start again."""
        result = self._result(line, slot)
        if line.is_adopted and not (result and result.is_good):
            line.slot, line.is_adopted = None, False
            return
        if result is None and line.tries < _TRIES:
            return
        result = result or SlotResult(job_id=line.job_id, slot=slot, ending=_AGAIN)
        line.slot, line.is_adopted = None, False
        line.to_start.remove(slot)
        self.results.append(result)
        if result.is_good:
            line.left.remove(slot)
            line.file.done(slot)
        self.is_stopping = self.is_stopping or not (result.is_good or self.manner.keep_going)
        done, total = len(self.results), self.plan.total
        self.manner.on_progress(Progress(done=done, total=total, result=result))

    def _result(self, line: _Line, slot: datetime) -> SlotResult | None:
        """Return what is noted of the run for this time, None where another run came instead."""
        other = False
        for folder in self.host.layout.ended, self.host.layout.last:
            fields = read_fields(folder / line.job_id)
            run, end = last_run(fields), moment(fields.get("DEBVISOR_END_USEC", ""))
            if run is None or end is None or line.asked is None or end < line.asked:
                continue
            scheduled = moment(fields.get("DEBVISOR_SCHEDULED_USEC", ""))
            if run.trigger is not Trigger.BACKFILL or scheduled != slot:
                other = other or run.trigger is not Trigger.UNKNOWN
                continue
            skipped = fields.get("DEBVISOR_SKIPPED", "")
            return SlotResult(
                job_id=line.job_id,
                slot=slot,
                ending=Ending(outcome=RunOutcome.SKIPPED, reason=skipped)
                if skipped
                else run.ending,
                run_id=run.id,
                duration=run.duration,
            )
        if other or line.is_adopted:
            return None
        # None of our programs ran in it.
        service = self.host.manager.service(service_unit(line.job_id))
        ending = _NEVER if service.active_state is ActiveState.FAILED else _UNMET
        return SlotResult(job_id=line.job_id, slot=slot, ending=ending)

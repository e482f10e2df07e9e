# SPDX-License-Identifier: Apache-2.0
"""notify: what is to be done when a run has ended of which somebody may have to be told.

OnFailure= of each job starts it, as root; OnSuccess= of those that tell of successes and skips; and
`end`, when a job has recovered. It looks up by itself what has happened. systemd starts it for
stops by hand and for failed dependencies as well, with an environment that does not tell them apart
(systemd 257), and once only for two ends where the first is still being told.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from debvisor_timers.errors import DebvisorTimersError
from debvisor_timers.history.last import LastRun, last_run, read_last
from debvisor_timers.history.outcome import REFUSED, RunOutcome
from debvisor_timers.history.runs import Run
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.notifying.announcing import Announcer
from debvisor_timers.operations.notifying.waking import deliver_or_wait
from debvisor_timers.operations.runs.lost import Fields, lost_runs
from debvisor_timers.operations.runs.newest import newest_runs
from debvisor_timers.operations.runs.results import note_reason, note_result
from debvisor_timers.render.names import service_unit, timer_unit
from debvisor_timers.systemd.ports import ActiveState, ServiceState

_LOOK_BACK = 50
"""How many runs back a failure can lie that was not told: one that came while others were."""
_ROUNDS = 10
_JOURNAL_WAIT = timedelta(seconds=5)
_RECENT = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureNotice:
    """What was done. noted: the run whose end nobody had noted.

    told: run and channel of each message. unstuck: systemd had left the unit between two attempts.
    problems: what could not be done.
    """

    noted: str = ""
    unstuck: bool = False
    told: tuple[tuple[str, str], ...] = ()
    problems: tuple[str, ...] = ()


def notify_failure(
    host: Host, job_id: str, *, host_name: str, invocation: str = ""
) -> FailureNotice:
    """Note how the run of the job ended, let the job start again, and tell its channels, once.

    invocation: the attempt that systemd names, to wait for; empty where it names none. A step that
    cannot be done is a problem, and keeps none of the others from being done.
    """
    problems: list[str] = []

    def attempt(step: Callable[[], None]) -> None:
        try:
            step()
        except DebvisorTimersError as error:
            problems.append(str(error))

    work = _Failure(host=host, job_id=job_id, invocation=invocation, problems=problems)
    attempt(work.unstick)
    attempt(work.await_journal)
    attempt(work.note)
    attempt(work.let_start)
    attempt(lambda: work.tell(host_name))
    attempt(work.let_start)  # that a run was refused may be known by now only
    attempt(work.deliver)
    for _ in range(_ROUNDS):
        if not work.has_sent:
            break
        # That took its time: another may have failed meanwhile, without a second one of us.
        work.has_sent = False
        for step in (work.look_again, work.note, partial(work.tell, host_name), work.deliver):
            attempt(step)
    return FailureNotice(
        noted=work.noted,
        unstuck=work.unstuck,
        told=tuple(work.told),
        problems=tuple(problems),
    )


@dataclass(slots=True, kw_only=True)
class _Failure:
    """The steps, and what they found; runs: newest first; lost: those that a boot has found.

    only_noted: runs of which the journal does not tell; it may be gone.
    """

    host: Host
    job_id: str
    invocation: str
    problems: list[str]
    state: ServiceState | None = None
    runs: list[Run] = field(default_factory=list)
    lost: dict[str, Fields] = field(default_factory=dict)
    only_noted: list[Run] = field(default_factory=list)
    noted: str = ""
    unstuck: bool = False
    told: list[tuple[str, str]] = field(default_factory=list)
    has_sent: bool = False

    @property
    def service(self) -> str:
        return service_unit(self.job_id)

    def unstick(self) -> None:
        """End a unit whose next attempt never comes.

        A unit with Requires= on one that fails when it is started again for the retry stays
        `auto-restart-queued` without a job for ever (systemd 257, RestartMode=direct).
        """
        units = self.host.manager.units(self.service)
        self.state = self.host.manager.service(self.service)
        if any(unit.sub_state == "auto-restart-queued" and not unit.job for unit in units):
            self.invocation = self.invocation or self.state.invocation_id
            self.host.manager.stop([self.service])
            self.unstuck = True
        elif self.state.active_state is ActiveState.FAILED:
            self.invocation = self.invocation or self.state.invocation_id

    def await_journal(self) -> None:
        """Read the runs of the job; the failed one may take a moment to be there."""
        self.lost = lost_runs(self.host, self.job_id)
        deadline = time.monotonic() + _JOURNAL_WAIT.total_seconds()
        while True:
            self.runs = self._read()
            if self._is_there() and self.lost.keys() <= {run.id for run in self.runs}:
                return
            if time.monotonic() > deadline:
                break
            time.sleep(0.05)
        last = read_last(self.host.layout.last, self.job_id)
        lasts = [last_run(fields) for _, fields in sorted(self.lost.items(), reverse=True)]
        if last is not None and (last.invocation_id == self.invocation or self._is_recent(last)):
            lasts.insert(0, last)
        self.only_noted = [_of_last(self.job_id, each) for each in lasts if each]
        self.runs = self._read()

    def _is_there(self) -> bool:
        """Return True when the journal tells of the end for which we are here.

        Where nobody names it, as `end` does after a recovery, that which was noted just now.
        """
        if self.invocation:
            return any(self._is_it(run) for run in self.runs)
        last = read_last(self.host.layout.last, self.job_id)
        if last is None or not self._is_recent(last):
            return True
        ended = {run.id for run in self.runs if run.end or run.outcome is RunOutcome.LOST}
        return last.id in ended

    def _is_recent(self, last: LastRun) -> bool:
        return not self.invocation and abs(self.host.clock.now() - last.end) < _RECENT

    def _read(self) -> list[Run]:
        """Return the runs whose end the journal tells of, and those where a note has to."""
        runs = newest_runs(self.host, self.job_id, _LOOK_BACK)
        known = {run.id for run in runs if run.end or run.outcome is RunOutcome.LOST}
        noted = {run.id: run for run in self.only_noted if run.id not in known}
        return [*noted.values(), *(run for run in runs if run.id not in noted)]

    def _is_it(self, run: Run) -> bool:
        return self.invocation in run.invocation_ids and run.end is not None

    def note(self) -> None:
        """Write the result of the newest run, if it failed and `end` could not."""
        newest = next((run for run in self.runs if run.end and not run.overlapped), None)
        if newest is None or not newest.outcome.is_failure:
            return
        last = read_last(self.host.layout.last, self.job_id)
        is_known = last is not None and (
            last.id == newest.id
            or last.invocation_id in newest.invocation_ids
            or last.end >= (newest.end or last.end)
        )
        if not is_known:
            note_result(self.host, self.job_id, _fields(newest))
            self.noted = newest.id
        elif last and last.id == newest.id and last.ending != newest.ending:
            note_reason(self.host, self.job_id, newest.id, newest.reason)

    def let_start(self) -> None:
        """Let the next run start though a start limit ended this one, where it comes too soon.

        Otherwise the unit stays failed, for all to see. systemd counts the start that it refused
        as a restart (systemd 257): as many restarts as attempts mean that it has refused one.
        A run that was refused is enough: one that came while the last attempt of the run before it
        ended counted twice (systemd 257).
        """
        state = self.state
        if state is None or state.active_state is not ActiveState.FAILED or not state.start_limit:
            return
        if self.runs and not self.runs[0].attempts and self.runs[0].reason == REFUSED:
            self._lift_limit()
            return
        run = next((run for run in self.runs if self._is_it(run)), None)
        if run is None or state.restarts < run.attempts:
            return
        timer = timer_unit(self.job_id)
        elapse = self.host.manager.timers([timer])[timer].next_elapse
        if elapse is None or elapse - self.host.clock.now() < state.start_limit:
            self._lift_limit()

    def _lift_limit(self) -> None:
        """Let starts count from now on, unless a run has begun since: it has its own attempts."""
        if self.host.manager.service(self.service).active_state is ActiveState.FAILED:
            self.host.manager.reset_failed(self.service)

    def tell(self, host_name: str) -> None:
        """Let the channels be told of each run that they were not told of, the oldest first."""
        announcer = Announcer(
            host=self.host,
            job_id=self.job_id,
            host_name=host_name,
            read=self._read,
            is_it=self._is_it,
            lost=self.lost,
            problems=self.problems,
            told=self.told,
        )
        announcer.announce(self.runs)

    def deliver(self) -> None:
        """Send what is due, if that can be."""
        delivery = deliver_or_wait(self.host)
        self.problems.extend(delivery.problems)
        self.has_sent = bool(delivery.sent or delivery.problems)

    def look_again(self) -> None:
        """Read the runs of the job again, with the one that has failed since, if one has."""
        self.state = self.host.manager.service(self.service)
        if self.state.active_state is ActiveState.FAILED:
            self.invocation = self.state.invocation_id or self.invocation
        self.await_journal()


def _fields(run: Run) -> Mapping[str, str]:
    """Return a failed run in the manner of `end`."""
    result = "timeout" if run.outcome is RunOutcome.TIMED_OUT else run.result
    ended = run.end or run.start
    values = {
        "JOB": run.job,
        "RUN_ID": run.id,
        "INVOCATION_ID": run.invocation_ids[-1] if run.invocation_ids else "",
        "ATTEMPT": f"{run.attempts or 1}",
        "MAX_ATTEMPTS": f"{run.max_attempts or run.attempts or 1}",
        "TRIGGER": str(run.trigger),
        "START_USEC": f"{run.start.timestamp() * 1e6:.0f}",
        "END_USEC": f"{ended.timestamp() * 1e6:.0f}",
        "RESULT": result if result not in {"", "success"} else "resources",
        "EXIT_CODE": run.exit.code,
        "EXIT_STATUS": run.exit.status,
        "REASON": run.reason,
        "FINAL": "1",
    }
    return {f"DEBVISOR_{name}": value for name, value in values.items() if value}


def _of_last(job_id: str, last: LastRun) -> Run:
    """Return a run of which the file alone tells: the journal may be gone."""
    return Run(
        id=last.id,
        job=job_id,
        generation=None,
        trigger=last.trigger,
        by="",
        scheduled_for=None,
        start=last.start or last.end,
        end=last.end,
        ending=last.ending,
        exit=last.exit,
        cpu=None,
        memory_peak=None,
        invocation_ids=(last.invocation_id,),
        boot_id="",
        max_attempts=last.max_attempts,
    )

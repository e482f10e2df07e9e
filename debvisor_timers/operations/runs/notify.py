# SPDX-License-Identifier: Apache-2.0
"""notify: what is to be done when a run has failed; OnFailure= of each job starts it, as root.

It looks up by itself what has failed. systemd starts it for stops by hand and for failed
dependencies as well, with an environment that does not tell them apart (systemd 257), and once
only for two failures where the first is still being told.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice

from debvisor_timers.errors import DebvisorTimersError
from debvisor_timers.history.document import run_document
from debvisor_timers.history.last import LastRun, last_run, read_last
from debvisor_timers.history.outcome import REFUSED, RunOutcome
from debvisor_timers.history.records import JournalMatch
from debvisor_timers.history.runs import Run
from debvisor_timers.operations import durable
from debvisor_timers.operations.applying.applied import applied_definitions, applied_folder
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.notifying.deliver import deliver
from debvisor_timers.operations.notifying.queue import enqueue
from debvisor_timers.operations.runs.lost import Fields, forget_lost, lost_runs
from debvisor_timers.operations.runs.newest import newest_runs
from debvisor_timers.operations.runs.results import note_reason, note_result
from debvisor_timers.render.names import service_unit, timer_unit
from debvisor_timers.systemd.ports import ActiveState, ServiceState

_LOOK_BACK = 50
"""How many runs back a failure can lie that was not told: one that came while others were."""
_JOURNAL_WAIT = timedelta(seconds=5)
_ROUNDS = 10
_LOG_LINES = 50
_LONGEST_LINE = 2000


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


@dataclass(frozen=True, slots=True)
class _Audience:
    """Whom to tell of failures of a job, and what to say of it besides."""

    channels: tuple[str, ...] = ()
    about: Mapping[str, object] = field(default_factory=dict)


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
    attempt(lambda: problems.extend(deliver(host).problems))
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
            is_there = not self.invocation or any(self._is_it(run) for run in self.runs)
            if is_there and self.lost.keys() <= {run.id for run in self.runs}:
                return
            if time.monotonic() > deadline:
                break
            time.sleep(0.05)
        last = read_last(self.host.layout.last, self.job_id)
        lasts = [last_run(fields) for _, fields in sorted(self.lost.items(), reverse=True)]
        if last is not None and last.invocation_id == self.invocation:
            lasts.insert(0, last)
        self.only_noted = [_of_last(self.job_id, each) for each in lasts if each]
        self.runs = self._read()

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
            self.host.manager.reset_failed(self.service)
            return
        run = next((run for run in self.runs if self._is_it(run)), None)
        if run is None or state.restarts < run.attempts:
            return
        timer = timer_unit(self.job_id)
        elapse = self.host.manager.timers([timer])[timer].next_elapse
        if elapse is None or elapse - self.host.clock.now() < state.start_limit:
            self.host.manager.reset_failed(self.service)

    def tell(self, host_name: str) -> None:
        """Let the channels be told of each failed run that they were not told of, the oldest first.

        A run is noted as told once its messages wait: a power cut in between tells it twice, rather
        than never.
        """
        audience: _Audience | None = None
        self._forget(_read_line(self.host, self.job_id))
        for _ in range(_ROUNDS):
            untold = self._untold()
            if not untold:
                return
            audience = audience or self._audience()
            for run in untold:
                self._tell(run, audience, host_name)
                self._note_told(run)
            # Another may have failed meanwhile: systemd starts no second of us for that.
            self.runs = self._read()

    def _note_told(self, run: Run) -> None:
        """Note that the run was told, unless a later one was before it."""
        note = self.host.layout.notified / self.job_id
        names = [each.id for each in self.runs]
        if _read_line(self.host, self.job_id) not in names[: names.index(run.id)]:
            durable.write_bytes(note, f"{run.id}\n".encode(), mode=0o644)
        self._forget(run.id)

    def _forget(self, run_id: str) -> None:
        """Forget that the run was lost, if it was: it is told now."""
        if self.lost.pop(run_id, None) is not None:
            forget_lost(self.host, self.job_id, run_id)

    def _untold(self) -> list[Run]:
        """Return the failed runs since the newest that was told, this one alone if none was.

        And those that were lost, whatever has run since the boot.
        """
        told = _read_line(self.host, self.job_id)
        since = [run.id for run in self.runs]
        if told in since:
            newer = self.runs[: since.index(told)]
        else:
            newer = [run for run in self.runs if self._is_it(run)] or self.runs[:1]
        untold = {run.id for run in newer if run.outcome.is_failure} | self.lost.keys()
        return [run for run in reversed(self.runs) if run.id in untold]

    def _audience(self) -> _Audience:
        """Return whom the job tells, as it was applied; nobody for a job that is gone."""
        folder = applied_folder(self.host)
        if folder is None:
            return _Audience()
        definitions = applied_definitions(self.host, folder)
        job = definitions.jobs.get(self.job_id)
        if job is None:
            for problem in definitions.problems:
                if problem.is_error:
                    self.problems.append(f"whom to tell is not known: {problem.message}")
            return _Audience()
        known = definitions.config.channels
        missing = [name for name in job.notify.failure if name not in known]
        self.problems.extend(f"there is no channel {name!r} to tell" for name in missing)
        return _Audience(
            tuple(name for name in job.notify.failure if name in known),
            {
                "name": job.title,
                "owner": job.owner,
                "tags": dict(job.tags),
                "priority": str(job.priority),
            },
        )

    def _tell(self, run: Run, audience: _Audience, host_name: str) -> None:
        if not audience.channels:
            return
        document = {
            "event": "failure",
            **run_document(run),
            **audience.about,
            "host": host_name,
            "log": list(_log(self.host, self.service, run)),
        }
        for channel in audience.channels:
            enqueue(self.host, channel, document)
            self.told.append((run.id, channel))


def _read_line(host: Host, job_id: str) -> str:
    try:
        return (host.layout.notified / job_id).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return ""


def _log(host: Host, service: str, run: Run) -> Iterator[str]:
    """Yield the last lines that the run has printed, the oldest first."""
    if not run.invocation_ids:
        return
    match: JournalMatch = {
        "_TRANSPORT": "stdout",
        "_SYSTEMD_UNIT": service,
        "_SYSTEMD_INVOCATION_ID": run.invocation_ids,
    }
    records = islice(host.journal.records([match], newest_first=True), _LOG_LINES)
    for record in reversed(list(records)):
        yield record.get("MESSAGE")[:_LONGEST_LINE]


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

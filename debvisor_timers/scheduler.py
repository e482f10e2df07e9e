# SPDX-License-Identifier: Apache-2.0
"""The Python API: wires the real parts of this host; everything below enters here."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from debvisor_timers.layout import Layout
from debvisor_timers.operations.audited import Attempt, audited
from debvisor_timers.operations.host import Host

if TYPE_CHECKING:
    from debvisor_timers.history.audit import AuditRecord
    from debvisor_timers.history.buckets import Period
    from debvisor_timers.history.caller import Caller, Door
    from debvisor_timers.history.chain import NotedDigest, Proof
    from debvisor_timers.operations.apply import ApplyOptions, ApplyResult
    from debvisor_timers.operations.audit_read import AuditFilter
    from debvisor_timers.operations.check import CheckResult
    from debvisor_timers.operations.elapses import Interval
    from debvisor_timers.operations.graph import Graph
    from debvisor_timers.operations.history import HistoryPage, HistoryQuery
    from debvisor_timers.operations.list import JobList
    from debvisor_timers.operations.logs import LogQuestion
    from debvisor_timers.operations.lost import LostRuns
    from debvisor_timers.operations.maintain import Maintenance
    from debvisor_timers.operations.metrics import Metrics
    from debvisor_timers.operations.notify import FailureNotice
    from debvisor_timers.operations.plan import Plan
    from debvisor_timers.operations.prune import Limits, Pruned
    from debvisor_timers.operations.recover import Recovery
    from debvisor_timers.operations.renew import Renewal
    from debvisor_timers.operations.report import Report
    from debvisor_timers.operations.run import RunResult
    from debvisor_timers.operations.show import JobDetails
    from debvisor_timers.operations.show_run import RunDetails
    from debvisor_timers.operations.stats import StatisticsOfJobs
    from debvisor_timers.operations.status import Status
    from debvisor_timers.operations.timeline import Timeline
    from debvisor_timers.operations.translate import TranslatedSchedule
    from debvisor_timers.operations.upcoming import Upcoming
    from debvisor_timers.operations.which_run import Choice


class Scheduler:
    """All that can be done with the jobs of one host; every method is one operation.

    Each imports what it needs when it is called: starting a command costs milliseconds. The
    errors are those of debvisor_timers.errors. What changes something, or is refused, is in the
    audit as asked for by one caller.
    """

    def __init__(
        self,
        host: Host,
        caller: Caller | None = None,
        *,
        door: Door = "python",
        tell: Callable[[str], None] | None = None,
    ) -> None:
        """Work on `host` for `caller`; `system()` gives the host that we run on.

        caller: the user of this process, who came through `door`, where none is named.
        tell: is told what a person has to know besides an answer; stderr, where nothing is named.
        """
        self.host = host
        self._caller = caller
        self._door = door
        self._tell = tell or _warn

    @classmethod
    def system(cls, layout: Layout | None = None, *, door: Door = "python") -> Scheduler:
        """Return the scheduler of this host, by its systemd and its journal."""
        from debvisor_timers.systemd.real import real_parts

        layout = layout or Layout()
        return cls(Host(layout=layout, **real_parts(layout)), door=door)

    @property
    def caller(self) -> Caller:
        """Return who asks."""
        if self._caller is None:
            from debvisor_timers.operations.caller import this_caller

            self._caller = this_caller(self._door)
        return self._caller

    def attempt(
        self, verb: str, *, jobs: Sequence[str] = (), file: str = ""
    ) -> AbstractContextManager[Attempt]:
        """Return the block in which something is changed, so that it gets into the audit.

        verb: one of history.audit.Verb. The block calls `begin` before it changes something, and
        `done` when it has.
        """
        attempt = Attempt(self.host, lambda: self.caller, verb, jobs=jobs, file=file)
        return audited(attempt, self._tell)

    @property
    def zone(self) -> str:
        """Return the name of this host's time zone."""
        return self.host.clock.zone()

    def plan(self) -> Plan:
        """Return what `apply` would change."""
        from debvisor_timers.operations.plan import make_plan

        return make_plan(self.host)

    def apply(self, options: ApplyOptions) -> ApplyResult:
        """Make the timers of this host what the YAML says."""
        from debvisor_timers.operations.apply import apply

        with self.attempt("apply") as attempt:
            options = replace(options, on_step=attempt.on_step(options.on_step))
            result = apply(self.host, options)
            if result.has_changed:
                plan = result.plan
                changes = plan.jobs if plan else ()
                attempt.done(
                    result.words,
                    changes=changes,
                    settings=result.settings,
                    generation=result.generation,
                )
        return result

    def recover(self) -> Recovery:
        """Undo or finish an apply that was cut off."""
        from debvisor_timers.operations.recover import Recovery, recover

        with self.attempt("recover") as attempt:
            recovery = recover(self.host)
            if recovery is not Recovery.NOTHING:
                attempt.done(f"an apply that had been cut off was {recovery}")
        return recovery

    def note_lost(self) -> LostRuns:
        """Record each run that a crash has cut off, and have its channels told."""
        from debvisor_timers.operations.lost import note_lost

        return note_lost(self.host)

    def renew(self, on_step: Callable[[str], None] = lambda _step: None) -> Renewal:
        """Let timers follow their time zone, where its law or the host's zone has changed."""
        from debvisor_timers.operations.renew import renew

        with self.attempt("renew") as attempt:
            renewal = renew(self.host, attempt.on_step(on_step))
            if renewal.plan is not None and renewal.renewed:
                plan = renewal.plan
                attempt.done(changes=plan.jobs, generation=plan.generation)
        return renewal

    def check(self, files: Sequence[Path] = ()) -> CheckResult:
        """Return every problem of `files`, or of all files."""
        from debvisor_timers.operations.check import check

        return check(self.host, files)

    def list(self) -> JobList:
        """Return all jobs with their last run and next start."""
        from debvisor_timers.operations.list import list_jobs

        return list_jobs(self.host)

    def show(self, job_id: str) -> JobDetails:
        """Return all that is known of one job."""
        from debvisor_timers.operations.show import show_job

        return show_job(self.host, job_id)

    def now(self) -> datetime:
        """Return the time on this host: aware, UTC."""
        return self.host.clock.now()

    def timestamp(self, text: str) -> datetime:
        """Return the instant that systemd reads from `text`, such as `tomorrow`: aware, UTC."""
        return self.host.analyzer.timestamp(text)

    def next(self, jobs: Sequence[str], within: Interval) -> Sequence[Upcoming]:
        """Return the runs of `jobs`, or of all that are enabled, as one list."""
        from debvisor_timers.operations.upcoming import upcoming_of

        return upcoming_of(self.host, jobs, within)

    def next_of_cron(self, text: str, *, zone: str | None, within: Interval) -> Sequence[Upcoming]:
        """Return when a cron expression that is no job would run."""
        from debvisor_timers.operations.upcoming import upcoming_of_cron

        return upcoming_of_cron(self.host, text, zone=zone, within=within)

    def next_of_calendar(self, spec: str, within: Interval) -> Sequence[Upcoming]:
        """Return when an expression in systemd's own syntax would elapse."""
        from debvisor_timers.operations.upcoming import upcoming_of_calendar

        return upcoming_of_calendar(self.host, spec, within)

    def timeline(self, jobs: Sequence[str], *, day: datetime, days: int = 1) -> Timeline:
        """Return the runs of the day that `day` lies in, or of its week (7 days from Monday)."""
        from debvisor_timers.operations.timeline import timeline

        return timeline(self.host, jobs, day=day, days=days)

    def report(self, *, since: datetime, until: datetime) -> Report:
        """Return a digest of all jobs: what went wrong in that time, and what may."""
        from debvisor_timers.operations.report import report

        return report(self.host, since=since, until=until)

    def graph(self, job_id: str = "") -> Graph:
        """Return which job depends on which other: of all jobs, or around one."""
        from debvisor_timers.operations.graph import graph

        return graph(self.host, job_id)

    def translate(self, text: str, *, zone: str | None, count: int) -> TranslatedSchedule:
        """Return a cron expression as OnCalendar lines with its next `count` elapses."""
        from debvisor_timers.operations.translate import translate_schedule

        return translate_schedule(self.host, text, zone=zone, count=count)

    def run(self, job_id: str, *, wait: bool, force: bool = False) -> RunResult:
        """Start a job now; `force` passes over what it depends on."""
        from debvisor_timers.operations.run import Wish, run_job

        wish = Wish(wait=wait, force=force)
        with self._started("run", job_id, wait=wait) as attempt:
            result = run_job(self.host, job_id, caller=self.caller, wish=wish)
            attempt.done(result.words)
        return result

    def retry(self, job_id: str, run_id: str | None, *, wait: bool) -> RunResult:
        """Run a failed run again, the newest one where none is named."""
        from debvisor_timers.operations.run import retry_job

        with self._started("retry", job_id, wait=wait) as attempt:
            result = retry_job(self.host, job_id, run_id, caller=self.caller, wait=wait)
            attempt.done(result.words)
        return result

    @contextmanager
    def _started(self, verb: str, job_id: str, *, wait: bool) -> Iterator[Attempt]:
        """Let the block start a job; who stops waiting for its end has started it."""
        with self.attempt(verb, jobs=[job_id]) as attempt:
            attempt.begin()
            try:
                yield attempt
            except KeyboardInterrupt:
                attempt.is_done = wait
                raise

    def notify_failure(self, job_id: str, *, host_name: str, invocation: str) -> FailureNotice:
        """Note how a run of a job failed, and tell the channels of the job, once."""
        from debvisor_timers.operations.notify import notify_failure

        return notify_failure(self.host, job_id, host_name=host_name, invocation=invocation)

    def service_text(self, job_id: str) -> str:
        """Return the service unit that a run of the job uses, as it stands on disk."""
        from debvisor_timers.operations.jobs import applied_service

        return applied_service(self.host, job_id)

    def stop(self, job_id: str) -> bool:
        """End the run of a job that is under way; False when there is none."""
        from debvisor_timers.operations.stop import stop_job

        with self.attempt("stop", jobs=[job_id]) as attempt:
            attempt.begin()
            if was_running := stop_job(self.host, job_id):
                attempt.done()
        return was_running

    def logs_command(self, question: LogQuestion) -> Sequence[str]:
        """Return the argv of journalctl that shows what a job, a run or all jobs said."""
        from debvisor_timers.operations.logs import journalctl_command

        return journalctl_command(self.host, question)

    def show_run(self, job_id: str, choice: Choice) -> RunDetails:
        """Return a run of a job, and the last lines that it printed."""
        from debvisor_timers.operations.show_run import show_run

        return show_run(self.host, job_id, choice)

    def history(
        self, query: HistoryQuery, on_step: Callable[[str], None] = lambda _step: None
    ) -> HistoryPage:
        """Return past runs of jobs, newest first, page by page."""
        from debvisor_timers.operations.history import history

        return history(self.host, query, on_step)

    def prune_history(self, limits: Limits, *, dry_run: bool = False) -> Pruned:
        """Forget the oldest runs of the index."""
        from debvisor_timers.operations.prune import prune_history

        if dry_run:
            return prune_history(self.host, limits, dry_run=True)
        with self.attempt("prune") as attempt:
            attempt.begin()
            pruned = prune_history(self.host, limits)
            if pruned.runs:
                attempt.done(f"{pruned.runs} runs forgotten")
        return pruned

    def refresh_textfile(self) -> str:
        """Let the node exporter have new metrics, if root asks; return why it has not, if so."""
        from debvisor_timers.errors import DebvisorTimersError
        from debvisor_timers.operations.maintain import refresh_textfile
        from debvisor_timers.operations.past import may_write

        try:
            if may_write(self.host.layout.index):
                refresh_textfile(self.host)
        except DebvisorTimersError as error:
            return f"the metrics were not written: {error.message}"
        return ""

    def maintain(self) -> Maintenance:
        """Do what is to be done from time to time: bring the index up to date, and prune it."""
        from debvisor_timers.operations.maintain import maintain

        return maintain(self.host)

    def stats(
        self,
        jobs: Sequence[str] = (),
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        by: Period | None = None,
        on_step: Callable[[str], None] = lambda _step: None,
    ) -> StatisticsOfJobs:
        """Return the numbers of the past runs of `jobs`, or of all; by: add days or weeks."""
        from debvisor_timers.operations.stats import Window, job_statistics

        window = Window(since=since, until=until, by=by)
        return job_statistics(self.host, jobs, window, on_step)

    def status(self) -> Status:
        """Return what needs attention."""
        from debvisor_timers.operations.status import status

        return status(self.host)

    def audit(self, wanted: AuditFilter) -> Sequence[AuditRecord]:
        """Return who changed what, newest first."""
        from debvisor_timers.operations.audit_read import audit

        return audit(self.host, wanted)

    def verify_audit(self, noted: NotedDigest | None = None) -> Proof:
        """Return whether the audit is whole, and the record with a digest noted elsewhere in it."""
        from debvisor_timers.operations.audit_read import verify_audit

        return verify_audit(self.host, noted)

    def metrics(self) -> Metrics:
        """Return the metrics of this host in Prometheus's text format."""
        from debvisor_timers.operations.metrics import metrics

        return metrics(self.host)

    def write_metrics(self, path: Path) -> Metrics:
        """Write the same to a file of the node exporter's, whole or not at all."""
        from debvisor_timers.operations.metrics import write_textfile

        return write_textfile(self.host, path)


def _warn(words: str) -> None:
    sys.stderr.write(f"warning: {words}\n")

# SPDX-License-Identifier: Apache-2.0
"""What was: runs, their statistics, metrics, the audit."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from debvisor_timers.scheduler.base import Base

if TYPE_CHECKING:
    from debvisor_timers.history.audit import AuditRecord
    from debvisor_timers.history.buckets import Period
    from debvisor_timers.history.chain import NotedDigest, Proof
    from debvisor_timers.history.figures import RunFigures
    from debvisor_timers.operations.auditing.audit_read import AuditFilter
    from debvisor_timers.operations.measuring.metrics import Metrics
    from debvisor_timers.operations.past.counts import RunCounts
    from debvisor_timers.operations.past.coverage import Coverage
    from debvisor_timers.operations.past.history import HistoryPage, HistoryQuery
    from debvisor_timers.operations.past.maintain import Maintenance
    from debvisor_timers.operations.past.prune import Limits, Pruned
    from debvisor_timers.operations.past.report import Report
    from debvisor_timers.operations.past.stats import StatisticsOfJobs
    from debvisor_timers.tasks.machines import Selection


class Past(Base):
    """Questions about the past, and what keeps it short."""

    def history(
        self, query: HistoryQuery, on_step: Callable[[str], None] = lambda _step: None
    ) -> HistoryPage:
        """Return past runs of jobs, newest first, page by page."""
        from debvisor_timers.operations.past.history import history

        return history(self.host, query, on_step)

    def prune_history(self, limits: Limits, *, dry_run: bool = False) -> Pruned:
        """Forget the oldest runs of the index."""
        from debvisor_timers.operations.past.prune import prune_history

        if dry_run:
            return prune_history(self.host, limits, dry_run=True)
        with self.attempt("prune") as attempt:
            attempt.begin()
            pruned = prune_history(self.host, limits)
            if pruned.runs:
                attempt.done(f"{pruned.runs} runs forgotten")
        return pruned

    def forget_runs(self, job_id: str, *, keep: Collection[str]) -> int:
        """Let the index forget the runs of a job but those with the ids `keep`; return how many."""
        from debvisor_timers.operations.past.prune import forget_runs

        with self.attempt("prune", jobs=[job_id]) as attempt:
            attempt.begin()
            runs = forget_runs(self.host, job_id, keep)
            if runs:
                attempt.done(f"{runs} runs forgotten")
        return runs

    def newest_runs(self, jobs: Sequence[str], count: int) -> Mapping[str, Sequence[RunFigures]]:
        """Return the newest `count` runs of each of `jobs`, oldest first, in figures."""
        from debvisor_timers.operations.past.past import open_past

        with open_past(self.host, jobs=jobs) as past:
            return {job_id: past.newest_of(job_id, count) for job_id in jobs}

    def jobs_with_runs(self) -> Sequence[str]:
        """Return the ids of all jobs that have runs, also of those that were removed."""
        from debvisor_timers.operations.past.past import open_past

        with open_past(self.host) as past:
            return past.jobs()

    def maintain(self) -> Maintenance:
        """Do what is to be done from time to time: bring the index up to date, and prune it."""
        from debvisor_timers.operations.past.maintain import maintain

        return maintain(self.host)

    def run_counts(self) -> Mapping[str, RunCounts] | None:
        """Return how often each job has run and failed; None where this user may not know."""
        from debvisor_timers.operations.past.counts import run_counts

        return run_counts(self.host)

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
        from debvisor_timers.operations.past.stats import Window, job_statistics

        window = Window(since=since, until=until, by=by)
        return job_statistics(self.host, jobs, window, on_step)

    def report(self, *, since: datetime, until: datetime) -> Report:
        """Return a digest of all jobs: what went wrong in that time, and what may."""
        from debvisor_timers.operations.past.report import report

        return report(self.host, since=since, until=until)

    def coverage(
        self, selection: Selection, *, since: datetime, folders: Iterable[Path] = ()
    ) -> Coverage:
        """Return which virtual machines have a good snapshot or backup of `since` or later.

        folders: where backups lie, besides those that jobs write to.
        """
        from debvisor_timers.operations.past.coverage import coverage

        return coverage(self.host, selection, since=since, folders=folders)

    def refresh_textfile(self) -> str:
        """Let the node exporter have new metrics, if root asks; return why it has not, if so."""
        from debvisor_timers.errors import DebvisorTimersError
        from debvisor_timers.operations.past.maintain import refresh_textfile
        from debvisor_timers.operations.past.past import may_write

        try:
            if may_write(self.host.layout.index):
                refresh_textfile(self.host)
        except DebvisorTimersError as error:
            return f"the metrics were not written: {error.message}"
        return ""

    def metrics(self) -> Metrics:
        """Return the metrics of this host in Prometheus's text format."""
        from debvisor_timers.operations.measuring.metrics import metrics

        return metrics(self.host)

    def write_metrics(self, path: Path) -> Metrics:
        """Write the same to a file of the node exporter's, whole or not at all."""
        from debvisor_timers.operations.measuring.metrics import write_textfile

        return write_textfile(self.host, path)

    def audit(self, wanted: AuditFilter) -> Sequence[AuditRecord]:
        """Return who changed what, newest first."""
        from debvisor_timers.operations.auditing.audit_read import audit

        return audit(self.host, wanted)

    def verify_audit(self, noted: NotedDigest | None = None) -> Proof:
        """Return whether the audit is whole, and the record with a digest noted elsewhere in it."""
        from debvisor_timers.operations.auditing.audit_read import verify_audit

        return verify_audit(self.host, noted)

# SPDX-License-Identifier: Apache-2.0
"""Runs of jobs, one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from debvisor_timers.operations.auditing.audited import Attempt
from debvisor_timers.scheduler.base import Base

if TYPE_CHECKING:
    from debvisor_timers.operations.notifying.started import StartNotice
    from debvisor_timers.operations.notifying.watch import Watch
    from debvisor_timers.operations.runs.log_lines import LogPage, LogWish
    from debvisor_timers.operations.runs.logs import LogQuestion
    from debvisor_timers.operations.runs.lost import LostRuns
    from debvisor_timers.operations.runs.notify import FailureNotice
    from debvisor_timers.operations.runs.rehearse import Rehearsal
    from debvisor_timers.operations.runs.run import RunResult
    from debvisor_timers.operations.runs.show_run import RunDetails
    from debvisor_timers.operations.runs.which_run import Choice


class Running(Base):
    """Start a run, end one, look at one."""

    def run(self, job_id: str, *, wait: bool, force: bool = False) -> RunResult:
        """Start a job now; `force` passes over what it depends on."""
        from debvisor_timers.operations.runs.run import Wish, run_job

        wish = Wish(wait=wait, force=force)
        with self._started("run", job_id, wait=wait) as attempt:
            result = run_job(self.host, job_id, caller=self.caller, wish=wish)
            attempt.done(result.words)
        return result

    def rehearse(self, job_id: str) -> Rehearsal:
        """Return what would happen if the job were run now; nothing does."""
        from debvisor_timers.operations.runs.rehearse import rehearse

        return rehearse(self.host, job_id)

    def retry(self, job_id: str, run_id: str | None, *, wait: bool) -> RunResult:
        """Run a failed run again, the newest one where none is named."""
        from debvisor_timers.operations.runs.run import retry_job

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

    def stop(self, job_id: str) -> bool:
        """End the run of a job that is under way; False when there is none."""
        from debvisor_timers.operations.runs.stop import stop_job

        with self.attempt("stop", jobs=[job_id]) as attempt:
            attempt.begin()
            if was_running := stop_job(self.host, job_id):
                attempt.done()
        return was_running

    def notify_failure(self, job_id: str, *, host_name: str, invocation: str) -> FailureNotice:
        """Note how a run of a job failed, and tell the channels of the job, once."""
        from debvisor_timers.operations.runs.notify import notify_failure

        return notify_failure(self.host, job_id, host_name=host_name, invocation=invocation)

    def notify_started(self, job_id: str, *, host_name: str) -> StartNotice:
        """Tell the channels of the job that its run has begun."""
        from debvisor_timers.operations.notifying.started import notify_started

        return notify_started(self.host, job_id, host_name=host_name)

    def watch(self, *, host_name: str) -> Watch:
        """Tell what the end of no run announces, and send what waits."""
        from debvisor_timers.operations.notifying.watch import watch

        return watch(self.host, host_name=host_name)

    def note_lost(self) -> LostRuns:
        """Record each run that a crash has cut off, and have its channels told."""
        from debvisor_timers.operations.runs.lost import note_lost

        return note_lost(self.host)

    def logs_command(self, question: LogQuestion) -> Sequence[str]:
        """Return the argv of journalctl that shows what a job, a run or all jobs said."""
        from debvisor_timers.operations.runs.logs import journalctl_command

        argv = journalctl_command(self.host, question)
        if not self.host.layout.user:
            return argv
        import os

        from debvisor_timers.systemd.user_journal import user_terms

        return user_terms(argv, os.geteuid())

    def log(self, wish: LogWish) -> LogPage:
        """Return lines that a job or a run printed."""
        from debvisor_timers.operations.runs.log_lines import log_page

        return log_page(self.host, wish)

    def show_run(self, job_id: str, choice: Choice) -> RunDetails:
        """Return a run of a job, and the last lines that it printed."""
        from debvisor_timers.operations.runs.show_run import show_run

        return show_run(self.host, job_id, choice)

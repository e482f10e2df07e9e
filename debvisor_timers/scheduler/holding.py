# SPDX-License-Identifier: Apache-2.0
"""Holding runs back, and making up for those that were."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from debvisor_timers.scheduler.base import Base

if TYPE_CHECKING:
    from debvisor_timers.operations.holding.backfill import Backfill, Progress
    from debvisor_timers.operations.holding.maintenance import MaintenanceOn
    from debvisor_timers.operations.holding.marks import Mark
    from debvisor_timers.operations.holding.pause import Paused, Resumed, Wish
    from debvisor_timers.operations.holding.selecting import Choice
    from debvisor_timers.operations.holding.skip_next import Skipping
    from debvisor_timers.operations.holding.slots import BackfillPlan, Times


class Holding(Base):
    """Pause and resume, skip the next runs, maintenance, backfill."""

    def pause(self, choice: Choice, wish: Wish) -> Paused:
        """Let no schedule and no trigger start these jobs."""
        from debvisor_timers.operations.holding.pause import pause_jobs

        with self.attempt("pause", jobs=choice.jobs) as attempt:
            attempt.begin()
            paused = pause_jobs(self.host, choice, wish, self.caller)
            attempt.jobs = [job.job_id for job in paused.jobs]
            if paused.jobs:
                attempt.done(_what(wish))
        return paused

    def resume(self, choice: Choice) -> Resumed:
        """Let them start again by their schedules; none starts by this."""
        from debvisor_timers.operations.holding.pause import resume_jobs

        with self.attempt("resume", jobs=choice.jobs) as attempt:
            attempt.begin()
            resumed = resume_jobs(self.host, choice)
            attempt.jobs = resumed.jobs
            if resumed.jobs:
                attempt.done()
        return resumed

    def skip_next(self, job_id: str, count: int = 1) -> Skipping:
        """Skip the next `count` runs of a job by its schedule; 0 takes that back."""
        from debvisor_timers.operations.holding.skip_next import skip_next

        with self.attempt("skip-next", jobs=[job_id]) as attempt:
            attempt.begin()
            skipping = skip_next(self.host, job_id, count, self.caller)
            if skipping.now or skipping.before:
                attempt.done("1 run" if count == 1 else f"{count} runs")
        return skipping

    def maintenance(self) -> Mark | None:
        """Return the maintenance that this host is in, None while it is in none."""
        from debvisor_timers.operations.holding.marks import maintenance

        return maintenance(self.host.layout, self.now())

    def begin_maintenance(self, wish: Wish) -> MaintenanceOn:
        """Let no schedule and no boot start any job of this host."""
        from debvisor_timers.operations.holding.maintenance import begin_maintenance

        with self.attempt("maintenance") as attempt:
            attempt.begin()
            begun = begin_maintenance(self.host, wish, self.caller)
            attempt.done(", ".join(filter(None, ["on", _what(wish)])))
        return begun

    def end_maintenance(self) -> Mark | None:
        """End that; nothing starts by this. None where there was none."""
        from debvisor_timers.operations.holding.maintenance import end_maintenance

        with self.attempt("maintenance") as attempt:
            attempt.begin()
            ended = end_maintenance(self.host)
            if ended is not None:
                attempt.done("off")
        return ended

    def plan_backfill(self, jobs: Sequence[str], times: Times) -> BackfillPlan:
        """Return which times of jobs a backfill would make up for."""
        from debvisor_timers.operations.holding.slots import plan_backfill

        return plan_backfill(self.host, jobs, times)

    def backfill(
        self,
        plan: BackfillPlan,
        *,
        parallel: int = 1,
        keep_going: bool = False,
        on_progress: Callable[[Progress], None] = lambda _progress: None,
    ) -> Backfill:
        """Run each time of `plan`, those of one job one after the other.

        parallel: so many jobs at once. keep_going: also after one that failed.
        """
        from debvisor_timers.operations.holding.backfill import Manner, run_backfill

        with self.attempt("backfill", jobs=[job.job_id for job in plan.jobs]) as attempt:
            attempt.begin()

            def tell(progress: Progress) -> None:
                # Who stops it has made up for these all the same.
                attempt.done(f"{progress.done} of {progress.total} runs")
                on_progress(progress)

            manner = Manner(parallel=parallel, keep_going=keep_going, on_progress=tell)
            done = run_backfill(self.host, plan, manner, self.caller)
            if done.slots:
                attempt.done(done.words)
        return done


def _what(wish: Wish) -> str:
    until = f"until {wish.until.isoformat(timespec='seconds')}" if wish.until else ""
    return ": ".join(filter(None, [until, wish.reason]))

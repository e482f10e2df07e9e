# SPDX-License-Identifier: Apache-2.0
"""What jobs there are, and when they run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from debvisor_timers.scheduler.base import Base

if TYPE_CHECKING:
    from debvisor_timers.jobs.policy import AccessPolicy
    from debvisor_timers.operations.chosen import JobChoice
    from debvisor_timers.operations.coming.elapses import Interval
    from debvisor_timers.operations.coming.timeline import Timeline
    from debvisor_timers.operations.coming.translate import TranslatedSchedule
    from debvisor_timers.operations.coming.upcoming import Upcoming
    from debvisor_timers.operations.graph import Graph
    from debvisor_timers.operations.list import JobList
    from debvisor_timers.operations.show import JobDetails


class Looking(Base):
    """Questions about jobs; nothing is changed."""

    def access_policy(self) -> AccessPolicy:
        """Return what callers that are not root may make jobs do."""
        from debvisor_timers.operations.access.policy import policy_in_force

        return policy_in_force(self.host)

    def meant_job(self, text: str, *, whole: bool = False) -> str:
        """Return the id of the job that `text` means: an id, how one begins, or a name."""
        from debvisor_timers.operations.jobs import meant_job

        return meant_job(self.host, text, whole=whole)

    def list(self, choice: JobChoice | None = None) -> JobList:
        """Return all jobs, or some, with their last run and next start."""
        from debvisor_timers.operations.list import list_jobs

        found = list_jobs(self.host)
        if choice is None or choice.is_all:
            return found
        from debvisor_timers.operations.chosen import chosen_rows

        return replace(found, rows=chosen_rows(found.rows, choice))

    def show(self, job_id: str) -> JobDetails:
        """Return all that is known of one job."""
        from debvisor_timers.operations.show import show_job

        return show_job(self.host, job_id)

    def service_text(self, job_id: str) -> str:
        """Return the service unit that a run of the job uses, as it stands on disk."""
        from debvisor_timers.operations.jobs import applied_service

        return applied_service(self.host, job_id)

    def next(self, jobs: Sequence[str], within: Interval) -> Sequence[Upcoming]:
        """Return the runs of `jobs`, or of all that are enabled, as one list."""
        from debvisor_timers.operations.coming.upcoming import upcoming_of

        return upcoming_of(self.host, jobs, within)

    def next_of_cron(self, text: str, *, zone: str | None, within: Interval) -> Sequence[Upcoming]:
        """Return when a cron expression that is no job would run."""
        from debvisor_timers.operations.coming.upcoming import upcoming_of_cron

        return upcoming_of_cron(self.host, text, zone=zone, within=within)

    def next_of_calendar(self, spec: str, within: Interval) -> Sequence[Upcoming]:
        """Return when an expression in systemd's own syntax would elapse."""
        from debvisor_timers.operations.coming.upcoming import upcoming_of_calendar

        return upcoming_of_calendar(self.host, spec, within)

    def timeline(self, jobs: Sequence[str], *, day: datetime, days: int = 1) -> Timeline:
        """Return the runs of the day that `day` lies in, or of its week (7 days from Monday)."""
        from debvisor_timers.operations.coming.timeline import timeline

        return timeline(self.host, jobs, day=day, days=days)

    def graph(self, job_id: str = "") -> Graph:
        """Return which job depends on which other: of all jobs, or around one."""
        from debvisor_timers.operations.graph import graph

        return graph(self.host, job_id)

    def translate(self, text: str, *, zone: str | None, count: int) -> TranslatedSchedule:
        """Return a cron expression as OnCalendar lines with its next `count` elapses."""
        from debvisor_timers.operations.coming.translate import translate_schedule

        return translate_schedule(self.host, text, zone=zone, count=count)

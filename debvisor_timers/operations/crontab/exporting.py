# SPDX-License-Identifier: Apache-2.0
"""export crontab: jobs as lines of a system crontab, where cron can run them as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from debvisor_timers.jobs.crontab.export import ExportedJob, crontab_text, export_job
from debvisor_timers.jobs.load import load_definitions
from debvisor_timers.operations.crontab.places import home_of
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.jobs import find_job
from debvisor_timers.source import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """The text of a crontab, each job with what became of it, and what is wrong with the files."""

    text: str
    jobs: tuple[ExportedJob, ...]
    problems: tuple[Problem, ...]

    @property
    def refused(self) -> tuple[ExportedJob, ...]:
        """Return the jobs that cron cannot run as they are."""
        return tuple(job for job in self.jobs if job.refused)


def export_crontab(host: Host, names: Sequence[str]) -> Exported:
    """Return `names`, or all jobs of the YAML in order of their ids, as a crontab."""
    definitions = load_definitions(host.layout.config)
    wanted = list(dict.fromkeys(names)) or sorted(definitions.jobs)
    found = [find_job(definitions, name) for name in wanted]
    jobs = []
    for job in found:
        home = home_of(job.user)
        jobs.append(
            export_job(job, home=home.path if home else ("/root" if job.user == "root" else "/"))
        )
    problems = tuple(problem for problem in definitions.problems if problem.is_error)
    return Exported(text=crontab_text(jobs), jobs=tuple(jobs), problems=problems)

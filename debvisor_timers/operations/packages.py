# SPDX-License-Identifier: Apache-2.0
"""Debian packages that tasks need and that are not installed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from debvisor_timers.jobs.model import Job
from debvisor_timers.jobs.task_files import TaskTypes
from debvisor_timers.jobs.task_types import TaskType
from debvisor_timers.jobs.translate import Complaint
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.warning import warning_at
from debvisor_timers.source import Problem


def package_problems(host: Host, types: TaskTypes, jobs: Iterable[Job]) -> Iterator[Problem]:
    """Yield a warning for each job whose task needs a package that is not there.

    It may be there when the job runs, and the host of the job may be another one: no error.
    """
    needed = [(job, known.packages) for job in jobs if (known := _type_of(job, types))]
    names = {name for _, packages in needed for name in packages}
    missing = host.machine.missing_packages(names) if names else frozenset()
    for job, packages in needed:
        lacking = [name for name in packages if name in missing]
        if job.task and lacking:
            complaint = Complaint(
                path=("task", "type"),
                message=f"the task type {job.task.type} needs {_not_installed(lacking)}",
                fix=f"apt install {' '.join(lacking)}",
            )
            yield warning_at(job, complaint)


def _type_of(job: Job, types: TaskTypes) -> TaskType | None:
    return types.get(job.task.type) if job.task else None


def _not_installed(names: list[str]) -> str:
    if len(names) == 1:
        return f"the package {names[0]}, which is not installed"
    return f"the packages {', '.join(names)}, which are not installed"

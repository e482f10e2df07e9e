# SPDX-License-Identifier: Apache-2.0
"""debvisor-timers: jobs in YAML become plain systemd timers.

The Python API: `from debvisor_timers import get_scheduler, JobPriority, ...`. Each name is loaded
when it is asked for.
"""

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from debvisor_timers.scheduler.guide import JobScheduler as JobScheduler
    from debvisor_timers.scheduler.guide import get_scheduler as get_scheduler
    from debvisor_timers.scheduler.scheduled_job import ScheduledJob as ScheduledJob
    from debvisor_timers.scheduler.values import CronExpression as CronExpression
    from debvisor_timers.scheduler.values import DependencyType as DependencyType
    from debvisor_timers.scheduler.values import JobDependency as JobDependency
    from debvisor_timers.scheduler.values import JobExecutionResult as JobExecutionResult
    from debvisor_timers.scheduler.values import JobPriority as JobPriority
    from debvisor_timers.scheduler.values import JobStatus as JobStatus
    from debvisor_timers.tasks.progress import report_progress as report_progress

    Scheduler = JobScheduler

_WHERE = {
    "JobScheduler": ("scheduler.guide", "JobScheduler"),
    "Scheduler": ("scheduler.guide", "JobScheduler"),
    "get_scheduler": ("scheduler.guide", "get_scheduler"),
    "ScheduledJob": ("scheduler.scheduled_job", "ScheduledJob"),
    "report_progress": ("tasks.progress", "report_progress"),
    **{
        name: ("scheduler.values", name)
        for name in (
            *("CronExpression", "DependencyType", "JobDependency"),
            *("JobExecutionResult", "JobPriority", "JobStatus"),
        )
    },
}

__all__ = [  # noqa: PLE0604 (the names of the table; ruff cannot see them)
    "__version__",
    *_WHERE,
]


def __getattr__(name: str) -> object:
    """Load a name of the API."""
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib  # noqa: PLC0415

    module, attribute = _WHERE[name]
    return getattr(importlib.import_module(f"{__name__}.{module}"), attribute)


def __dir__() -> list[str]:
    """Return the names of the API."""
    return sorted(__all__)

# SPDX-License-Identifier: Apache-2.0
"""The limits of a run."""

from __future__ import annotations

from debvisor_timers.jobs import values
from debvisor_timers.jobs.field import Model, key


class Resources(Model):
    """The limits of a run."""

    memory_max: values.Memory | None = key(
        None,
        help="The most memory that a run can have; more, and the kernel kills it.",
        directive="MemoryMax=",
        example="1G",
        shown_default="no limit",
    )
    memory_high: values.Memory | None = key(
        None,
        help="The memory above which a run is slowed down.",
        directive="MemoryHigh=",
        example="75%",
        shown_default="no limit",
    )
    cpu_quota: values.Quota | None = key(
        None,
        help="The most CPU time that a run can have: 100% is one whole CPU.",
        directive="CPUQuota=",
        example="300%",
        shown_default="no limit",
    )
    tasks_max: values.Tasks | None = key(
        None,
        help="The most processes and threads that a run can have.",
        directive="TasksMax=",
        example=256,
        shown_default="the limit of systemd",
    )
    io_weight: values.Weight | None = key(
        None,
        help="The share of disk time, against other jobs of the same priority: 1 to 10000.",
        directive="IOWeight=",
        example=50,
        shown_default="100",
    )

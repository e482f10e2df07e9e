# SPDX-License-Identifier: Apache-2.0
"""What a job of a user's own manager cannot have: only PID 1 could do it."""

from __future__ import annotations

from collections.abc import Iterator

from debvisor_timers.jobs.model import Job, Priority, Sandbox
from debvisor_timers.jobs.places import problem_at
from debvisor_timers.jobs.translate import Complaint
from debvisor_timers.source import Problem

_SYSTEM = "make it a job of the system, in /etc/debvisor/timers/jobs.d"


def check_user_job(job: Job) -> list[Problem]:
    """Return an error for each thing in `job` that a user's own manager would refuse or ignore."""
    return [problem_at(job, complaint) for complaint in _complaints(job)]


def _complaints(job: Job) -> Iterator[Complaint]:
    for name in ("user", "group"):
        if name in job.model_fields_set:
            yield Complaint(
                path=(name,),
                message="a user's own manager runs all as that user",
                fix=f"leave it out; or {_SYSTEM}",
            )
    if job.priority is Priority.CRITICAL:
        yield Complaint(
            path=("priority",),
            message="a user's job cannot come before the programs of the system (Nice= below 0)",
            fix="use high, which comes first among the user's own jobs",
        )
    if job.encrypted_credentials:
        yield Complaint(
            path=("encrypted_credentials",),
            message="the key of this host is root's alone",
            fix="use `credentials`, with a file that only you can read",
        )
    if job.where.vm_active:
        yield Complaint(
            path=("where", "vm_active"),
            message="libvirt tells users nothing of the host's virtual machines",
            fix=_SYSTEM,
        )
    if job.sandbox is not Sandbox.NONE:
        yield Complaint(
            path=("sandbox",),
            message="a preset takes rights away that a user's manager does not have to take",
            fix="use single directives under unit.Service, such as ProtectSystem: strict",
        )
    if job.resources.io_weight is not None:
        yield Complaint(
            path=("resources", "io_weight"),
            message="a user's manager has no say in disk weights (user@.service delegates cpu,"
            " memory and pids)",
            fix=f"leave it out; or {_SYSTEM}",
        )
    for number, trigger in enumerate(job.triggers):
        if trigger.boot is not None:
            yield Complaint(
                path=("triggers", number, "boot"),
                message="a user's manager begins at the first login, not at the boot",
                fix=f"give the job a schedule with catch_up: once; or {_SYSTEM}",
            )

# SPDX-License-Identifier: Apache-2.0
"""What a job of a user's own manager cannot have: only PID 1 could do it."""

from __future__ import annotations

from collections.abc import Iterator

from debvisor_timers.jobs.model import Job, Priority, Sandbox
from debvisor_timers.jobs.places import problem_at
from debvisor_timers.jobs.translate import Complaint
from debvisor_timers.source import Problem

_SYSTEM = "make it a job of the system, in /etc/debvisor/timers/jobs.d"

_OWN_USER = ("a user's own manager runs all as that user", f"leave it out; or {_SYSTEM}")
_REFUSED = {
    "user": _OWN_USER,
    "group": _OWN_USER,
    "priority": (
        "a user's job cannot come before the programs of the system (Nice= below 0)",
        "use high, which comes first among the user's own jobs",
    ),
    "encrypted_credentials": (
        "the key of this host is root's alone",
        "use `credentials`, with a file that only you can read",
    ),
    "vm_active": ("libvirt tells users nothing of the host's virtual machines", _SYSTEM),
    "sandbox": (
        "a preset takes rights away that a user's manager does not have to take",
        "use single directives under unit.Service, such as ProtectSystem: strict",
    ),
    "io_weight": (
        "user@.service is given cpu, memory and pids to share out, no disks",
        f"leave it out; or {_SYSTEM}",
    ),
    "boot": (
        "a user's manager begins at the first login, not at the boot",
        f"give the job a schedule with catch_up: once; or {_SYSTEM}",
    ),
}
"""What is said of each key, and how to mend it."""


def check_user_job(job: Job) -> list[Problem]:
    """Return an error for each thing in `job` that a user's own manager would refuse or ignore."""
    return [problem_at(job, complaint) for complaint in _complaints(job)]


def _complaints(job: Job) -> Iterator[Complaint]:
    found = {
        ("user",): "user" in job.model_fields_set,
        ("group",): "group" in job.model_fields_set,
        ("priority",): job.priority is Priority.CRITICAL,
        ("encrypted_credentials",): bool(job.encrypted_credentials),
        ("where", "vm_active"): bool(job.where.vm_active),
        ("sandbox",): job.sandbox is not Sandbox.NONE,
        ("resources", "io_weight"): job.resources.io_weight is not None,
    }
    for path, is_there in found.items():
        if is_there:
            message, fix = _REFUSED[path[-1]]
            yield Complaint(path=path, message=message, fix=fix)
    message, fix = _REFUSED["boot"]
    for number, trigger in enumerate(job.triggers):
        if trigger.boot is not None:
            yield Complaint(path=("triggers", number, "boot"), message=message, fix=fix)

# SPDX-License-Identifier: Apache-2.0
"""The names of our units: from a job's id to its units, and back."""

from __future__ import annotations

import re

JOB_PREFIX = "debvisor-job-"
"""DebVisor itself ships units named debvisor-*: ours carry one word more."""

BOOT_PREFIX = "debvisor-boot-"
PATH_PREFIX = "debvisor-path-"

NOTIFY_PREFIX = "debvisor-timers-notify@"
CHAIN_PREFIX = "debvisor-timers-chain@"
"""Templates that the package ships."""

OWN_PATTERNS = (f"{JOB_PREFIX}*", f"{BOOT_PREFIX}*", f"{PATH_PREFIX}*")
"""Shell patterns of every unit that we may write; the [X-Debvisor] section says which we did."""

TRIGGER_PATTERNS = ("debvisor-*.timer", f"{PATH_PREFIX}*.path")
"""Shell patterns of every unit of ours that starts jobs by itself."""

_OWN_NAME = re.compile(
    rf"(?:{JOB_PREFIX}(?P<job>[a-z0-9][a-z0-9-]*)\.(?:service|timer)"
    rf"|{BOOT_PREFIX}(?P<boot>[a-z0-9][a-z0-9-]*)\.timer"
    rf"|{PATH_PREFIX}(?P<path>[a-z0-9][a-z0-9-]*)\.path)"
)


def service_unit(job_id: str) -> str:
    """Return the name of the service that runs `job_id`."""
    return f"{JOB_PREFIX}{job_id}.service"


def timer_unit(job_id: str) -> str:
    """Return the name of the timer that holds the schedule of `job_id`."""
    return f"{JOB_PREFIX}{job_id}.timer"


def boot_unit(job_id: str) -> str:
    """Return the name of the timer that starts `job_id` after a boot."""
    return f"{BOOT_PREFIX}{job_id}.timer"


def notify_unit(job_id: str) -> str:
    """Return the name of the service that tells of a failed run of `job_id`."""
    return f"{NOTIFY_PREFIX}{job_id}.service"


def chain_unit(source: str, target: str) -> str:
    """Return the name of the service that starts the job `target` after a run of `source`."""
    return f"{CHAIN_PREFIX}{source}:{target}.service"


def path_unit(job_id: str) -> str:
    """Return the name of the path unit that starts `job_id` when a path changes or exists."""
    return f"{PATH_PREFIX}{job_id}.path"


def units_of(job_id: str) -> tuple[str, ...]:
    """Return every name that a unit of the job can have."""
    return service_unit(job_id), timer_unit(job_id), boot_unit(job_id), path_unit(job_id)


def is_timer(unit_name: str) -> bool:
    """Return True for a timer, of a schedule or of boot triggers."""
    return unit_name.endswith(".timer")


def is_path_unit(unit_name: str) -> bool:
    """Return True for the unit of path triggers."""
    return unit_name.endswith(".path")


def is_trigger_unit(unit_name: str) -> bool:
    """Return True for a unit that starts a job by itself: a timer or a path unit."""
    return is_timer(unit_name) or is_path_unit(unit_name)


def is_boot_timer(unit_name: str) -> bool:
    """Return True for the timer of a boot trigger."""
    return unit_name.startswith(BOOT_PREFIX)


def job_of(unit_name: str) -> str | None:
    """Return the id of the job that `unit_name` belongs to, None for a name that we never make."""
    match = _OWN_NAME.fullmatch(unit_name)
    return (match["job"] or match["boot"] or match["path"]) if match else None

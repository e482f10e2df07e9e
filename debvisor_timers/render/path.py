# SPDX-License-Identifier: Apache-2.0
"""What the path unit of a job says: the values of path.path.j2, and reading them back."""

from __future__ import annotations

from typing import Any

from debvisor_timers.jobs.model import Job
from debvisor_timers.render.check import How, Row, UnitTable
from debvisor_timers.render.names import service_unit
from debvisor_timers.render.service import pairs
from debvisor_timers.render.unitfile import UnitFile

PATH: UnitTable = {
    "Unit": (
        Row("Description"),
        Row("Documentation"),
        Row("PartOf"),
        Row("DefaultDependencies"),
        Row("After"),
        Row("Before"),
        Row("Conflicts"),
        Row("StartLimitIntervalSec"),
    ),
    "Path": (
        Row("PathChanged", "changed", How.EACH),
        Row("PathExists", "exists", How.EACH),
        Row("Unit"),
        Row("", "path_directives", How.PAIRS),
    ),
    "Install": (Row("WantedBy"),),
}
"""Every directive that the path unit of a job can have."""

_LIMIT = {"TriggerLimitIntervalSec": ("1min",), "TriggerLimitBurst": ("30",)}
"""Of triggers that can fire without end: a path that its job does not remove starts the next run
as soon as one has ended. systemd 257 lets a path unit fail that is over its limit, and it stays so
until somebody starts it: loud, and better than ten failed runs in a second, for ever. Its own limit
(200 in 2 s) is never reached by runs. Changes alone cannot do that: a run is not watched.
"""


def path_values(job: Job) -> dict[str, Any]:
    """Return the values of path.path.j2, as plain as the job has them."""
    limit = _LIMIT if job.awaited_paths else {}
    return {
        "description": job.title,
        "changed": job.changing_paths,
        "exists": job.awaited_paths,
        "service": service_unit(job.id),
        "path_directives": pairs({**limit, **job.unit.Path}),
    }


def awaited_paths(text: str) -> tuple[str, ...]:
    """Return the paths whose existence fires the path unit `text`, as soon as it is started."""
    values = UnitFile.parse(text).get("Path", "PathExists")
    return tuple(value.replace("%%", "%") for value in values)

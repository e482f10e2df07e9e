# SPDX-License-Identifier: Apache-2.0
"""A host to render for, and jobs as short as they get."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment

from debvisor_timers.jobs.model import Job
from debvisor_timers.jobs.relations import relate
from debvisor_timers.jobs.windows import MaintenanceWindow
from debvisor_timers.layout import Layout
from debvisor_timers.render.job import RenderSettings
from debvisor_timers.render.templates import load_templates
from debvisor_timers.source import Span

TEMPLATES = load_templates()


def settings(
    *,
    templates: Environment = TEMPLATES,
    zone: str = "Europe/Berlin",
    version: int = 257,
    layout: Layout = Layout(),  # noqa: B008 -- frozen
    calendars: Mapping[str, Sequence[str]] = {},
    windows: Sequence[MaintenanceWindow] = (),
    pools: Mapping[str, int] = {},
    jobs: Sequence[Job] = (),
) -> RenderSettings:
    """Return the settings of a Debian 13 host that has these `jobs`."""
    return RenderSettings(
        layout=layout,
        host_zone=zone,
        systemd_version=version,
        templates=templates,
        calendars=calendars,
        windows=windows,
        pools=pools,
        relations=relate({each.id: each for each in jobs}),
    )


def job(job_id: str = "a", **keys: Any) -> Job:
    """Return a job: /bin/true at 02:00, changed by `keys`; None leaves a key out."""
    source = Span(file=Path("/etc/debvisor/timers/jobs.d/a.yaml"), line=2, column=3)
    whole = {"schedule": "0 2 * * *", "command": ["/bin/true"]} | keys
    wanted = {name: value for name, value in whole.items() if value is not None}
    return Job.model_validate({"id": job_id, "source": source} | wanted)

# SPDX-License-Identifier: Apache-2.0
"""From a job to its unit files, links and scripts."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from jinja2 import Environment, TemplateError

from debvisor_timers.errors import RenderError
from debvisor_timers.jobs.model import Job
from debvisor_timers.jobs.relations import Relations
from debvisor_timers.jobs.task_files import TaskTypes
from debvisor_timers.jobs.windows import MaintenanceWindow
from debvisor_timers.layout import BOOT_TARGET, TARGET, Layout
from debvisor_timers.render import check, names, ownership
from debvisor_timers.render.attempts import attempt_values
from debvisor_timers.render.chains import chain_values
from debvisor_timers.render.path import PATH, path_values
from debvisor_timers.render.service import SERVICE, script_name, service_values
from debvisor_timers.render.skips import skip_values
from debvisor_timers.render.timer import (
    BOOT_TIMER,
    TIMER,
    boot_values,
    calendar_lines,
    timer_values,
)
from debvisor_timers.render.waits import wait_values, waits_of

__all__ = ["RenderSettings", "RenderedJob", "calendar_lines", "render_job"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderSettings:
    """What rendering needs to know of the host, config.yaml and other jobs, besides the job.

    host_zone: the name of the host's time zone. systemd_version: of the systemd that runs now.
    templates: from `load_templates`. calendars: the days of each, as texts. pools: the slots of
    each. relations: of all jobs that are rendered for the host. types: of tasks.
    """

    layout: Layout
    host_zone: str
    systemd_version: int
    templates: Environment
    calendars: Mapping[str, Sequence[str]] = field(default_factory=dict)
    windows: Sequence[MaintenanceWindow] = ()
    pools: Mapping[str, int] = field(default_factory=dict)
    relations: Relations = field(default_factory=Relations)
    types: TaskTypes = field(default_factory=TaskTypes)


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedJob:
    """All that a job needs on disk.

    files: unit file name to text. links: path below the unit folder to target; empty for a job
    that is not enabled. scripts: name below the folder of scripts to text.
    """

    job_id: str
    files: Mapping[str, str]
    links: Mapping[str, str]
    scripts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Unit:
    """A unit to be rendered; target: what it is enabled for, if it can be."""

    name: str
    template: str
    table: check.UnitTable
    values: dict[str, Any]
    target: str = ""


def render_job(job: Job, settings: RenderSettings, *, generation: int) -> RenderedJob:
    """Return the unit files of `job`: the same for the same job, but for [X-Debvisor].

    Raises RenderError when a value cannot stand in a unit file, or a template says something else
    than the job asks for; RefusedError when the running systemd is too old for a directive.
    """
    units = tuple(_units(job, settings))
    return RenderedJob(
        job_id=job.id,
        files={unit.name: _render(unit, job, settings, generation) for unit in units},
        links={
            f"{unit.target}.wants/{unit.name}": f"../{unit.name}"
            for unit in units
            if unit.target and job.enabled
        },
        scripts={} if job.script is None else {script_name(job): job.script},
    )


def _units(job: Job, settings: RenderSettings) -> Iterator[_Unit]:
    yield _service(job, settings)
    if job.schedule is not None:
        values = timer_values(job, settings.host_zone)
        yield _Unit(names.timer_unit(job.id), "job.timer.j2", TIMER, values, TARGET)
    if job.boot_delays:
        values = boot_values(job)
        yield _Unit(names.boot_unit(job.id), "boot.timer.j2", BOOT_TIMER, values, BOOT_TARGET)
    if job.watches_paths:
        yield _Unit(names.path_unit(job.id), "path.path.j2", PATH, path_values(job), TARGET)


def _service(job: Job, settings: RenderSettings) -> _Unit:
    waits = waits_of(job, settings.relations, settings.pools)
    values = {
        **service_values(job, settings.layout, settings.types),
        **skip_values(
            job, settings.host_zone, calendars=settings.calendars, windows=settings.windows
        ),
        **chain_values(job, settings.relations),
        **wait_values(job, waits),
        **attempt_values(job, waits),
    }
    return _Unit(names.service_unit(job.id), "job.service.j2", SERVICE, values)


def _render(unit: _Unit, job: Job, settings: RenderSettings, generation: int) -> str:
    asked = check.asked_for(unit.table, unit.values)
    check.require_version(unit.name, asked, running=settings.systemd_version)
    try:
        body = settings.templates.get_template(unit.template).render(unit.values)
    except (TemplateError, TypeError, AttributeError) as error:
        # The latter two: a filter was handed what it is not for, or nothing at all.
        raise RenderError(
            f"template {unit.template}:{_line(error)}: {error}",
            fix="correct or remove it in the templates folder of the configuration",
        ) from error
    source = replace(job.source, file=settings.layout.seen(job.source.file))
    text = ownership.sign(body, job=job.id, source=source, generation=generation)
    check.require_exact(unit.name, text, asked)
    return text


def _line(error: Exception) -> int:
    """Return the line of the template; Jinja puts it into the traceback as if it were code."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename.endswith((".j2", "<template>"))]
    return getattr(error, "lineno", None) or (lines[-1] if lines else 0) or 0

# SPDX-License-Identifier: Apache-2.0
"""What the unit directory shall hold: every job rendered, nothing written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from debvisor_timers.jobs.load import Definitions
from debvisor_timers.jobs.model import Job
from debvisor_timers.jobs.relations import relate
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.owned import owned_by_job
from debvisor_timers.render.job import RenderSettings, render_job
from debvisor_timers.render.templates import load_templates
from debvisor_timers.systemd.ports import Entry, FileEntry, LinkEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """The entries of one job in the unit directory, and the scripts that it runs."""

    entries: Mapping[str, Entry]
    scripts: Mapping[str, str]


def desired_states(host: Host, definitions: Definitions, *, generation: int) -> dict[str, Desired]:
    """Return what each job of `definitions` needs on disk, by the job's id.

    Raises RefusedError when the running systemd is too old for one of them, or when a template of
    the administrator cannot be trusted.
    """
    settings = RenderSettings(
        layout=host.layout,
        host_zone=host.clock.zone(),
        systemd_version=host.manager.version(),
        templates=load_templates(host.layout.config / "templates"),
        calendars=definitions.calendars,
        windows=definitions.config.maintenance_windows,
        pools=definitions.config.pools,
        relations=relate(definitions.jobs),
        handlers=definitions.handlers,
    )
    return {job.id: _desired(job, settings, generation) for job in definitions.jobs.values()}


def with_units(desired: Mapping[str, Desired], units: Mapping[str, Entry]) -> dict[str, Desired]:
    """Return `desired` with exactly the entries of `units` in place of those that were rendered."""
    return {
        job_id: Desired(
            entries=entries, scripts=desired[job_id].scripts if job_id in desired else {}
        )
        for job_id, entries in owned_by_job(units).items()
    }


def _desired(job: Job, settings: RenderSettings, generation: int) -> Desired:
    rendered = render_job(job, settings, generation=generation)
    entries: dict[str, Entry] = {name: FileEntry(text) for name, text in rendered.files.items()}
    entries.update((path, LinkEntry(target)) for path, target in rendered.links.items())
    return Desired(entries=entries, scripts=rendered.scripts)

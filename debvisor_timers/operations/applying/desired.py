# SPDX-License-Identifier: Apache-2.0
"""What the unit directory shall hold: every job rendered, nothing written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from debvisor_timers.errors import RefusedError
from debvisor_timers.jobs.load import Definitions
from debvisor_timers.jobs.model import Job
from debvisor_timers.jobs.relations import relate
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.owned import owned_by_job
from debvisor_timers.render.job import RenderSettings, render_job
from debvisor_timers.render.service import script_name
from debvisor_timers.render.templates import load_templates
from debvisor_timers.systemd.ports import Entry, FileEntry, LinkEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """The entries of one job in the unit directory, and the scripts that it runs."""

    entries: Mapping[str, Entry]
    scripts: Mapping[str, str]


def desired_states(
    host: Host,
    definitions: Definitions,
    *,
    generation: int,
    templates: Path | None = None,
    version: int | None = None,
) -> dict[str, Desired]:
    """Return what each job of `definitions` needs on disk, by the job's id.

    templates: the folder of the overrides of templates; None: that of the configuration.
    version: of the systemd that they are for; None: the one that runs.
    Raises RefusedError when the running systemd is too old for one of them, or when a template of
    the administrator cannot be trusted.
    """
    settings = RenderSettings(
        layout=host.layout,
        host_zone=host.clock.zone(),
        systemd_version=version or host.manager.version(),
        templates=load_templates(templates or host.layout.config / "templates"),
        calendars=definitions.calendars,
        windows=definitions.config.maintenance_windows,
        pools=definitions.config.pools,
        relations=relate(definitions.jobs),
        types=definitions.task_types,
    )
    return {job.id: _desired(job, settings, generation) for job in definitions.jobs.values()}


def kept_states(
    host: Host, definitions: Definitions, units: Mapping[str, Entry]
) -> dict[str, Desired]:
    """Return what jobs need that have exactly the entries of `units`: nothing is rendered.

    definitions: has their scripts. Raises RefusedError where one is missing.
    """
    texts = {
        script_name(job): job.script for job in definitions.jobs.values() if job.script is not None
    }
    present = host.scripts.read()
    texts |= {name: entry.text for name, entry in present.items() if isinstance(entry, FileEntry)}
    named = re.compile(re.escape(f"{host.layout.scripts}/") + "([0-9a-f]{32})")
    states = {}
    for job_id, entries in owned_by_job(units).items():
        files = [entry.text for entry in entries.values() if isinstance(entry, FileEntry)]
        needed = {name for text in files for name in named.findall(text)}
        if missing := needed - texts.keys():
            raise RefusedError(
                f"nothing was applied: the script {min(missing)} of {job_id} is not kept",
                fix="roll back to another generation, or put the job into the YAML",
            )
        scripts = {name: texts[name] for name in needed}
        states[job_id] = Desired(entries=entries, scripts=scripts)
    return states


def _desired(job: Job, settings: RenderSettings, generation: int) -> Desired:
    rendered = render_job(job, settings, generation=generation)
    entries: dict[str, Entry] = {name: FileEntry(text) for name, text in rendered.files.items()}
    entries.update((path, LinkEntry(target)) for path, target in rendered.links.items())
    return Desired(entries=entries, scripts=rendered.scripts)

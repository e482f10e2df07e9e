# SPDX-License-Identifier: Apache-2.0
"""What was applied last: the definitions of the newest generation, not what is being edited."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from debvisor_timers.jobs.config import CONFIG_NAME, Config, load_config
from debvisor_timers.jobs.load import Definitions, load_definitions
from debvisor_timers.jobs.model import Job
from debvisor_timers.operations.applying.recover import generations
from debvisor_timers.operations.host import Host


def applied_folder(host: Host) -> Path | None:
    """Return the folder with the YAML of the newest generation, None where there is none."""
    newest = generations(host).latest()
    return generations(host).folder / str(newest) if newest else None


def applied_config(host: Host) -> Config:
    """Return the settings that were applied last; those of no file before the first apply.

    Raises SystemdError where the caller may not look.
    """
    folder = applied_folder(host)
    return load_config(folder / CONFIG_NAME).config if folder else Config()


def applied_definitions(host: Host, config: Path) -> Definitions:
    """Return the definitions of a generation, their jobs at the places where they were written."""
    definitions = load_definitions(config)
    jobs = {job.id: _moved(job, config, host.layout.config) for job in definitions.jobs.values()}
    return replace(definitions, jobs=jobs)


def _moved(job: Job, copies: Path, config: Path) -> Job:
    file = config / job.source.file.relative_to(copies)
    return job.model_copy(update={"source": replace(job.source, file=file)})

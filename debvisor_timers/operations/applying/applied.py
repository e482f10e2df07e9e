# SPDX-License-Identifier: Apache-2.0
"""What was applied last: the definitions of the newest generation, not what is being edited."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from debvisor_timers.errors import PermissionRefusedError
from debvisor_timers.jobs.config import CONFIG_NAME, Config, load_config
from debvisor_timers.jobs.load import Definitions, load_definitions
from debvisor_timers.operations.applying.recover import generations
from debvisor_timers.operations.host import Host
from debvisor_timers.source import Span


def applied_folder(host: Host) -> Path | None:
    """Return the folder with the YAML of the newest generation, None where there is none.

    Raises PermissionRefusedError where the caller may not look: not to be taken for an empty one.
    """
    newest = generations(host).latest()
    if not newest:
        return None
    folder = generations(host).folder / str(newest)
    if not os.access(folder, os.R_OK | os.X_OK, effective_ids=True) and folder.exists():
        raise PermissionRefusedError(
            f"only root may do this (cannot read {folder})", fix="run the command with sudo"
        )
    return folder


def applied_config(host: Host) -> Config:
    """Return the settings that were applied last; those of no file before the first apply.

    Raises PermissionRefusedError where the caller may not look.
    """
    folder = applied_folder(host)
    return load_config(folder / CONFIG_NAME).config if folder else Config()


def applied_definitions(host: Host, config: Path) -> Definitions:
    """Return the definitions of a generation, or of another folder that is like the configuration.

    Their jobs and problems are at the places where they were written, below the configuration.
    """
    definitions = load_definitions(config, home=host.layout.config)
    if config == host.layout.config:
        return definitions

    def at_home(span: Span) -> Span:
        if not span.file.is_relative_to(config):
            return span
        return replace(span, file=host.layout.config / span.file.relative_to(config))

    jobs = {
        job.id: job.model_copy(update={"source": at_home(job.source)})
        for job in definitions.jobs.values()
    }
    problems = (replace(each, span=at_home(each.span)) for each in definitions.problems)
    return replace(definitions, jobs=jobs, problems=tuple(problems))

# SPDX-License-Identifier: Apache-2.0
"""What was applied and stands in no unit: names, owners and tags of jobs, and who is told."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from difflib import unified_diff

from debvisor_timers.jobs.config import Config
from debvisor_timers.jobs.duration import format_timespan
from debvisor_timers.jobs.field import Model
from debvisor_timers.jobs.load import Definitions
from debvisor_timers.operations.applying.applied import (
    applied_config,
    applied_definitions,
    applied_folder,
)
from debvisor_timers.operations.applying.plan import Plan
from debvisor_timers.operations.applying.recover import generations
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.safety.trial import prune_generations


def keep_settings(host: Host, plan: Plan) -> Sequence[str] | None:
    """Keep a generation where no unit changes, but what is read from generations does.

    Returns a diff of that, None where there was no need of one. Raises SystemdError when it cannot
    be kept.
    """
    diff = pending_settings(host, plan.definitions)
    if diff is None:
        return None
    generations(host).write(
        plan.about(host.clock.now()),
        config=plan.config,
        sources=plan.definitions.sources,
        units=plan.entries_after,
    )
    prune_generations(host, plan.definitions.config.keep_generations)
    return diff


def pending_settings(host: Host, definitions: Definitions) -> Sequence[str] | None:
    """Return a diff of what stands in no unit, as applied last and in `definitions`; None: no need.

    Raises PermissionRefusedError where the caller may not look.
    """
    folder = applied_folder(host)
    if folder is None and not definitions.jobs:
        return None
    before = _settings(applied_definitions(host, folder)) if folder else _of_config(Config())
    after = _settings(definitions)
    return None if folder and before == after else _diff(before, after)


def changed_config(host: Host, plan: Plan) -> Sequence[str]:
    """Return a diff of what of config.yaml stands in no unit, as it was applied last and in `plan`.

    Not of jobs: to load all that were applied would make each apply longer.
    """
    before = _of_config(applied_config(host))
    return _diff(before, _of_config(plan.definitions.config))


def _settings(definitions: Definitions) -> dict[str, object]:
    jobs = {
        job.id: {
            "name": job.title,
            "owner": job.owner,
            "tags": dict(job.tags),
            "notify": job.notify,
            "ping": job.ping,
        }
        for job in definitions.jobs.values()
    }
    return {**_of_config(definitions.config), "jobs": jobs}


def _of_config(config: Config) -> dict[str, object]:
    return {
        "channels": config.channels,
        "links": config.links,
        "notifications": config.notifications,
        "metrics": config.metrics,
        "history": config.history,
    }


def _diff(before: Mapping[str, object], after: Mapping[str, object]) -> Sequence[str]:
    lines = [*_lines("", before)], [*_lines("", after)]
    return list(unified_diff(*lines, "settings", "settings", n=0, lineterm=""))


def _lines(name: str, value: object) -> Iterator[str]:
    """Yield NAME=VALUE for all that is in it, with names such as channels.ops.exec."""
    if isinstance(value, Model):
        # Defaults of the program are no settings of anybody's, but for those of whole sections.
        value = {
            field.rstrip("_"): each
            for field, each in value
            if not name.startswith("channels.") or field in value.model_fields_set
        }
    if isinstance(value, Mapping):
        for key, each in sorted(value.items()):
            yield from _lines(f"{name}.{key}" if name else str(key), each)
    elif isinstance(value, list | tuple):
        if value:
            yield f"{name}={shlex.join(map(str, value))}"
    elif isinstance(value, timedelta):
        yield f"{name}={format_timespan(value)}"
    elif value not in {None, ""}:
        yield f"{name}={value}"

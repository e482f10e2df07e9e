# SPDX-License-Identifier: Apache-2.0
"""How the defaults of config.yaml go under the keys of a job."""

from __future__ import annotations

from collections.abc import Mapping

from debvisor_timers.jobs.document import Value

SCHEDULE = "schedule"


def merge_defaults(job: dict[str, Value], defaults: Mapping[str, Value]) -> dict[str, Value]:
    """Return the keys of `job` over those of `defaults`; neither is changed.

    Mappings are merged key by key, at every depth; anything else that the job has takes the
    place of the default, lists included. The default `schedule` counts for jobs that have one,
    of which a bare text is the cron expression.
    """
    if not defaults:
        return job
    if SCHEDULE in defaults:
        job, defaults = _with_schedule(job, defaults)
    return _merge(job, defaults)


def _with_schedule(
    job: dict[str, Value], defaults: Mapping[str, Value]
) -> tuple[dict[str, Value], Mapping[str, Value]]:
    schedule = job.get(SCHEDULE)
    if isinstance(schedule, str):
        return {**job, SCHEDULE: {"cron": schedule}}, defaults
    if schedule is None:
        return job, {name: value for name, value in defaults.items() if name != SCHEDULE}
    return job, defaults


def _merge(over: dict[str, Value], under: Mapping[str, Value]) -> dict[str, Value]:
    merged = {**under, **over}
    for name, value in over.items():
        below = under.get(name)
        if isinstance(value, dict) and isinstance(below, dict):
            merged[name] = _merge(value, below)
    return merged

# SPDX-License-Identifier: Apache-2.0
"""What was applied and stands in no unit: names, owners and tags of jobs, and who is told."""

from __future__ import annotations

from debvisor_timers.jobs.load import Definitions
from debvisor_timers.operations.applied import applied_definitions, applied_folder
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.plan import Plan
from debvisor_timers.operations.recover import generations


def keep_settings(host: Host, plan: Plan) -> bool:
    """Keep a generation where no unit changes, but what is read from generations does.

    Returns whether there was need of one. Raises SystemdError when it cannot be kept.
    """
    folder = applied_folder(host)
    if folder is None and not plan.definitions.jobs:
        return False
    if folder and _settings(applied_definitions(host, folder)) == _settings(plan.definitions):
        return False
    generations(host).write(
        plan.generation,
        config=plan.config,
        sources=plan.definitions.sources,
        units=plan.entries_after,
        at=host.clock.now(),
    )
    generations(host).prune(plan.definitions.config.keep_generations)
    return True


def _settings(definitions: Definitions) -> object:
    jobs = {
        job.id: (job.title, job.owner, dict(job.tags), job.notify)
        for job in definitions.jobs.values()
    }
    config = definitions.config
    return config.channels, config.metrics, config.history, jobs

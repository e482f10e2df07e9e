# SPDX-License-Identifier: Apache-2.0
"""job create: write a new job, and apply it."""

from __future__ import annotations

from typing import Any

import click

from debvisor_timers.cli.edit_text import make_edit, tell_edit, try_options
from debvisor_timers.cli.job_options import JobCommand, job_options, keys_of
from debvisor_timers.errors import UsageError


@click.command(
    "job create",
    cls=JobCommand,
    epilog="Example: debvisor-timers job create --name='Daily Backup' --cron='0 2 * * *'"
    " --command='/usr/bin/restic backup /srv' --owner=admin",
)
@job_options
@click.option("--id", "job_id", metavar="ID", help="The id of the job; else made from its name.")
@try_options
def command(*, job_id: str | None, **options: Any) -> int:
    """Write a new job to jobs.d/ID.yaml and apply it, and nothing else.

    All or nothing: if it cannot be applied, there is no file. It does not start the job.
    """
    from debvisor_timers.operations.editing.change import Change, ChangeKind
    from debvisor_timers.scheduler import Scheduler

    keys = keys_of(options)
    if not any(path[0] in {"command", "script", "task"} and keys[path] for path in keys):
        raise UsageError("the job has no program", fix="add --command, --script, or --task-type")
    if job_id is None and not options["name"]:
        raise UsageError("the job has no name", fix="add --name, or --id")
    scheduler = Scheduler.system(door="cli")
    if job_id is None:
        job_id = scheduler.free_job_id(options["name"])
    new = {path: value for path, value in keys.items() if value is not None}
    change = Change(job_id=job_id, kind=ChangeKind.CREATE, keys=new)
    made = make_edit(scheduler, [change], options)
    return tell_edit(
        scheduler, made, options, done=f"Created job: {job_id}", unchanged="nothing to create"
    )

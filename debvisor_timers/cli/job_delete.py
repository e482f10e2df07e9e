# SPDX-License-Identifier: Apache-2.0
"""job delete: take a job out of its file, and apply that."""

from __future__ import annotations

from typing import Any

import click

from debvisor_timers.cli.edit_text import make_edit, tell_edit, timeout_of, try_options
from debvisor_timers.cli.options import WHOLE_JOB
from debvisor_timers.cli.output import confirm
from debvisor_timers.errors import RefusedError


@click.command("job delete", epilog="Example: debvisor-timers job delete nightly-backup --force")
@click.argument("job", metavar="JOB", type=WHOLE_JOB)
@click.option("--force", is_flag=True, help="Do not ask.")
@try_options
def command(*, job: str, force: bool, **options: Any) -> int:
    """Take JOB out of its file, with its comments, and remove its units.

    JOB is a whole id, or a name. A run that is under way is not disturbed. The history of the job
    stays.
    """
    from debvisor_timers.operations.editing.change import Change, ChangeKind
    from debvisor_timers.scheduler import Scheduler

    timeout_of(options)
    scheduler = Scheduler.system(door="cli")
    scheduler.require_job_file(job)
    if not (force or options["dry_run"]):
        _ask(job)
    change = Change(job_id=job, kind=ChangeKind.DELETE)
    made = make_edit(scheduler, [change], options)
    return tell_edit(scheduler, made, options, done=f"deleted {job}", unchanged="nothing to delete")


def _ask(job_id: str) -> None:
    answer = confirm(f"Delete job {job_id}?")
    if answer is None:
        raise RefusedError(
            f"job {job_id!r} was not deleted: there is no terminal to ask on",
            fix="delete it with --force",
        )
    if not answer:
        raise RefusedError(f"job {job_id!r} was not deleted")

# SPDX-License-Identifier: Apache-2.0
"""job update: change keys of a job in its file, and apply it."""

from __future__ import annotations

from typing import Any

import click

from debvisor_timers.cli.edit_text import make_edit, tell_edit, try_options
from debvisor_timers.cli.job_options import JobCommand, job_options, keys_of
from debvisor_timers.cli.options import job_argument
from debvisor_timers.errors import UsageError


@click.command(
    "job update",
    cls=JobCommand,
    epilog="Example: debvisor-timers job update nightly-backup --timeout=7200 --enabled=false",
)
@job_argument
@job_options
@click.option(
    "--unset", metavar="KEY", multiple=True, help="Take a key away, as in tags.team. Repeatable."
)
@try_options
def command(*, job: str, unset: tuple[str, ...], **options: Any) -> int:
    """Change keys of JOB in its file, and apply that job alone.

    Each option changes its key; comments, order and quotes of the file stay. --tag and
    --environment add to what is there; --depends-on takes the place of the whole list.
    """
    from debvisor_timers.operations.editing.change import Change, ChangeKind
    from debvisor_timers.scheduler import Scheduler

    keys = keys_of(options) | {_path(name): None for name in unset}
    if not keys:
        raise UsageError("nothing to change was named", fix="add an option, such as --timeout=2h")
    scheduler = Scheduler.system(door="cli")
    change = Change(job_id=job, kind=ChangeKind.UPDATE, keys=keys)
    made = make_edit(scheduler, [change], options)
    return tell_edit(
        scheduler,
        made,
        options,
        done=f"updated {job}",
        unchanged=f"{job} is as it should be already",
    )


def _path(name: str) -> tuple[str, ...]:
    """Return the path of a key that is to be taken away. Raises UsageError for one that is none."""
    from debvisor_timers.jobs.faults import did_you_mean
    from debvisor_timers.jobs.keys import table

    names = {key.name for key in table()}
    parent = name.rpartition(".")[0]
    holds_any = parent in names and not any(each.startswith(f"{parent}.") for each in names)
    if name not in names and not holds_any:
        raise UsageError(
            f"--unset: there is no key {name!r}{did_you_mean(name, names)}",
            fix="see debvisor-timers explain",
        )
    return tuple(name.split("."))

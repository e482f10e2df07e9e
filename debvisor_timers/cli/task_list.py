# SPDX-License-Identifier: Apache-2.0
"""task list: which task types there are."""

from __future__ import annotations

import click

from debvisor_timers.cli.options import json_option
from debvisor_timers.cli.output import echo_json, echo_table


@click.command("task list", epilog="Example: debvisor-timers task list")
@json_option
def command(*, as_json: bool) -> None:
    """List the types that a job's `task` can name, and what they do."""
    from debvisor_timers.operations.documents.tasks import task_document
    from debvisor_timers.scheduler import Scheduler

    types = Scheduler.system().known_task_types()
    if as_json:
        echo_json([task_document(each) for each in types])
        return
    rows = [(each.name, str(each.origin), each.declared.summary or "-") for each in types]
    echo_table(("TYPE", "FROM", "WHAT IT DOES"), rows, whole=("TYPE",))

# SPDX-License-Identifier: Apache-2.0
"""Options and arguments that several commands share."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem

from debvisor_timers.errors import UsageError
from debvisor_timers.layout import Layout


def complete_job(
    _ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete job ids from the rendered units: no YAML is parsed, nothing is asked of systemd."""
    try:
        names = sorted(path.name for path in Layout().units.iterdir())
    except OSError:
        return []
    prefix, suffix = "debvisor-job-", ".service"
    ids = [
        name.removeprefix(prefix).removesuffix(suffix)
        for name in names
        if name.startswith(prefix) and name.endswith(suffix)
    ]
    return [CompletionItem(job_id) for job_id in ids if job_id.startswith(incomplete)]


def complete_generation(
    _ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete the numbers of the generations that are kept, the newest first."""
    try:
        names = [path.name for path in (Layout().state / "generations").iterdir()]
    except OSError:
        return []
    numbers = sorted((int(name) for name in names if name.isdecimal()), reverse=True)
    return [CompletionItem(str(each)) for each in numbers if str(each).startswith(incomplete)]


def require_run_id(run: str | None) -> None:
    """Raise UsageError for an empty id: a script's empty variable must not mean another run."""
    if run == "":
        raise UsageError("--run without an id", fix="`debvisor-timers history JOB` shows the ids")


job_argument = click.argument("job", metavar="JOB", shell_complete=complete_job)
job_arguments = click.argument("jobs", metavar="[JOB]...", nargs=-1, shell_complete=complete_job)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
expect_option = click.option(
    "--expect-generation",
    type=click.IntRange(0),
    metavar="N",
    help="Refuse unless generation N is the newest: nobody has applied meanwhile.",
)

# SPDX-License-Identifier: Apache-2.0
"""Options and arguments that several commands share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click
from click.shell_completion import CompletionItem

from debvisor_timers.cli.complete import (
    complete_failed_run,
    complete_generation,
    complete_job,
    complete_outcome,
    complete_owner,
    complete_run,
    complete_state,
    complete_tag,
    complete_task_type,
)
from debvisor_timers.errors import UsageError

__all__ = [
    "JOB",
    "complete_failed_run",
    "complete_generation",
    "complete_job",
    "complete_outcome",
    "complete_owner",
    "complete_run",
    "complete_state",
    "complete_tag",
    "complete_task_type",
    "expect_option",
    "job_argument",
    "job_arguments",
    "json_option",
    "owner_option",
    "require_run_id",
    "tag_option",
    "tag_pair",
]


class JobName(click.ParamType):
    """A job as people name it: its id, how its id alone begins, or its name; gives its id."""

    name = "job"

    def __init__(self, *, whole: bool = False) -> None:
        """whole: how an id begins is not enough."""
        self.whole = whole

    def convert(
        self,
        value: Any,
        param: click.Parameter | None,  # noqa: ARG002
        ctx: click.Context | None,
    ) -> str:
        """Return the id. Raises NotFoundError where several jobs could be meant."""
        if not value or (ctx is not None and ctx.resilient_parsing):
            return str(value)
        from debvisor_timers.scheduler import Scheduler

        return Scheduler.system().meant_job(str(value), whole=self.whole)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Complete ids."""
        return complete_job(ctx, param, incomplete)


JOB = JobName()
"""The type of every argument and option that names a job."""

WHOLE_JOB = JobName(whole=True)
"""The same for what is not to be taken for the beginning of another one."""


def complete_paused(
    _ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete the ids of jobs that are paused."""
    from debvisor_timers.layout import Layout

    try:
        names = sorted(path.name for path in Layout().paused.iterdir())
    except OSError:
        return []
    return [
        CompletionItem(name) for name in names if name.startswith(incomplete) and name[0] != "."
    ]


def require_run_id(run: str | None) -> None:
    """Raise UsageError for an empty id: a script's empty variable must not mean another run."""
    if run == "":
        raise UsageError("--run without an id", fix="`debvisor-timers history JOB` shows the ids")


def tag_pair(text: str) -> tuple[str, str]:
    """Return a tag that is written as NAME=VALUE. Raises UsageError for anything else."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UsageError(f"{text!r} is no tag", fix="write it as NAME=VALUE")
    return name, value


def json_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command --json, and --format, which is the same in the words of the guide."""

    @functools.wraps(function)
    def with_format(*, as_json: bool, output_format: str | None, **others: Any) -> Any:
        if as_json and output_format == "text":
            raise UsageError("--json and --format=text together", fix="write one of them")
        return function(as_json=as_json or output_format == "json", **others)

    # The one that is put on first stands last in the help.
    kinds = click.Choice(["text", "json"])
    with_both = click.option(
        "--format", "output_format", type=kinds, help="The same: --format=json."
    )(with_format)
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")(
        with_both
    )


job_argument = click.argument("job", metavar="JOB", type=JOB)
job_arguments = click.argument("jobs", metavar="[JOB]...", nargs=-1, type=JOB)
owner_option = click.option(
    "--owner", metavar="NAME", default="", shell_complete=complete_owner, help="Only his jobs."
)
tag_option = click.option(
    "--tag",
    "tags",
    metavar="NAME=VALUE",
    multiple=True,
    shell_complete=complete_tag,
    help="Only jobs with this tag.",
)
expect_option = click.option(
    "--expect-generation",
    type=click.IntRange(0),
    metavar="N",
    help="Refuse unless generation N is the newest: nobody has applied meanwhile.",
)

# SPDX-License-Identifier: Apache-2.0
"""What the commands that hold jobs back have in common: which jobs, until when, why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from debvisor_timers.cli.complete import complete_tag
from debvisor_timers.cli.output import some
from debvisor_timers.errors import UsageError

if TYPE_CHECKING:
    from debvisor_timers.operations.holding.pause import Wish
    from debvisor_timers.operations.holding.selecting import Choice
    from debvisor_timers.scheduler import Scheduler

_MOST_NAMED = 10

tag_option = click.option(
    "--tag",
    "tags",
    metavar="NAME=VALUE",
    multiple=True,
    shell_complete=complete_tag,
    help="All jobs with this tag.",
)
all_option = click.option("--all", "is_all", is_flag=True, help="All jobs of this host.")
until_option = click.option("--until", metavar="T", help="When it ends by itself; default: never.")
reason_option = click.option("--reason", default="", metavar="TEXT", help="Why; history tells it.")


def choice(jobs: tuple[str, ...], tags: tuple[str, ...], *, is_all: bool) -> Choice:
    """Return the jobs that were named. Raises UsageError for none, or for several ways."""
    from debvisor_timers.operations.holding.selecting import Choice

    found = Choice(jobs=jobs, tags=dict(map(_tag, tags)), all=is_all)
    found.require_one()
    return found


def wish(scheduler: Scheduler, until: str | None, reason: str) -> Wish:
    """Return until when, and why; systemd reads the time."""
    from debvisor_timers.operations.holding.pause import Wish

    return Wish(until=None if until is None else scheduler.timestamp(until), reason=reason)


def named(jobs: list[str]) -> str:
    """Return the jobs by their ids, as far as that is useful."""
    return some(jobs, _MOST_NAMED)


def goes_on(jobs: list[str]) -> str:
    """Return that runs which are under way are not touched."""
    runs = "a run is" if len(jobs) == 1 else "runs are"
    return f"{runs} under way and not touched, of: {named(jobs)}"


def _tag(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    if not name:
        raise UsageError(f"{text!r} is no tag", fix="write it as NAME=VALUE")
    return name, value

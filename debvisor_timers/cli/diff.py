# SPDX-License-Identifier: Apache-2.0
"""diff: what differs between generations, or from what is there now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from debvisor_timers.cli.options import complete_generation, json_option
from debvisor_timers.cli.output import counted, echo_json
from debvisor_timers.errors import ExitCode

if TYPE_CHECKING:
    from debvisor_timers.operations.safety.difference import Differences

_NUMBER = click.IntRange(1)


@click.command("diff", epilog="Example: debvisor-timers diff 3 5")
@click.argument(
    "before", metavar="[N]", type=_NUMBER, required=False, shell_complete=complete_generation
)
@click.argument(
    "after", metavar="[M]", type=_NUMBER, required=False, shell_complete=complete_generation
)
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 10 when something differs.")
@json_option
def command(
    *, before: int | None, after: int | None, detailed_exitcode: bool, as_json: bool
) -> int:
    """Show what differs in units and YAML: from generation N to M, or to the newest.

    Without N: from the newest generation to what is on disk now. Secrets are left out. Needs root.
    """
    from debvisor_timers.scheduler import Scheduler

    found = Scheduler.system().diff(before, after)
    if as_json:
        echo_json(_document(found))
    else:
        _echo(found)
    return ExitCode.CHANGES if detailed_exitcode and not found.is_empty else ExitCode.DONE


def _echo(found: Differences) -> None:
    from debvisor_timers.cli.plan import SIGNS, echo_diff

    after = "what is on disk" if found.after is None else f"generation {found.after}"
    click.echo(f"generation {found.before} -> {after}")
    named = [(each.job_id, each.change, each.diff) for each in found.units]
    named += [(each.name, each.change, each.diff) for each in found.files]
    for name, change, diff in named:
        sign, colour = SIGNS[change]
        click.echo(click.style(f"{sign} {name}", fg=colour))
        echo_diff(diff)
    units, files = counted(len(found.units), "job"), counted(len(found.files), "file")
    click.echo("nothing differs" if found.is_empty else f"{units} and {files} differ")


def _document(found: Differences) -> dict[str, object]:
    return {
        "before": found.before,
        "after": found.after,
        "units": [
            {
                "job": each.job_id,
                "change": str(each.change),
                "entries": list(each.names),
                "diff": list(each.diff),
            }
            for each in found.units
        ],
        "files": [
            {"file": each.name, "change": str(each.change), "diff": list(each.diff)}
            for each in found.files
        ],
    }

# SPDX-License-Identifier: Apache-2.0
"""translate: a cron expression in systemd's words."""

from __future__ import annotations

import json
import sys
from datetime import UTC
from typing import TYPE_CHECKING

import click

from debvisor_timers.cli import times
from debvisor_timers.cli.options import json_option
from debvisor_timers.cli.output import echo_json
from debvisor_timers.errors import ScheduleError, UsageError

if TYPE_CHECKING:
    from debvisor_timers.operations.coming.translate import TranslatedSchedule

_COUNT = 5


@click.command("translate", epilog="Example: debvisor-timers translate '0 2 * * mon-fri'")
@click.argument("expression", metavar="[EXPR]", required=False)
@click.option("--timezone", metavar="ZONE", help="The zone that EXPR is meant in.")
@click.option(
    "--stdin",
    "from_stdin",
    is_flag=True,
    help="Read expressions from stdin, one a line, each optionally after a time zone and a TAB.",
)
@json_option
def command(
    *, expression: str | None, timezone: str | None, from_stdin: bool, as_json: bool
) -> None:
    """Translate the cron expression EXPR: OnCalendar lines, words, and the next five runs."""
    if from_stdin:
        if expression is not None or timezone or not as_json:
            raise UsageError(
                "--stdin takes its expressions and zones from stdin and answers in JSON",
                fix="debvisor-timers translate --stdin --json < FILE",
            )
        _serve()
        return
    if expression is None:
        raise UsageError("no expression", fix="debvisor-timers translate '0 2 * * *'")
    _one(expression, timezone, as_json=as_json)


def _serve() -> None:
    """Answer line by line; a line that cannot be translated is answered too."""
    from debvisor_timers.calendar.translate import translate_line
    from debvisor_timers.scheduler import Scheduler

    host_zone = Scheduler.system().zone
    write = sys.stdout.write
    with open(sys.stdin.fileno(), encoding="utf-8", errors="replace", closefd=False) as lines:
        for line in lines:
            write(json.dumps(translate_line(line, host_zone=host_zone)) + "\n")


def _one(expression: str, timezone: str | None, *, as_json: bool) -> None:
    from debvisor_timers.calendar.zones import check_zone
    from debvisor_timers.scheduler import Scheduler

    if timezone is not None:
        check_zone(timezone)  # its fault is none of the expression's, which has the caret
    try:
        answer = Scheduler.system().translate(expression, zone=timezone, count=_COUNT)
    except ScheduleError as error:
        raise error.below(expression) from error
    if as_json:
        echo_json(_document(expression, timezone, answer))
        return
    for line in answer.translation.on_calendar:
        click.echo(f"OnCalendar={line}")
    click.echo(f"{answer.translation.words}{f' {timezone}' if timezone else ''}")
    for start in answer.next_starts:
        click.echo(f"  {times.local(start)}   {start.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC")


def _document(
    expression: str, timezone: str | None, answer: TranslatedSchedule
) -> dict[str, object]:
    return {
        "expr": expression,
        "zone": timezone,
        "on_calendar": list(answer.translation.on_calendar),
        "words": answer.translation.words,
        "next_starts": [times.iso(start) for start in answer.next_starts],
    }

# SPDX-License-Identifier: Apache-2.0
"""notify queue: messages that wait, and those that were given up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from debvisor_timers.cli import times
from debvisor_timers.cli.options import json_option
from debvisor_timers.cli.output import counted, echo_json, echo_table
from debvisor_timers.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from debvisor_timers.operations.notifying.queue import Queued
    from debvisor_timers.scheduler import Scheduler

_TITLES = ("ID", "STATE", "CHANNEL", "EVENT", "JOB", "SINCE", "TRIES", "NEXT", "PROBLEM")


@click.command("notify queue", epilog="Example: debvisor-timers notify queue --retry all")
@click.option(
    "--retry", metavar="ID", multiple=True, help="Let a message that was given up wait again."
)
@click.option("--drop", metavar="ID", multiple=True, help="Remove a message unsent.")
@json_option
def command(*, retry: tuple[str, ...], drop: tuple[str, ...], as_json: bool) -> int:
    """Show the messages that wait to be sent, and those that were given up.

    For ID, `all` means all that were given up. Ends with 10 where some were given up.
    """
    from debvisor_timers.scheduler import Scheduler

    if retry and drop:
        raise UsageError("--retry and --drop exclude each other", fix="do one after the other")
    scheduler = Scheduler.system(door="cli")
    if retry or drop:
        change = scheduler.retry_messages if retry else scheduler.drop_messages
        changed = change(_ids(scheduler, retry or drop))
        messages = counted(len(changed), "message")
        click.echo(f"{messages} will be tried again" if retry else f"dropped {messages}")
        return ExitCode.DONE
    waiting, given_up = scheduler.queued_messages(), scheduler.given_up_messages()
    if as_json:
        states = (("waiting", waiting), ("given up", given_up))
        echo_json([_document(each, state) for state, some in states for each in some])
    elif waiting or given_up:
        _echo(waiting, given_up)
    else:
        click.echo("no message waits, and none was given up")
    return ExitCode.CHANGES if given_up else ExitCode.DONE


def _ids(scheduler: Scheduler, names: tuple[str, ...]) -> list[str]:
    if "all" in names:
        return [message.id for message in scheduler.given_up_messages()]
    return list(dict.fromkeys(names))


def _echo(waiting: list[Queued], given_up: list[Queued]) -> None:
    rows = [*_rows(waiting, "waiting"), *_rows(given_up, "given up")]
    echo_table(_TITLES, rows, spare=("NEXT", "TRIES", "SINCE"), whole=("ID",))
    click.echo(f"{len(waiting)} waiting, {len(given_up)} given up")


def _rows(messages: list[Queued], state: str) -> Iterator[tuple[str, ...]]:
    for each in messages:
        yield (
            each.short_id,
            state,
            each.channel,
            each.event.replace("_", " "),
            each.job or "-",
            times.local(each.queued),
            str(each.attempts),
            times.local(each.due) if state == "waiting" else "-",
            each.problem or "-",
        )


def _document(message: Queued, state: str) -> dict[str, object]:
    return {
        "id": message.id,
        "state": state,
        "channel": message.channel,
        "event": message.event,
        "job": message.job or None,
        "run": message.document.get("run"),
        "queued": times.iso(message.queued),
        "due": times.iso(message.due) if state == "waiting" else None,
        "attempts": message.attempts,
        "problem": message.problem,
    }

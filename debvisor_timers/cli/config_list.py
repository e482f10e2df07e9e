# SPDX-License-Identifier: Apache-2.0
"""config list: the settings in force."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from debvisor_timers.cli import times
from debvisor_timers.cli.options import json_option
from debvisor_timers.cli.output import (
    counted,
    echo_json,
    echo_problems,
    echo_table,
)
from debvisor_timers.errors import ExitCode

if TYPE_CHECKING:
    from debvisor_timers.operations.exchange.settings import Settings


@click.command("config list", epilog="Example: debvisor-timers config list | grep handlers")
@json_option
def command(*, as_json: bool) -> int:
    """Show the settings in force: paths, defaults, pools, channels, calendars, handlers.

    They are those of the files, applied or not. Secrets are left out.
    """
    from debvisor_timers.scheduler import Scheduler

    found = Scheduler.system().settings()
    if as_json:
        from debvisor_timers.operations.documents.settings import settings_document

        echo_json(settings_document(found))
    else:
        echo_table(("SETTING", "VALUE"), list(_rows(found)))
        if found.problems:
            echo_problems(found.problems)
    return ExitCode.DEFINITIONS if found.problems else ExitCode.DONE


def _rows(found: Settings) -> Iterator[tuple[str, str]]:
    for name, path in found.paths.items():
        yield f"paths.{name}", str(path)
    yield "jobs", str(found.jobs)
    for name, value in _plain(found):
        yield name, value if name.partition(".")[0] in found.written else f"{value} (default)"
    for name, value in found.written.get("defaults", {}).items():
        yield f"defaults.{name}", _words(value)
    for name, slots in found.config.pools.items():
        yield f"pools.{name}", counted(slots, "slot")
    for name, channel in found.written.get("channels", {}).items():
        yield f"channels.{name}", _words(channel.get("exec", channel))
    for name, days in found.days.items():
        yield f"calendars.{name}", counted(days, "day")
    yield "maintenance_windows", str(len(found.config.maintenance_windows) or "none")
    for name, known in found.tasks.items():
        folders = f" (in {', '.join(known.path)})" if known.path else ""
        yield f"handlers.{name}", f"{known.handler or _words(list(known.exec_ or ()))}{folders}"
    if not found.tasks:
        yield "handlers", "none"


def _plain(found: Settings) -> Iterator[tuple[str, str]]:
    config = found.config
    yield "keep_generations", str(config.keep_generations)
    yield "starts_per_minute", str(config.starts_per_minute)
    yield "history.keep", times.span(config.history.keep)
    yield "history.keep_runs", str(config.history.keep_runs)
    for name, value in found.written.get("metrics", {}).items():
        yield f"metrics.{name}", _words(value)


def _words(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(shlex.quote(str(each)) for each in value)
    if isinstance(value, dict):
        return ", ".join(f"{name}={_words(each)}" for name, each in value.items())
    return str(value).lower() if isinstance(value, bool) else str(value)

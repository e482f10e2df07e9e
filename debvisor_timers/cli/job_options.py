# SPDX-License-Identifier: Apache-2.0
"""Options that write the keys of a job, for `job create` and `job update`."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from debvisor_timers.cli.complete import (
    complete_job,
    complete_owner,
    complete_priority,
    complete_tag,
    complete_task_type,
)
from debvisor_timers.errors import DefinitionError, UsageError

if TYPE_CHECKING:
    from debvisor_timers.jobs.emit import Writable
    from debvisor_timers.operations.editing.change import KeyPath

_Command = TypeVar("_Command", bound=Callable[..., Any])

_PRIORITIES = ("low", "normal", "high", "critical")
_TRUTHS = {"true", "false", "yes", "no", "on", "off", "1", "0"}
_PROGRAMS = ("command", "script", "task")

# Texts that are written as they are, and where.
_TEXTS: Mapping[str, KeyPath] = {
    "name": ("name",),
    "description": ("description",),
    "owner": ("owner",),
    "cron": ("schedule", "cron"),
    "timezone": ("schedule", "timezone"),
    "catch_up": ("schedule", "catch_up"),
    "jitter": ("schedule", "jitter"),
    "script": ("script",),
    "user": ("user",),
    "group": ("group",),
    "timeout": ("timeout",),
    "retries": ("retries", "max"),
    "retry_delay": ("retries", "delay"),
    "overlap": ("overlap",),
}
_NUMBERS = frozenset({"timeout", "jitter", "retries", "retry_delay"})
"""A number alone is written as one."""

_OPTIONS = (
    click.option("--name", metavar="NAME", help="What the job is called."),
    click.option("--description", metavar="TEXT", help="What it is for."),
    click.option("--cron", metavar="EXPR", help="When it runs: five fields, or @daily."),
    click.option(
        "--on-calendar", metavar="SPEC", multiple=True, help="The same in systemd's own syntax."
    ),
    click.option("--timezone", metavar="ZONE", help="The zone of the schedule."),
    click.option("--catch-up", metavar="WORD", help="What becomes of missed times: skip or once."),
    click.option("--jitter", metavar="SPAN", help="The longest delay of a run."),
    click.option(
        "--task-type",
        metavar="TYPE",
        shell_complete=complete_task_type,
        help="What it does: a type of task.",
    ),
    click.option("--task-config", metavar="JSON", help="The settings of the task."),
    click.option(
        "--command",
        "program",
        metavar="WORDS",
        help="The program and its arguments, in a shell's quotes; no shell runs it.",
    ),
    click.option("--script", metavar="TEXT", help="A script that a shell runs."),
    click.option(
        "--priority",
        metavar="WORD",
        shell_complete=complete_priority,
        help="critical, high, normal or low.",
    ),
    click.option("--owner", metavar="NAME", shell_complete=complete_owner, help="Whose job it is."),
    click.option("--timeout", metavar="SPAN", help="How long an attempt may take: 1800, 30min."),
    click.option("--retries", metavar="N", help="How many further attempts a failed run gets."),
    click.option("--retry-delay", metavar="SPAN", help="How long before each of them."),
    click.option(
        "--depends-on",
        metavar="JOB[:TYPE]",
        multiple=True,
        shell_complete=complete_job,
        help="A job that it requires; type: requires, after or optional. Repeatable.",
    ),
    click.option(
        "--tag",
        "tags",
        metavar="NAME=VALUE",
        multiple=True,
        shell_complete=complete_tag,
        help="A tag, also as two words: --tag NAME VALUE. Repeatable.",
    ),
    click.option(
        "--environment",
        metavar="NAME=VALUE",
        multiple=True,
        help="An environment variable. Repeatable.",
    ),
    click.option("--user", metavar="USER", help="The user that it runs as."),
    click.option("--group", metavar="GROUP", help="The group that it runs as."),
    click.option("--overlap", metavar="WORD", help="skip or queue."),
    click.option(
        "--enabled",
        type=click.BOOL,
        metavar="[=false]",
        help="Whether its schedule and triggers count.",
    ),
    click.option(
        "--set",
        "settings",
        metavar="KEY=YAML",
        multiple=True,
        help="Any other key, as in resources.memory_max=1G. Repeatable.",
    ),
)


class JobCommand(click.Command):
    """A command with these options, some of which take a second word, or none."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Bring `--tag NAME VALUE` and `--enabled` alone into the form that click knows."""
        return super().parse_args(ctx, list(_joined(args)))


def job_options(command: _Command) -> _Command:
    """Give a command the options for the keys of a job."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def keys_of(options: Mapping[str, Any]) -> dict[KeyPath, Writable | None]:
    """Return the keys that options write. Raises UsageError for what makes no sense."""
    keys: dict[KeyPath, Writable | None] = {}
    for name, path in _TEXTS.items():
        text = options[name]
        if text is not None:
            keys[path] = int(text) if name in _NUMBERS and text.isdecimal() else text
    if options["on_calendar"]:
        lines = options["on_calendar"]
        keys["schedule", "on_calendar"] = lines[0] if len(lines) == 1 else list(lines)
    keys.update(_more(options))
    programs = {path[0] for path in keys} & set(_PROGRAMS)
    if len(programs) > 1:
        raise UsageError(
            "more than one of --command, --script and --task-type", fix="a job runs one of them"
        )
    if programs:
        keys.update({(name,): None for name in _PROGRAMS if name not in programs})
    return keys


def _more(options: Mapping[str, Any]) -> Iterator[tuple[KeyPath, Writable | None]]:
    """Yield the keys whose values are read from the text of an option."""
    if options["priority"] is not None:
        yield ("priority",), _priority(options["priority"])
    if options["enabled"] is not None:
        yield ("enabled",), bool(options["enabled"])
    if options["program"] is not None:
        yield ("command",), _words(options["program"])
    if options["task_type"] is not None:
        yield ("task", "type"), options["task_type"]
    if options["task_config"] is not None:
        yield ("task", "config"), _json(options["task_config"])
    if options["depends_on"]:
        yield ("depends_on",), [_dependency(text) for text in options["depends_on"]]
    for option, key in (("tags", "tags"), ("environment", "environment")):
        for pair in options[option]:
            name, value = _pair(pair, "--tag" if option == "tags" else "--environment")
            yield (key, name), value
    for text in options["settings"]:
        name, value = _pair(text, "--set")
        yield tuple(name.split(".")), _yaml(text, value)


def _joined(args: list[str]) -> Iterator[str]:
    """Yield arguments, with the value of a tag that stands alone in the word before it."""
    rest = list(args)
    while rest:
        word = rest.pop(0)
        if word == "--":
            yield from (word, *rest)
            return
        if word == "--tag" and rest:
            word = f"--tag={rest.pop(0)}"
        if word.startswith("--tag=") and word.count("=") == 1 and rest and rest[0][:1] != "-":
            word = f"{word}={rest.pop(0)}"
        if word == "--enabled" and not (rest and rest[0].lower() in _TRUTHS):
            word = "--enabled=true"
        yield word


def _pair(text: str, option: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if equals and not name:
        raise UsageError(f"{option}: {text!r} has no name", fix=f"write {option} NAME{text}")
    if not equals:
        raise UsageError(f"{option}: {text!r} has no value", fix=f"write {option} {text}=VALUE")
    return name, value


def _priority(text: str) -> str:
    number = int(text) if text.isdecimal() else -1
    return _PRIORITIES[number] if 0 <= number < len(_PRIORITIES) else text.lower()


def _words(text: str) -> list[Writable]:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"--command: {error}", fix="close the quotes") from error
    if not words:
        raise UsageError("--command is empty", fix="write a program: --command '/bin/ls /srv'")
    return list(words)


def _json(text: str) -> Writable:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise UsageError(
            f"--task-config is not JSON: {error}", fix="""write as in '{"vm_id": "vm-123"}'"""
        ) from error
    if not isinstance(value, dict):
        raise UsageError(
            "--task-config is not a mapping", fix="""write as in '{"vm_id": "vm-123"}'"""
        )
    return _writable(value)


def _writable(value: Any) -> Writable:
    from debvisor_timers.jobs.scalar import NULL

    if isinstance(value, dict):
        return {name: _writable(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_writable(one) for one in value]
    return NULL if value is None else value


def _dependency(text: str) -> Writable:
    job, colon, kind = text.partition(":")
    return {"job": job, "type": kind} if colon else job


def _yaml(text: str, value: str) -> Writable:
    from debvisor_timers.jobs.edit import parse_jobs
    from debvisor_timers.jobs.scalar import NULL

    try:
        found = parse_jobs(Path("--set"), f"value: {value}").value["value"]
    except DefinitionError as error:
        message = error.problems[0].message
        raise UsageError(f"--set {text}: {message}", fix=error.problems[0].fix) from error
    if found is NULL:
        raise UsageError(f"--set {text} sets nothing", fix="write a value behind the =")
    return found

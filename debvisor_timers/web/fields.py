# SPDX-License-Identifier: Apache-2.0
"""The form of a job: its fields as the text of a job file has them, and that text with others.

The text is the truth: what the form does not show stays in it, byte by byte.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from debvisor_timers.errors import DefinitionError, UsageError
from debvisor_timers.jobs.document import JOBS, Value
from debvisor_timers.jobs.edit import edit_jobs, jobs_in, parse_jobs
from debvisor_timers.jobs.emit import Writable, on_one_line
from debvisor_timers.jobs.names import JOB_ID, job_id_fix
from debvisor_timers.jobs.scalar import NULL
from debvisor_timers.operations.editing.change import KeyPath, merged

_PLACE = Path("form")
_PROGRAMS = ("command", "script", "task")
_TIMES = ("cron", "on_calendar")
_BY_HAND = "hand"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field of the form: the key that it shows, and how that looks as text."""

    path: KeyPath
    shown: Callable[[Value], str]
    read: Callable[[str], Writable]


def _text_shown(value: Value) -> str:
    return str(value) if isinstance(value, str) else on_one_line(value)


def _text(text: str) -> Writable:
    return text


def _number(text: str) -> Writable:
    return int(text) if text.isdecimal() else text


def _words_shown(value: Value) -> str:
    if isinstance(value, list) and all(isinstance(word, str) for word in value):
        return shlex.join(str(word) for word in value)
    return _text_shown(value)


def _words(text: str) -> Writable:
    try:
        return list(shlex.split(text))
    except ValueError as error:
        raise UsageError(f"the command cannot be read: {error}", fix="close the quotes") from error


def _lines_shown(value: Value) -> str:
    if isinstance(value, list):
        return "\n".join(_text_shown(one) for one in value)
    return _text_shown(value)


def _lines(text: str) -> Writable:
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    return lines[0] if len(lines) == 1 else lines


def _script(text: str) -> Writable:
    return text if "\n" not in text or text.endswith("\n") else f"{text}\n"


def _flow(text: str) -> Writable:
    """Return a value that is written as YAML on one line."""
    try:
        found = parse_jobs(_PLACE, f"value: {text}").value.get("value", NULL)
    except DefinitionError as error:
        said = error.problems[0]
        raise UsageError(f"{text!r}: {said.message}", fix=said.fix) from error
    return found


def _items(text: str) -> Writable:
    return [_flow(line.strip()) for line in text.split("\n") if line.strip()]


def _pairs_shown(value: Value) -> str:
    if not isinstance(value, dict):
        return _text_shown(value)
    return "\n".join(f"{name}={_text_shown(one)}" for name, one in value.items())


def _pairs(text: str) -> Writable:
    found: dict[str, Writable] = {}
    for line in filter(None, (line.strip() for line in text.split("\n"))):
        name, equals, value = line.partition("=")
        if not equals:
            raise UsageError(f"{line!r} has no value", fix="write NAME=value, one a line")
        found[name.strip()] = value
    return found


def _field(*path: str) -> Field:
    return Field(path=path, shown=_text_shown, read=_text)


def _counted(*path: str) -> Field:
    return Field(path=path, shown=_text_shown, read=_number)


FIELDS: Mapping[str, Field] = {
    "name": _field("name"),
    "description": _field("description"),
    "cron": _field("schedule", "cron"),
    "on_calendar": Field(path=("schedule", "on_calendar"), shown=_lines_shown, read=_lines),
    "timezone": _field("schedule", "timezone"),
    "catch_up": Field(path=("schedule", "catch_up"), shown=_text_shown, read=_flow),
    "jitter": _counted("schedule", "jitter"),
    "command": Field(path=("command",), shown=_words_shown, read=_words),
    "script": Field(path=("script",), shown=_text_shown, read=_script),
    "task": _field("task", "type"),
    "task_config": Field(path=("task", "config"), shown=_text_shown, read=_flow),
    "user": _field("user"),
    "timeout": _counted("timeout"),
    "retries": _counted("retries", "max"),
    "retry_delay": _counted("retries", "delay"),
    "priority": _field("priority"),
    "overlap": _field("overlap"),
    "sandbox": _field("sandbox"),
    "owner": _field("owner"),
    "depends_on": Field(path=("depends_on",), shown=_lines_shown, read=_items),
    "environment": Field(path=("environment",), shown=_pairs_shown, read=_pairs),
    "enabled": Field(path=("enabled",), shown=_text_shown, read=_flow),
}
"""Every field that stands for one key, by its name."""

_OF_SCHEDULE = {name for name, field in FIELDS.items() if field.path[0] == "schedule"}


def fields_of(text: str, job_id: str) -> dict[str, str] | None:
    """Return each field of the job as text, empty for a key that is not there.

    `program` and `when` say which of its kinds it has. None where the text has no such job.
    """
    try:
        job = jobs_in(parse_jobs(_PLACE, text)).get(job_id)
    except DefinitionError:
        return None
    if not isinstance(job, dict):
        return None
    found = {name: _shown(job, field) for name, field in FIELDS.items()}
    found["id"] = job_id
    found["program"] = next((name for name in _PROGRAMS if name in job), _PROGRAMS[0])
    found["when"] = next((name for name in _TIMES if found[name]), _BY_HAND)
    return found


def with_fields(text: str, job_id: str, new: Mapping[str, str]) -> str:
    """Return the text with the fields `new` of the job; those that are the same change nothing.

    Raises UsageError for what makes no sense as a value, DefinitionError where the text is wrong as
    YAML or lacks the job, RefusedError where it cannot be edited safely.
    """
    document = parse_jobs(_PLACE, text)
    before = fields_of(text, job_id)
    if before is None:
        span = document.span((JOBS,), on_key=True)
        fix = "put it back, or begin anew"
        raise DefinitionError([document.problem(f"there is no job {job_id!r}", span, fix=fix)])
    job = jobs_in(document)[job_id]
    assert isinstance(job, dict)  # noqa: S101 - it has fields
    wanted = merged(job, _keys(job, before, new))
    return edit_jobs(document, {job_id: wanted})


def renamed(text: str, job_id: str, new_id: str) -> str:
    """Return the text of a new file with another id for its job. Raises UsageError for none."""
    if not JOB_ID.fullmatch(new_id):
        raise UsageError(f"{new_id!r} is not a job id", fix=job_id_fix(new_id))
    document = parse_jobs(_PLACE, text)
    span = document.span((JOBS, job_id), on_key=True)
    if job_id not in jobs_in(document) or not span.line:
        return text
    lines = text.split("\n")
    line, start = lines[span.line - 1], span.column - 1
    lines[span.line - 1] = f"{line[:start]}{new_id}{line[start + span.length :]}"
    return "\n".join(lines)


def only_job(text: str) -> str:
    """Return the id of the first job of a text, empty where it has none."""
    try:
        return next(iter(jobs_in(parse_jobs(_PLACE, text))), "")
    except DefinitionError:
        return ""


def _shown(job: Mapping[str, Value], field: Field) -> str:
    value = _at(job, field.path)
    return "" if value is None or value is NULL else field.shown(value)


def _at(job: Mapping[str, Value], path: KeyPath) -> Value | None:
    inner = job.get(path[0])
    if path == ("schedule", "cron") and isinstance(inner, str):
        return inner
    if len(path) == 1:
        return inner
    return inner.get(path[1]) if isinstance(inner, dict) else None


def _keys(
    job: Mapping[str, Value], before: Mapping[str, str], new: Mapping[str, str]
) -> dict[KeyPath, Writable | None]:
    """Return the keys that differ, without those of a kind that was not chosen."""
    program, when = new.get("program", before["program"]), new.get("when", before["when"])
    unused = {name for name in (*_PROGRAMS, "task_config") if not name.startswith(program)}
    unused |= {name for name in _TIMES if name != when}
    if when == _BY_HAND:
        unused |= _OF_SCHEDULE
    keys: dict[KeyPath, Writable | None] = {}
    for name, field in FIELDS.items():
        value = _plain(new.get(name, before[name]))
        if name not in unused and value != _plain(before[name]):
            keys[field.path] = field.read(value) if value else None
    keys |= {(name,): None for name in _PROGRAMS if name != program and name in job}
    if when == _BY_HAND and "schedule" in job:
        keys["schedule",] = None
    return keys


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").strip()

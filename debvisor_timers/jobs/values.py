# SPDX-License-Identifier: Apache-2.0
"""The types of values: how each is read from YAML, and what JSON Schema says of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, PlainValidator, Strict

from debvisor_timers.calendar.exclusions import CALENDAR_NAME, DAYS_PATTERN, YEARS
from debvisor_timers.errors import ScheduleError
from debvisor_timers.jobs import amounts, catch_up, checks, names, owned, text
from debvisor_timers.jobs.duration import SPAN_PATTERN, parse_timespan
from debvisor_timers.jobs.faults import did_you_mean, fault, kind_of, quoted
from debvisor_timers.jobs.field import Shown
from debvisor_timers.jobs.scalar import Plain

MOMENT_PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}(:[0-9]{2})?$"
"""How a date with a time looks, for editors."""
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)")


def read_flag(value: object) -> bool:
    """Return a truth value; in YAML only true and false are."""
    if isinstance(value, bool):
        return value
    if isinstance(value, Plain) and value in {"true", "false"}:
        return value == "true"
    meant = str(value).lower()
    if meant in {"yes", "on", "y", "true", "1"}:
        raise fault(f"{quoted(value)} is neither true nor false", fix="write true, without quotes")
    if meant in {"no", "off", "n", "false", "0"}:
        raise fault(f"{quoted(value)} is neither true nor false", fix="write false, without quotes")
    raise fault(f"{kind_of(value)} is neither true nor false", fix="write true or false")


def read_count(value: object, *, low: int, high: int) -> int:
    """Return a whole number from `low` to `high`; in YAML written in digits, without quotes."""
    if isinstance(value, Plain) and _INTEGER.fullmatch(value) and len(value) < 20:
        value = int(value)
    if isinstance(value, str) or not isinstance(value, int) or isinstance(value, bool):
        text_of_number = isinstance(value, str) and _INTEGER.fullmatch(value)
        fix = f"write {value}, without quotes" if text_of_number else "write it in digits, as 64"
        raise fault(f"{kind_of(value)} is not a whole number", fix=fix)
    if not low <= value <= high:
        raise fault(f"{value} is outside {low}-{high}", fix=f"use a number from {low} to {high}")
    return value


TIMED_OUT_STATUS = 251
"""How `run` ends an attempt that took too long: no program's own status counts as that."""


def read_exit_status(value: object) -> int:
    """Return a status that a program may end with to tell something of its failure."""
    status = read_count(value, low=1, high=255)
    if status == TIMED_OUT_STATUS:
        raise fault(
            f"{value} is how an attempt ends that took too long",
            fix="let the program use another exit status",
        )
    return status


def read_timespan(value: object, *, infinity: bool, zero: bool) -> timedelta | None:
    """Return a duration; None for `infinity`, where that is allowed."""
    span = _timespan(value)
    if span is None and not infinity:
        raise fault("infinity is not allowed here", fix="write a time such as 90s or 10min")
    if span is not None and span <= timedelta(0) and not (zero and span == timedelta(0)):
        fix = "write infinity where no limit is wanted" if infinity else "write a time such as 90s"
        raise fault(f"{quoted(value)} is no time at all", fix=fix)
    return span


def read_catch_up(value: object) -> catch_up.CatchUp:
    """Return what `once`, `skip` or `{within: 6h}` says."""
    if isinstance(value, catch_up.CatchUp):
        return value
    if isinstance(value, str) and value in catch_up.NAMED:
        return catch_up.NAMED[value]
    if isinstance(value, Mapping) and value.keys() == {"within"}:
        span = read_timespan(value["within"], infinity=False, zero=False)
        if span is None or span < timedelta(seconds=1):
            raise fault("is less than a second", fix="write skip, or a time such as 6h")
        return catch_up.CatchUp(span)
    if isinstance(value, Mapping) and (unknown := [*(value.keys() - {"within"})]):
        word = str(min(unknown))
        raise fault(
            f"unknown key {quoted(word)}{did_you_mean(word, ['within'])}",
            fix="write once, skip, or {within: 6h}",
        )
    raise fault(
        f"{kind_of(value)} is not one of once, skip, {{within: 6h}}",
        fix="write one of once, skip, {within: 6h}",
    )


def read_moment(value: object) -> datetime:
    """Return a date with a time, in a zone that is said elsewhere."""
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not re.fullmatch(MOMENT_PATTERN, value):
        raise fault(
            f"{kind_of(value)} is no date with a time", fix='write it as "2026-12-01 22:00"'
        )
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise fault(f"{quoted(value)}: {error}", fix="correct it") from error
    if moment.year not in YEARS:
        raise fault(f"year {value[:4]} is outside {YEARS[0]}-{YEARS[-1]}", fix="correct the year")
    return moment


def _timespan(value: object) -> timedelta | None:
    if isinstance(value, timedelta) or value is None:
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = f"{value}"
    if not isinstance(value, str):
        raise fault(
            f"{kind_of(value)} is not a duration", fix="write a time such as 90s or 1h 30min"
        )
    try:
        return parse_timespan(value)
    except ScheduleError as error:
        raise fault(error.message, fix=error.fix, start=error.start, length=error.length) from error


# Editors read 0123 or yes as a number or a truth value; here they are the text that was written.
ANY_TEXT: Mapping[str, Any] = {"type": ["string", "number", "boolean"]}
_SPAN: Mapping[str, Any] = {"type": ["string", "number"], "pattern": SPAN_PATTERN, "minimum": 0}


def _pattern(pattern: str, *types: str) -> Mapping[str, Any]:
    return {"type": list(types) or "string", "pattern": pattern}


def _range(low: int, high: int) -> Mapping[str, Any]:
    return {"type": "integer", "minimum": low, "maximum": high}


Text = Annotated[str, Strict(), AfterValidator(text.check_text), Shown("text", ANY_TEXT)]
Line = Annotated[str, Strict(), AfterValidator(text.check_line), Shown("text, one line", ANY_TEXT)]
Argument = Annotated[str, Strict(), AfterValidator(text.check_argument), Shown("text", ANY_TEXT)]
Input = Annotated[str, Strict(), AfterValidator(text.check_input), Shown("text", ANY_TEXT)]
AbsolutePath = Annotated[
    str, Strict(), AfterValidator(text.check_path), Shown("path", _pattern("^/"))
]
WatchedPath = Annotated[
    str, Strict(), AfterValidator(text.check_watched_path), Shown("path", _pattern("^/"))
]
HomePath = Annotated[
    str,
    Strict(),
    AfterValidator(partial(text.check_path, wanted="an absolute path or ~", home=True)),
    Shown("path", _pattern("^(/|~$)")),
]
OptionalPath = Annotated[
    str, Strict(), AfterValidator(text.check_optional_path), Shown("path", _pattern("^-?/"))
]
JOB_ID: dict[str, Any] = {**ANY_TEXT, "pattern": names.JOB_ID_PATTERN}
SHORT_NAME: dict[str, Any] = {**ANY_TEXT, "pattern": names.SHORT_NAME_PATTERN}
JobId = Annotated[str, Strict(), AfterValidator(names.check_job_id), Shown("job id", JOB_ID)]
JobIds = Annotated[
    tuple[JobId, ...],
    BeforeValidator(checks.as_list_of_some),
    Shown(
        "job id | list of job ids",
        {"anyOf": [JOB_ID, {"type": "array", "items": JOB_ID, "minItems": 1}]},
    ),
]
User = Annotated[
    str,
    Strict(),
    AfterValidator(names.check_user),
    Shown("name or number", _pattern(names.USER_PATTERN, "string", "integer", "boolean")),
]
Variable = Annotated[str, Strict(), AfterValidator(names.check_variable), Shown("name")]
Tag = Annotated[str, Strict(), AfterValidator(names.check_tag), Shown("name")]
Zone = Annotated[str, Strict(), AfterValidator(names.check_zone), Shown("time zone")]
UnitName = Annotated[
    str,
    Strict(),
    AfterValidator(names.check_unit),
    Shown("unit name", _pattern(names.UNIT_PATTERN)),
]
Memory = Annotated[
    str,
    Strict(),
    AfterValidator(amounts.check_memory),
    Shown("amount of memory", _pattern(amounts.MEMORY_PATTERN, "string", "number")),
]
Quota = Annotated[
    str,
    Strict(),
    AfterValidator(amounts.check_quota),
    Shown("percentage", _pattern(amounts.QUOTA_PATTERN)),
]
Flag = Annotated[bool, PlainValidator(read_flag), Shown("true | false", {"type": "boolean"})]
Timeout = Annotated[
    timedelta | None,
    PlainValidator(partial(read_timespan, infinity=True, zero=False)),
    Shown("duration | infinity", _SPAN),
]
Timespan = Annotated[
    timedelta,
    PlainValidator(partial(read_timespan, infinity=False, zero=False)),
    Shown("duration", _SPAN),
]
Delay = Annotated[
    timedelta,
    PlainValidator(partial(read_timespan, infinity=False, zero=True)),
    Shown("duration", _SPAN),
]
CatchUp = Annotated[
    catch_up.CatchUp,
    PlainValidator(read_catch_up),
    Shown(
        "once | skip | {within: duration}",
        {
            "anyOf": [
                {"enum": [*catch_up.NAMED]},
                {
                    "type": "object",
                    "properties": {"within": _SPAN},
                    "required": ["within"],
                    "additionalProperties": False,
                },
            ]
        },
    ),
]
Tasks = Annotated[
    int,
    PlainValidator(partial(read_count, low=1, high=4_194_304)),
    Shown("number", _range(1, 4_194_304)),
]
Weight = Annotated[
    int,
    PlainValidator(partial(read_count, low=1, high=10_000)),
    Shown("number", _range(1, 10_000)),
]
Generations = Annotated[
    int,
    PlainValidator(partial(read_count, low=1, high=100_000)),
    Shown("number", _range(1, 100_000)),
]
Runs = Annotated[
    int,
    PlainValidator(partial(read_count, low=1, high=10_000_000)),
    Shown("number", _range(1, 10_000_000)),
]
Starts = Annotated[
    int,
    PlainValidator(partial(read_count, low=1, high=10_000)),
    Shown("number", _range(1, 10_000)),
]

_STRING: dict[str, Any] = {"type": "string", "minLength": 1}
_LINES: dict[str, Any] = {**ANY_TEXT, "minLength": 1}
_ITEMS: dict[str, Any] = {"type": "array", "items": ANY_TEXT, "minItems": 1}

Cron = Annotated[Line, AfterValidator(checks.check_cron), Shown("cron expression", _STRING)]
OnCalendar = Annotated[
    tuple[Annotated[Line, AfterValidator(checks.check_on_calendar)], ...],
    BeforeValidator(checks.as_list),
    Shown("text | list of text", {"anyOf": [_LINES, {**_ITEMS, "items": _LINES}]}),
]
_DAYS_OR_NAME: dict[str, Any] = {
    "type": "string",
    "pattern": f"{DAYS_PATTERN}|^{CALENDAR_NAME.pattern}$",
}
Exclude = Annotated[
    tuple[Annotated[Line, AfterValidator(checks.check_exclusion)], ...],
    BeforeValidator(checks.as_list),
    Shown(
        "date, range or calendar | list of them",
        {"anyOf": [_DAYS_OR_NAME, {"type": "array", "items": _DAYS_OR_NAME}]},
    ),
]
CalendarName = Annotated[
    str, Strict(), AfterValidator(names.check_calendar_name), Shown("calendar name")
]
_DAYS: dict[str, Any] = {"type": "string", "pattern": DAYS_PATTERN}
CalendarDays = Annotated[
    tuple[Annotated[Line, AfterValidator(checks.check_calendar_entry)], ...],
    BeforeValidator(checks.as_list),
    AfterValidator(checks.check_calendar),
    Shown(
        "list of dates and ranges | path of an .ics file",
        {
            "anyOf": [
                {"type": "string", "pattern": f"{DAYS_PATTERN}|^/"},
                {"type": "array", "items": _DAYS},
                {"type": "array", "items": {"type": "string", "pattern": "^/"}, "maxItems": 1},
            ]
        },
    ),
]
Moment = Annotated[
    datetime, PlainValidator(read_moment), Shown("date with a time", _pattern(MOMENT_PATTERN))
]
Command = Annotated[
    tuple[Argument, ...],
    BeforeValidator(checks.check_command),
    Shown("list of text", _ITEMS),
]
Directives = Annotated[
    tuple[Annotated[str, Strict(), AfterValidator(checks.check_directive_value)], ...],
    BeforeValidator(checks.as_directive_values),
    Shown("text | list of text", {"anyOf": [ANY_TEXT, _ITEMS]}),
]
UnitDirective = Annotated[
    str, Strict(), AfterValidator(owned.check_unit_directive), Shown("directive")
]
ServiceDirective = Annotated[
    str, Strict(), AfterValidator(owned.check_service_directive), Shown("directive")
]
TimerDirective = Annotated[
    str, Strict(), AfterValidator(owned.check_timer_directive), Shown("directive")
]
PathDirective = Annotated[
    str, Strict(), AfterValidator(owned.check_path_directive), Shown("directive")
]

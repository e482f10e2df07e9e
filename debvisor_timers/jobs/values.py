# SPDX-License-Identifier: Apache-2.0
"""The types of values: how each is read from YAML, and what JSON Schema says of it."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import partial
from typing import Annotated, Any

from pydantic import AfterValidator, PlainValidator, Strict, WithJsonSchema

from debvisor_timers.errors import ScheduleError
from debvisor_timers.jobs import amounts, names, text
from debvisor_timers.jobs.duration import parse_timespan
from debvisor_timers.jobs.faults import fault, quoted
from debvisor_timers.jobs.scalar import NULL, Plain

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


def read_timespan(value: object, *, infinity: bool, zero: bool) -> timedelta | None:
    """Return a duration; None for `infinity`, where that is allowed."""
    span = _timespan(value)
    if span is None and not infinity:
        raise fault("infinity is not allowed here", fix="write a time such as 90s or 10min")
    if span is not None and span <= timedelta(0) and not (zero and span == timedelta(0)):
        fix = "write infinity where no limit is wanted" if infinity else "write a time such as 90s"
        raise fault(f"{quoted(value)} is no time at all", fix=fix)
    return span


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


def kind_of(value: object) -> str:
    """Return what `value` is, for a message: quoted text, `a list`, `nothing`."""
    if value is NULL:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    return quoted(value)


# Editors read 0123 or yes as a number or a truth value; here they are the text that was written.
_TEXT: dict[str, Any] = {"type": ["string", "number", "boolean"]}
_LINE: dict[str, Any] = {"type": ["string", "number", "boolean"]}
_PATH: dict[str, Any] = {"type": "string", "pattern": "^/"}
_SPAN: dict[str, Any] = {"type": ["string", "number"]}

Text = Annotated[str, Strict(), AfterValidator(text.check_text), WithJsonSchema(_TEXT)]
Line = Annotated[str, Strict(), AfterValidator(text.check_line), WithJsonSchema(_LINE)]
Argument = Annotated[str, Strict(), AfterValidator(text.check_argument), WithJsonSchema(_TEXT)]
Input = Annotated[str, Strict(), AfterValidator(text.check_input), WithJsonSchema(_TEXT)]
AbsolutePath = Annotated[str, Strict(), AfterValidator(text.check_path), WithJsonSchema(_PATH)]
HomePath = Annotated[
    str,
    Strict(),
    AfterValidator(partial(text.check_path, wanted="an absolute path or ~", home=True)),
    WithJsonSchema({"type": "string", "pattern": "^(/|~$)"}),
]
OptionalPath = Annotated[
    str,
    Strict(),
    AfterValidator(text.check_optional_path),
    WithJsonSchema({"type": "string", "pattern": "^-?/"}),
]
JobId = Annotated[str, Strict(), AfterValidator(names.check_job_id)]
User = Annotated[
    str,
    Strict(),
    AfterValidator(names.check_user),
    WithJsonSchema({"type": ["string", "integer"], "minLength": 1}),
]
Variable = Annotated[str, Strict(), AfterValidator(names.check_variable)]
Tag = Annotated[str, Strict(), AfterValidator(names.check_tag)]
Zone = Annotated[str, Strict(), AfterValidator(names.check_zone)]
UnitName = Annotated[str, Strict(), AfterValidator(names.check_unit)]
Memory = Annotated[
    str,
    Strict(),
    AfterValidator(amounts.check_memory),
    WithJsonSchema({"type": ["string", "integer"], "pattern": amounts.MEMORY_PATTERN}),
]
Quota = Annotated[
    str,
    Strict(),
    AfterValidator(amounts.check_quota),
    WithJsonSchema({"type": "string", "pattern": amounts.QUOTA_PATTERN}),
]
Flag = Annotated[bool, PlainValidator(read_flag), WithJsonSchema({"type": "boolean"})]
Timeout = Annotated[
    timedelta | None,
    PlainValidator(partial(read_timespan, infinity=True, zero=False)),
    WithJsonSchema(_SPAN),
]
Timespan = Annotated[
    timedelta,
    PlainValidator(partial(read_timespan, infinity=False, zero=False)),
    WithJsonSchema(_SPAN),
]
Delay = Annotated[
    timedelta,
    PlainValidator(partial(read_timespan, infinity=False, zero=True)),
    WithJsonSchema(_SPAN),
]
Tasks = Annotated[
    int,
    PlainValidator(partial(read_count, low=1, high=4_194_304)),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": 4_194_304}),
]
Weight = Annotated[
    int,
    PlainValidator(partial(read_count, low=1, high=10_000)),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": 10_000}),
]
Generations = Annotated[
    int,
    PlainValidator(partial(read_count, low=1, high=100_000)),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": 100_000}),
]

# SPDX-License-Identifier: Apache-2.0
"""Checks of whole values: commands, calendar lines, directives, sizes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from debvisor_timers.calendar import zones
from debvisor_timers.calendar.cron import CronExpression, parse_cron
from debvisor_timers.calendar.exclusions import is_calendar_name, parse_days
from debvisor_timers.errors import ScheduleError
from debvisor_timers.jobs import names, text
from debvisor_timers.jobs.faults import fault, kind_of, quoted

_BARE_PROGRAM = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")
_PREFIXES = "-@:+!|"
_POINTER_BYTES = 9


@lru_cache(maxsize=4096)
def cron_expression(text: str) -> CronExpression:
    """Return the cron expression that `text` is; raise ScheduleError. Equal texts share one."""
    return parse_cron(text)


def check_cron(text: str) -> str:
    """Return a cron expression, checked."""
    try:
        cron_expression(text)
    except ScheduleError as error:
        raise fault(error.message, fix=error.fix, start=error.start, length=error.length) from error
    return text


def as_list(value: Any) -> Any:
    """Return a list of one for a bare text, other values as they are."""
    return (value,) if isinstance(value, str) else value


def as_list_of_some(value: Any) -> Any:
    """Return a list of one for a bare text; raise for an empty list."""
    if isinstance(value, list | tuple) and not value:
        raise fault("is an empty list", fix="write at least one, or remove the key")
    return as_list(value)


def check_on_calendar(line: str) -> str:
    """Return a line for OnCalendar=, checked for its characters; systemd checks the rest."""
    if not line:
        raise fault("is empty", fix='write a time such as "Mon..Fri 03:00"')
    wrong = re.search(r"[^A-Za-z0-9 *:/.,~_+-]", line)
    if wrong:
        raise fault(
            f"character {quoted(wrong[0])} has no place in a calendar expression",
            fix="see systemd.time(7); try it with: systemd-analyze calendar",
            start=wrong.start(),
            length=1,
        )
    return line


def check_no_zone_of_its_own(lines: Sequence[str]) -> None:
    """Raise when a calendar line ends in a time zone."""
    for line in lines:
        if zone_of_line(line):
            raise fault(
                f"{quoted(line)} has a time zone, and so has the key timezone",
                fix="write the zone in one place",
            )


def zone_of_line(line: str) -> str:
    """Return the time zone at the end of a calendar line, empty where it has none."""
    word = line.rpartition(" ")[2]
    return word if _is_zone(word) else ""


def _is_zone(word: str) -> bool:
    if not word[:1].isalpha():
        return False
    try:
        return bool(zones.check_zone(word))
    except ScheduleError:
        return False


def check_days(text: str) -> str:
    """Return a date, a range of dates, or one of every year."""
    try:
        parse_days(text)
    except ScheduleError as error:
        raise fault(error.message, fix=error.fix, start=error.start, length=error.length) from error
    return text


def check_exclusion(text: str) -> str:
    """Return days, or the name of a calendar; whether there is one is known only later."""
    return names.check_calendar_name(text) if is_calendar_name(text) else check_days(text)


def check_calendar(entries: tuple[str, ...]) -> tuple[str, ...]:
    """Return the days of a calendar, or the path of the file that has them, alone."""
    if len(entries) > 1 and any(entry.startswith("/") for entry in entries):
        raise fault(
            "has a file among its dates",
            fix="write the file as a calendar of its own, and name both in exclude",
        )
    return entries


def check_calendar_entry(text_: str) -> str:
    """Return days of a calendar, or the absolute path of an iCalendar file."""
    if text_.startswith("/"):
        return text.check_path(text_)
    if text_.lower().endswith(".ics"):
        raise fault(
            f"{quoted(text_)} is not an absolute path", fix=f"write /etc/debvisor/timers/{text_}"
        )
    if is_calendar_name(text_):
        raise fault(
            f"{quoted(text_)} is no date; a calendar cannot name another one",
            fix="write its dates, or name both calendars in exclude",
        )
    return check_days(text_)


def check_command(value: Any) -> Any:
    """Return a program and its arguments; the program by an absolute path, or a bare name."""
    if isinstance(value, str):
        raise fault(f"{quoted(value)} is not a list", fix=_command_fix(value))
    if not isinstance(value, list | tuple):
        return value
    if not value:
        raise fault("is an empty list", fix="write the program and its arguments")
    program = value[0]
    if isinstance(program, str):
        _check_program(program)
    return value


def _command_fix(command: str) -> str:
    try:
        words = shlex.split(command)
    except ValueError:
        words = []
    if not words or not command.isprintable() or re.search(r"[|&;<>$`]", command):
        return "write a list: [/usr/bin/program, argument]; for a shell, use the key script"
    return f"write a list: [{', '.join(map(_flow, words))}]"


def _flow(word: str) -> str:
    return (
        word
        if re.fullmatch(r"[A-Za-z0-9/._=+-]+", word)
        else f"'{word.replace(chr(39), chr(39) * 2)}'"
    )


def _check_program(program: str) -> None:
    if program.startswith("/") or _BARE_PROGRAM.fullmatch(program):
        return
    path = program.lstrip(_PREFIXES)
    if program[:1] in tuple(_PREFIXES) and path.startswith("/"):
        raise fault(
            f"{quoted(program)}: systemd's prefixes are not used here",
            fix=f"write {path}" if path.isprintable() else "leave them out",
        )
    if not program:
        raise fault("the program is empty", fix="write the program and its arguments")
    raise fault(
        f"the program {quoted(program)} is neither an absolute path nor a bare name",
        fix="begin it with /",
    )


def check_one_program(**has: bool) -> None:
    """Raise unless exactly one of `has` (command, script, task) is True."""
    there = [name for name, is_there in has.items() if is_there]
    if len(there) > 1:
        both = "both " if len(there) == 2 else ""
        raise fault(
            f"has {both}{', '.join(there[:-1])} and {there[-1]}",
            fix="leave one of them" if len(there) > 2 else "remove one of them",
        )
    if not there:
        raise fault(
            "has neither command nor script nor task",
            fix="add one: command: [/usr/bin/program, argument]",
        )


def check_size(command: Sequence[str], environment: Mapping[str, str]) -> None:
    """Raise when a command and its environment are more than execve or a unit file can hold."""
    pairs = [f"{name}={value}" for name, value in environment.items()]
    size = sum(map(len, command)) + sum(map(len, pairs))
    if size * 4 <= text.ARGUMENT_BYTES:
        return
    for pair in pairs:
        if (length := len(pair.encode())) > text.ARGUMENT_BYTES:
            name = pair.partition("=")[0]
            raise fault(
                f"the environment variable {name} is {length:,} bytes long; at most "
                f"{text.ARGUMENT_BYTES:,} are possible",
                fix="put it into a file",
            )
    line = sum(map(text.escaped_size, command))
    if line > text.LINE_BYTES - text.PATH_BYTES:
        raise fault(
            f"the command needs {line:,} bytes in a unit file; about {text.LINE_BYTES:,} are "
            "possible",
            fix="put it into a script",
        )
    total = sum(len(item.encode()) + _POINTER_BYTES for item in [*command, *pairs])
    if total > text.PROGRAM_BYTES:
        raise fault(
            f"command and environment are {total:,} bytes long; at most {text.PROGRAM_BYTES:,} "
            "are possible",
            fix="put them into files",
        )


def as_directive_values(value: Any) -> Any:
    """Return the values of a directive as a list: one for a single value, as text."""
    if isinstance(value, dict):
        raise fault(f"{kind_of(value)} is no value of a directive", fix="write text, or a list")
    several = value if isinstance(value, list | tuple) else (value,)
    if not several:
        raise fault("is an empty list", fix='write "" to reset the directive')
    return tuple(_directive_text(item) for item in several)


def _directive_text(value: Any) -> Any:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if isinstance(value, int | float) else value


def check_directive_value(value: str) -> str:
    """Return the value of a directive: one line, in systemd's own spelling, specifiers included."""
    return text.check_line(value)

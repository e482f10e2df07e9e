# SPDX-License-Identifier: Apache-2.0
"""The command of a task type: arguments in which `{name}` stands for a parameter."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from debvisor_timers.jobs.faults import did_you_mean, fault, quoted
from debvisor_timers.jobs.translate import Complaint

_PART = re.compile(r"\{\{|\}\}|\{([A-Za-z_][A-Za-z0-9_]*)\}|[{}]")
_END_OF_OPTIONS = "--"


def check_arguments(command: tuple[str, ...]) -> tuple[str, ...]:
    """Return a command whose placeholders are well formed; its program holds none."""
    if names_in(command[:1]):
        raise fault(
            f"the program {quoted(command[0])} depends on a parameter",
            fix="name the program; parameters are its arguments",
        )
    for argument in command:
        for match in _PART.finditer(argument):
            if match[0] in {"{", "}"}:
                raise fault(
                    f"{quoted(argument)} has a brace that is no placeholder",
                    fix="write {name} for a parameter, {{ or }} for a brace",
                )
    return command


def names_in(command: Sequence[str]) -> list[str]:
    """Return the parameters that `command` names, in order, each once."""
    found = (match[1] for argument in command for match in _PART.finditer(argument) if match[1])
    return list(dict.fromkeys(found))


def unknown_names(command: Sequence[str], known: Sequence[str]) -> Iterator[Complaint]:
    """Yield a complaint for each placeholder that is none of `known`."""
    for number, argument in enumerate(command):
        for name in names_in([argument]):
            if name not in known:
                yield Complaint(
                    path=("exec", number),
                    message=f"there is no parameter {quoted(name)}{did_you_mean(name, known)}",
                    fix=f"declare it: parameters: {{properties: {{{name}: {{type: string}}}}}}",
                )


def arguments_of(command: Sequence[str], config: Mapping[str, Any]) -> tuple[str, ...]:
    """Return `command` with the values of `config` in the place of its placeholders.

    Text stands as it is, everything else as JSON. An argument that is one placeholder and nothing
    else becomes an argument for each item of a list. One that names a parameter which `config`
    does not have, or has as null, is left out.
    """
    return tuple(text for argument in command for text in _filled(argument, config))


def option_like(command: Sequence[str], config: Mapping[str, Any]) -> Iterator[Complaint]:
    """Yield a complaint for each value of `config` that a program would take for an option."""
    for argument in command:
        if argument == _END_OF_OPTIONS:
            return
        match = _PART.match(argument)
        if not match or not match[1]:
            continue
        for text in _filled(argument, config):
            if text.startswith("-"):
                yield Complaint(
                    path=(match[1],),
                    message=f"{quoted(text)} begins with -, and would be read as an option",
                    fix="write another value; a task type that allows it has -- before it",
                )


def with_nul(command: Sequence[str], config: Mapping[str, Any]) -> Iterator[Complaint]:
    """Yield a complaint for each argument with a NUL character, which no program can be given."""
    for argument in command:
        if any("\0" in text for text in _filled(argument, config)):
            yield Complaint(
                path=tuple(names_in([argument])[:1]),
                message="an argument cannot hold the character NUL",
                fix="remove it",
            )


def _filled(argument: str, config: Mapping[str, Any]) -> list[str]:
    if any(config.get(name) is None for name in names_in([argument])):
        return []
    whole = _PART.fullmatch(argument)
    if whole and whole[1]:
        value = config[whole[1]]
        return [_text(each) for each in value] if isinstance(value, list) else [_text(value)]

    def part(match: re.Match[str]) -> str:
        return _text(config[match[1]]) if match[1] else match[0][0]

    return [_PART.sub(part, argument)]


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

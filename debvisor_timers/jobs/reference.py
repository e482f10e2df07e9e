# SPDX-License-Identifier: Apache-2.0
"""The tables of keys and presets in scdoc's language, for the man pages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from debvisor_timers.jobs.explain import example_of
from debvisor_timers.jobs.keys import Key, config_table, table, task_table
from debvisor_timers.jobs.sandbox import EXPLAINED
from debvisor_timers.jobs.yamltext import to_yaml


def reference() -> str:
    """Return the section KEYS of debvisor-timers-jobs(5), with its heading."""
    return _section("KEYS", table())


def config_reference() -> str:
    """Return the section KEYS of debvisor-timers-config(5), with its heading."""
    return _section("KEYS", config_table())


def task_reference() -> str:
    """Return the section KEYS of debvisor-timers-tasks(7), with its heading."""
    return _section("KEYS", task_table(), _in_a_type)


def sandbox_reference() -> str:
    """Return the section SANDBOX of debvisor-timers-jobs(5), with its heading."""
    lines = ["# SANDBOX", ""]
    for preset, directives in EXPLAINED.items():
        lines += [f"*{preset}*"]
        lines += [] if directives else ["\tNo directive.", ""]
        for one in directives:
            lines += [f"\t*{escaped(one.line)}*", f"\t\t{escaped(one.help)}.", ""]
    return "\n".join(lines)


def _in_a_type(example: dict[str, object]) -> dict[str, object]:
    """Return the example of a key of a task type as a whole file."""
    program = {} if {"exec", "handler"} & example.keys() else {"handler": "backups:make_backup"}
    return {"tasks": {"backup": {**program, **example}}}


def _as_it_is(example: dict[str, object]) -> dict[str, object]:
    return example


Around = Callable[[dict[str, object]], dict[str, object]]


def _section(heading: str, keys: Iterable[Key], around: Around = _as_it_is) -> str:
    lines = [f"# {heading}", ""]
    for key in keys:
        lines += _entry(key, around)
    return "\n".join(lines)


def _entry(key: Key, around: Around) -> Iterator[str]:
    yield f"*{escaped(key.name)}*"
    yield f"\t{escaped(key.help)}"
    yield ""
    facts = [f"Type: {key.type}.", f"Default: {key.default}." if key.default else "Required."]
    if key.directive:
        facts.append(f"In units: {key.directive}.")
    yield f"\t{escaped(' '.join(facts))}"
    yield ""
    yield "\t```"
    yield from (f"\t{line}" for line in to_yaml(around(example_of(key))).splitlines())
    yield "\t```"
    yield ""


# scdoc(5): underscores and asterisks make text underlined and bold, # and . begin lines.
_SPECIAL = re.compile(r"([\\*_`<>\[\]#~])")


def escaped(text: str) -> str:
    """Return a text without meaning for scdoc."""
    return _SPECIAL.sub(r"\\\1", text)

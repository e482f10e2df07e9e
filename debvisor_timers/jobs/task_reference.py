# SPDX-License-Identifier: Apache-2.0
"""The task types that come with the program in scdoc's language, for their man page."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from debvisor_timers.jobs.parameters import Schema, kind_words, properties_of
from debvisor_timers.jobs.reference import escaped
from debvisor_timers.jobs.scalar import NULL
from debvisor_timers.jobs.task_files import TaskTypes
from debvisor_timers.jobs.task_types import TaskType
from debvisor_timers.jobs.tasks import as_json
from debvisor_timers.jobs.yamltext import to_yaml


def types_reference() -> str:
    """Return the section TASK TYPES of debvisor-timers-tasks(7), with its heading."""
    types = TaskTypes()
    lines = ["# TASK TYPES", ""]
    for name, known in types.everything.items():
        lines += _type(name, known, types.defaults(name))
    return "\n".join(lines)


def _type(name: str, known: TaskType, defaults: Mapping[str, Any]) -> Iterator[str]:
    also = f" (also {', '.join(escaped(alias) for alias in known.aliases)})"
    yield f"## {escaped(name)}{also if known.aliases else ''}"
    yield ""
    yield f"{escaped(known.summary)}."
    yield ""
    for paragraph in known.description.strip("\n").split("\n\n"):
        # On one line: scdoc takes a line that begins with - for a list.
        yield escaped(" ".join(paragraph.split()))
        yield ""
    yield from _parameters(known.parameters or {})
    if known.closed:
        names = ", ".join(f"_{escaped(each)}_" for each in known.closed)
        yield f"By default only root may give {names} another value than the default."
        yield ""
    if defaults:
        keys = {key: as_json(value) for key, value in defaults.items() if value is not NULL}
        words = ", ".join(f"{key}: {_plain(value)}" for key, value in keys.items())
        yield f"Its jobs have by default: {escaped(words)}."
        yield ""
    if known.packages:
        yield f"Needs the packages: {escaped(', '.join(known.packages))}."
        yield ""
    task = {"type": name, **({"config": known.example} if known.example else {})}
    job = {"schedule": "0 2 * * *", "task": task}
    yield "```"
    yield from to_yaml({"jobs": {f"my-{name.replace('_', '-').lower()}": job}}).splitlines()
    yield "```"
    yield ""


def _parameters(schema: Schema, prefix: str = "") -> Iterator[str]:
    """Yield each parameter of a schema, then those that stand in it."""
    for name, about in properties_of(schema).items():
        yield from _parameter(prefix, name, about, schema)
        yield from _parameters(about, f"{prefix}{name}.")
        items = about.get("items")
        if isinstance(items, dict):
            yield from _parameters(items, f"{prefix}{name}.")


def _parameter(prefix: str, name: str, about: Schema, schema: Schema) -> Iterator[str]:
    yield f"*{escaped(prefix + name)}* ({escaped(kind_words(about))})"
    facts = [str(about.get("description", ""))]
    if about.get("default", {}) != {}:
        facts.append(f"Default: {_plain(about['default'])}.")
    elif name in schema.get("required", []):
        facts.append("Required.")
    yield f"\t{escaped(' '.join(' '.join(facts).split()))}"
    yield ""


def _plain(value: object) -> str:
    """Return a value as YAML could have it, on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_plain(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(_plain, value))}]"
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)

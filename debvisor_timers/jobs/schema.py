# SPDX-License-Identifier: Apache-2.0
"""JSON Schema 2020-12 of the files, for editors; made from the same models that validate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from debvisor_timers.jobs import isolation, names, owned, values
from debvisor_timers.jobs.config import Config
from debvisor_timers.jobs.model import JobKeys

DIALECT = "https://json-schema.org/draft/2020-12/schema"
JOBS_ID = "https://debvisor.io/schemas/debvisor-timers-jobs.json"
CONFIG_ID = "https://debvisor.io/schemas/debvisor-timers-config.json"

Schema = dict[str, Any]

_ONE_PROGRAM = [{"required": [name]} for name in ("command", "script", "task")]
_ONE_OTHER = [{"required": ["job"]}, {"required": ["unit"]}]
_ONE_TIME = [{"required": ["cron"]}, {"required": ["on_calendar"]}]


def jobs_schema() -> Schema:
    """Return the schema of a file of jobs.d."""
    schema = _generate(JobKeys)
    job = {name: schema.pop(name) for name in list(schema) if name != "$defs"}
    job |= {"title": "Job", "description": "A job.", "oneOf": _ONE_PROGRAM}
    schema["$defs"]["Job"] = job
    schema["$defs"]["Schedule"]["oneOf"] = _ONE_TIME
    schema["$defs"]["Trigger"] |= {"minProperties": 1, "maxProperties": 1}
    return {
        "$schema": DIALECT,
        "$id": JOBS_ID,
        "title": "Jobs of debvisor-timers",
        "description": "A file of /etc/debvisor/timers/jobs.d: jobs by their ids.",
        "type": ["object", "null"],
        "properties": {
            "jobs": {
                "description": "The jobs of this file, each under its id.",
                "type": ["object", "null"],
                "propertyNames": {"pattern": names.JOB_ID_PATTERN},
                "additionalProperties": {"$ref": "#/$defs/Job"},
            }
        },
        "additionalProperties": False,
        **schema,
    }


def config_schema() -> Schema:
    """Return the schema of config.yaml."""
    schema = _generate(Config)
    defaults = schema["properties"]["defaults"]
    schema["properties"]["defaults"] = {
        **{name: text for name, text in defaults.items() if name != "$ref"},
        "anyOf": [{"$ref": defaults["$ref"]}, {"type": "null"}],
    }
    return {
        "$schema": DIALECT,
        "$id": CONFIG_ID,
        **schema,
        "title": "Settings of debvisor-timers",
        "type": ["object", "null"],
    }


def _generate(model: type[BaseModel]) -> Schema:
    schema = model.model_json_schema(mode="validation")
    definitions = schema["$defs"]
    for part in (schema, *definitions.values()):
        for name, value in part.get("properties", {}).items():
            part["properties"][name] = _property(value)
    for part in (schema, definitions.get("JobDefaults"), definitions.get("HowItRuns")):
        if part:
            _limit_names(part.get("properties", {}))
            _accept_bare_texts(part.get("properties", {}))
    _limit_directives(definitions["UnitDirectives"]["properties"])
    definitions["Dependency"]["oneOf"] = _ONE_OTHER
    if "Schedule" in definitions:
        schedule = schema["properties"]["schedule"]
        _make_shorthand(schedule, {"type": "string", "minLength": 1})
    return schema


def _property(value: Schema) -> Schema:
    """Return the schema of a key without null, and with the default in its description."""
    value = dict(value)
    shown = value.pop("x-default", None)
    value.pop("x-beside", None)
    if shown is not None or not isinstance(value.get("default"), str | int | bool):
        value.pop("default", None)
    choices = value.pop("anyOf", None)
    if choices is not None:
        others = [choice for choice in choices if choice != {"type": "null"}]
        value |= others[0] if len(others) == 1 else {"anyOf": others}
    default = shown if shown is not None else value.get("default")
    if default not in {None, ""}:
        told = f"{value.get('description', '')} Default: {_json(default)}."
        value["description"] = told.strip()
    return value


def _json(default: object) -> str:
    return str(default).lower() if isinstance(default, bool) else str(default)


def _make_shorthand(value: Schema, short: Schema) -> None:
    """Let the mapping that `value` refers to be written in a shorter form too."""
    value["anyOf"] = [short, {"$ref": value.pop("$ref")}]


def _accept_bare_texts(properties: Mapping[str, Schema]) -> None:
    """Let dependencies and conflicts be the id of a job alone, and a pool its name."""
    for name in {"depends_on", "conflicts_with"} & properties.keys():
        _make_shorthand(properties[name]["items"], values.JOB_ID)
    if "pool" in properties:
        _make_shorthand(properties["pool"], values.SHORT_NAME)


def _limit_names(properties: Mapping[str, Schema]) -> None:
    patterns = {
        "environment": names.VARIABLE_PATTERN,
        "tags": names.TAG_PATTERN,
        "credentials": isolation.CREDENTIAL_PATTERN,
        "encrypted_credentials": isolation.CREDENTIAL_PATTERN,
    }
    for name in patterns.keys() & properties.keys():
        properties[name]["propertyNames"] = {"pattern": patterns[name]}


def _limit_directives(sections: Mapping[str, Schema]) -> None:
    tables = {
        "Unit": owned.UNIT,
        "Service": owned.SERVICE,
        "Timer": owned.TIMER,
        "Path": owned.PATH,
    }
    for section, refused in tables.items():
        sections[section]["propertyNames"] = {
            "pattern": f"^{owned.DIRECTIVE.pattern}$",
            "not": {"enum": sorted(refused)},
        }

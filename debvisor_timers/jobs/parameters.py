# SPDX-License-Identifier: Apache-2.0
"""The parameters of a task type: a JSON Schema, and what it says of a configuration.

Source: JSON Schema 2020-12; checked by the library jsonschema, which never fetches a reference.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from debvisor_timers.jobs.faults import did_you_mean, kind_of, nearest, quoted
from debvisor_timers.jobs.translate import Complaint

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import ValidationError

Schema = Mapping[str, Any]

_KINDS: Mapping[str, str] = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}


def schema_complaints(schema: Schema) -> Iterator[Complaint]:
    """Yield what is wrong with a schema; paths are below it."""
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - 60 ms, which few need
    from jsonschema.exceptions import SchemaError  # noqa: PLC0415

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        message = f"is not JSON Schema: {error.message}"
        yield Complaint(path=tuple(error.absolute_path), message=message, fix="correct it")
        return
    for path, reference in _references(schema):
        if reference not in {f"#/$defs/{name}" for name in schema.get("$defs", {})}:
            message = f"the reference {quoted(reference)} leads nowhere"
            yield Complaint(path=path, message=message, fix="refer to #/$defs/NAME of this schema")
    if schema.get("type", "object") != "object":
        message = f"the configuration is a mapping, not {quoted(schema['type'])}"
        yield Complaint(path=("type",), message=message, fix="write type: object")


def _references(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[Any, str]]:
    """Yield each $ref below `value`, with the place where it stands."""
    if isinstance(value, list):
        for number, each in enumerate(value):
            yield from _references(each, (*path, number))
    elif isinstance(value, Mapping):
        for word in ("$ref", "$dynamicRef"):
            if isinstance(reference := value.get(word), str):
                yield (*path, word), reference
        for name, each in value.items():
            yield from _references(each, (*path, name))


def with_defaults(schema: Schema, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return `config`, and each `default` of the schema for what it lacks.

    Of mappings within mappings too; not of those in lists, nor behind a $ref or an anyOf.
    """
    filled = dict(config)
    for name, about in properties_of(schema).items():
        if "default" in about:
            filled.setdefault(name, about["default"])
        if isinstance(filled.get(name), dict):
            filled[name] = with_defaults(about, filled[name])
    return filled


def properties_of(schema: Schema) -> Mapping[str, Schema]:
    """Return what the schema says of each parameter, by name."""
    found = schema.get("properties", {})
    return {name: about for name, about in found.items() if isinstance(about, dict)}


def kind_words(about: Schema) -> str:
    """Return what a parameter can be, for people: `text`, `one of fast, slow`, `text or a list`."""
    if "enum" in about:
        return f"one of {', '.join(str(each) for each in about['enum'])}"
    for several in ("anyOf", "oneOf"):
        if several in about:
            return " or ".join(dict.fromkeys(kind_words(each) for each in about[several]))
    wanted = about.get("type", [])
    kinds = [wanted] if isinstance(wanted, str) else list(wanted)
    return " or ".join(_KINDS.get(each, each) for each in kinds) or "anything"


def complaints_about(schema: Schema, config: Mapping[str, Any]) -> list[Complaint]:
    """Return what the schema finds wrong with `config`, defaults filled in; paths are below it."""
    errors = _validator(schema).iter_errors(with_defaults(schema, config))
    try:
        found = [each for error in errors for each in _complaints(error)]
    except RecursionError:
        message = "the parameters of its task type refer to themselves without end"
        return [Complaint(path=(), message=message, fix="correct the $ref of the task type")]
    return list({(each.path, each.message): each for each in found}.values())


def _validator(schema: Schema) -> Draft202012Validator:
    from jsonschema import Draft202012Validator  # noqa: PLC0415
    from referencing import Registry  # noqa: PLC0415

    # An empty registry: the library would otherwise fetch what a $ref names.
    return Draft202012Validator(schema, registry=Registry())


def _complaints(error: ValidationError) -> Iterator[Complaint]:
    path = tuple(error.absolute_path)
    about: Schema = error.schema if isinstance(error.schema, dict) else {}
    if error.validator == "additionalProperties" and isinstance(error.instance, dict):
        known = list(properties_of(about))
        for name in error.instance:
            if name not in known:
                yield _unknown((*path, name), known)
    elif error.validator == "required":
        for name in error.validator_value:
            if name not in error.instance:
                message = f"the parameter {name} is missing"
                yield Complaint(path=path, message=message, fix=_add(name, about))
    else:
        yield Complaint(path=path, message=_message(error), fix=_fix(about))


def _unknown(path: tuple[str | int, ...], known: list[str]) -> Complaint:
    name = str(path[-1])
    match = nearest(name, known)
    fix = f"write {match}, or remove it" if match else f"remove it; there are: {', '.join(known)}"
    message = f"unknown parameter {quoted(name)}{did_you_mean(name, known)}"
    return Complaint(path=path, message=message, fix=fix, on_key=True, about_parent=True)


def _add(name: str, about: Schema) -> str:
    described = properties_of(about).get(name, {})
    example = next(iter(described.get("examples", [])), "...")
    shown = example if isinstance(example, str) else json.dumps(example, ensure_ascii=False)
    return f"add {name}, as in {name}: {shown}"


def _message(error: ValidationError) -> str:
    if error.validator == "type":
        return f"{_shown(error.instance)} is not {kind_words({'type': error.validator_value})}"
    if error.validator == "enum":
        allowed = [str(each) for each in error.validator_value]
        match = did_you_mean(str(error.instance), allowed)
        return f"{_shown(error.instance)} is none of {', '.join(allowed)}{match}"
    if error.validator in {"anyOf", "oneOf"}:
        return _of_several(error)
    if error.validator == "pattern":
        return f"{_shown(error.instance)} does not fit the pattern {error.validator_value}"
    return str(error.message)


def _of_several(error: ValidationError) -> str:
    """Return what is wrong where one of several schemas has to fit."""
    wanted = [each.get("required", []) for each in error.validator_value]
    if not all(wanted):
        return f"{_shown(error.instance)} is not what this parameter can be"
    given = [each for each in wanted if set(each) <= set(error.instance)]
    names = [" and ".join(each) for each in given or wanted]
    if given:
        return f"{' and '.join(names)} exclude each other"
    return f"one of these is missing: {', '.join(names)}"


def _shown(value: object) -> str:
    """Return a value for a message: text in quotes, numbers and truth values as YAML has them."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else kind_of(value)


def _fix(about: Schema) -> str:
    if "properties" in about:
        return "see: debvisor-timers task show TYPE"
    example = next(iter(about.get("examples", [])), about.get("default"))
    shown = f", as in {json.dumps(example, ensure_ascii=False)}" if example is not None else ""
    text = " ".join(str(about.get("description", "")).split())
    return f"write {kind_words(about)}{shown}{f' ({text})' if text else ''}"

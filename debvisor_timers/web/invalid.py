# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a request by its schema: what, where, and what it may be instead.

The words come from the OpenAPI document, so they promise what the document promises.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from debvisor_timers.web.mending import fix_of

Schema = Mapping[str, Any]
Place = Sequence[str | int]

_LONGEST_QUOTE = 60
_NO_VALUE = {"missing", "extra_forbidden", "json_invalid"}
"""Faults where the value is not what is wrong; one that was not asked for may be a secret."""
_BOUNDS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "greater than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
}
_OR_NULL = ", or null"
_TIME = "a time with its offset, such as 2027-03-01T09:00:00+01:00"


def problems_of(
    document: Schema, operation: Schema, faults: Sequence[Mapping[str, Any]]
) -> list[dict[str, str]]:
    """Return what is wrong, by the faults that pydantic has found.

    document: the OpenAPI document. operation: what it says of the endpoint.
    """
    return [_problem(_Schemas(document), operation, fault) for fault in faults]


def operation_of(document: Schema, path: str, method: str) -> Schema:
    """Return what the document says of an endpoint; nothing for one that it does not have."""
    found: Schema = document.get("paths", {}).get(path, {}).get(method.lower(), {})
    return found


def _problem(schemas: _Schemas, operation: Schema, fault: Mapping[str, Any]) -> dict[str, str]:
    place = tuple(fault["loc"])
    message = str(fault["msg"])
    if fault["type"] == "json_invalid":
        message = f"{message}: {fault['ctx']['error']}"
    value = fault.get("input")
    is_short = isinstance(value, str | int | float) and len(str(value)) <= _LONGEST_QUOTE
    if is_short and fault["type"] not in _NO_VALUE:
        message = f"{value!r}: {message[:1].lower()}{message[1:]}"
    fix = _fix(schemas, operation, fault["type"], place) or fix_of(422)
    return {"key": ".".join(map(str, place)), "message": message, "fix": fix}


def _fix(schemas: _Schemas, operation: Schema, kind: str, place: Place) -> str:
    if kind == "json_invalid":
        return "send JSON, in UTF-8; `key` ends with how many characters of it are good"
    name = str(place[-1])
    if kind == "extra_forbidden":
        known = list(schemas.at(operation, place[:-1]).get("properties", {}))
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}? Else leave" if near else "leave"
        return f"{hint} it out; known are: {', '.join(known)}" if known else "leave it out"
    wanted = schemas.words(schemas.at(operation, place))
    if place[0] != "body":
        wanted = wanted.removesuffix(_OR_NULL)  # which no address and no header can say
    if not wanted:
        return ""
    if tuple(place) == ("body",):
        return f"send JSON, with the header Content-Type: application/json: {wanted}"
    return f"add it: {wanted}" if kind == "missing" else f"give {wanted}"


class _Schemas:
    """The schemas of a document: looked up by place, and told in words."""

    def __init__(self, document: Schema) -> None:
        self._known: Schema = document.get("components", {}).get("schemas", {})

    def at(self, operation: Schema, place: Place) -> Schema:
        """Return what may stand at a place of a request; nothing where nobody says."""
        first, *rest = place
        if first == "body":
            content = operation.get("requestBody", {}).get("content", {})
            found: Schema = content.get("application/json", {}).get("schema", {})
        else:
            name, *rest = rest or [""]
            found = next(
                (
                    each["schema"]
                    for each in operation.get("parameters", ())
                    if (each["in"], each["name"].lower()) == (first, str(name).lower())
                ),
                {},
            )
        for step in rest:
            found = self._below(found, step)
        return self._plain(found)

    def words(self, schema: Schema) -> str:
        """Return what a value has to be; empty where anything is good, or nobody says."""
        schema = self._plain(schema)
        choices = [each for each in _choices(schema) if each.get("type") != "null"]
        if "discriminator" in schema:
            told = _tagged(schema["discriminator"])
        elif choices:
            told = " or ".join(filter(None, map(self.words, choices)))
        else:
            told = self._of_kind(schema)
        if told and len(choices) < len(_choices(schema)):
            told += _OR_NULL
        examples = schema.get("examples") or []
        return f"{told}, such as {examples[0]!r}" if told and examples else told

    def _of_kind(self, schema: Schema) -> str:
        if "enum" in schema or "const" in schema:
            values = schema.get("enum") or [schema["const"]]
            return f"one of: {', '.join(map(str, values))}" if len(values) > 1 else f"{values[0]}"
        if schema.get("type") == "array":
            each = self.words(schema.get("items", {}))
            least = schema.get("minItems", 0)
            several = f"a list of {least} or more" if least else "a list"
            return f"{several}, in which each is {each}" if each else several
        words = _WORDS.get(str(schema.get("type")))
        return words(schema) if words else ""

    def _below(self, schema: Schema, step: str | int) -> Schema:
        schema = self._plain(schema)
        tagged = schema.get("discriminator", {}).get("mapping", {})
        if step in tagged:
            return {"$ref": tagged[step]}
        for each in _choices(schema):
            found = self._below(each, step)
            if found:
                return found
        if isinstance(step, int):
            return _mapping(schema.get("items"))
        return _mapping(schema.get("properties", {}).get(step, schema.get("additionalProperties")))

    def _plain(self, schema: Schema) -> Schema:
        """Return the schema that a reference means."""
        while "$ref" in schema:
            schema = self._known.get(str(schema["$ref"]).rpartition("/")[2], {})
        return schema


def _choices(schema: Schema) -> Sequence[Schema]:
    found: Sequence[Schema] = schema.get("anyOf") or schema.get("oneOf") or ()
    return found


def _mapping(schema: object) -> Schema:
    return schema if isinstance(schema, Mapping) else {}


def _tagged(tag: Schema) -> str:
    kinds = ", ".join(tag.get("mapping", {}))
    return f"an object of JSON whose {tag['propertyName']} is one of: {kinds}"


def _number(noun: str, schema: Schema) -> str:
    if "minimum" in schema and "maximum" in schema:
        return f"{noun} from {_figure(schema['minimum'])} to {_figure(schema['maximum'])}"
    bounds = [words.format(_figure(schema[key])) for key, words in _BOUNDS.items() if key in schema]
    return " ".join([noun, " and ".join(bounds)]).strip()


def _figure(number: float) -> str:
    return f"{number:,.0f}" if float(number).is_integer() else str(number)


def _text(schema: Schema) -> str:
    if schema.get("format") == "date-time":
        return _TIME
    if "pattern" in schema:
        return f"text that fits {schema['pattern']}"
    least, most = schema.get("minLength", 0), schema.get("maxLength")
    if most is None:
        return f"text of {least} characters or more" if least else "text"
    return f"text of {least} to {most:,} characters" if least else f"at most {most:,} characters"


def _object(schema: Schema) -> str:
    names = list(schema.get("properties", {}))
    if not names:
        return "an object of JSON"
    required = schema.get("required") or []
    must = f", with {', '.join(required)} among them" if required else ""
    return f"an object of JSON with some of these: {', '.join(names)}{must}"


_WORDS: Mapping[str, Callable[[Schema], str]] = {
    "integer": lambda schema: _number("a whole number", schema),
    "number": lambda schema: _number("a number", schema),
    "boolean": lambda _schema: "true or false",
    "string": _text,
    "object": _object,
}
"""What a value of each type of JSON has to be."""

# SPDX-License-Identifier: Apache-2.0
"""The page of the REST API: what it takes and answers, and a form to try each call."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from debvisor_timers.operations.access.roles import Role
from debvisor_timers.web.access import needs
from debvisor_timers.web.pages.rendering import page
from debvisor_timers.web.principal import Principal

router = APIRouter()

_METHODS = ("get", "post", "put", "patch", "delete")
_JSON = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A parameter, or a field of a body or an answer. place: path, query, header, body, data."""

    name: str
    place: str
    kind: str
    is_required: bool
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One operation, as the page shows it. body: an example, empty for none."""

    id: str
    method: str
    path: str
    summary: str
    words: str
    role: str
    parameters: Sequence[Field]
    fields: Sequence[Field]
    body: str
    answers: Sequence[tuple[str, str]]
    data: Sequence[Field]


@dataclass(frozen=True, slots=True, kw_only=True)
class Theme:
    """Operations that belong together."""

    name: str
    calls: Sequence[Call]


@router.get("/api/v1/docs")
async def api(request: Request, who: Annotated[Principal, Depends(needs(Role.VIEWER))]) -> Response:
    """Return the page of the API; what it shows is made once."""
    state = request.app.state
    if not hasattr(state, "themes"):
        state.themes = themes(request.app.openapi())
    return page(request, "api.html.j2", who, themes=state.themes)


def themes(document: Mapping[str, Any]) -> Sequence[Theme]:
    """Return all operations of an OpenAPI document, by theme, in its order."""
    found: dict[str, list[Call]] = {}
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                call = _call(method, path, item[method], document)
                name = (item[method].get("tags") or ["other"])[0]
                found.setdefault(name.lower(), []).append(call)
    return [Theme(name=name, calls=calls) for name, calls in found.items()]


def _call(method: str, path: str, said: Mapping[str, Any], document: Mapping[str, Any]) -> Call:
    body = said.get("requestBody", {}).get("content", {}).get(_JSON, {}).get("schema", {})
    fields = list(_fields(body, document, "body"))
    return Call(
        id=said["operationId"],
        method=method.upper(),
        path=path,
        summary=said.get("summary", ""),
        words=said.get("description", ""),
        role=said.get("x-role", ""),
        parameters=[_parameter(each, document) for each in said.get("parameters", ())],
        fields=fields,
        body=json.dumps({field.name: None for field in fields if field.is_required}, indent=2)
        if fields
        else "",
        answers=[(status, one.get("description", "")) for status, one in said["responses"].items()],
        data=list(_data(said["responses"], document)),
    )


def _parameter(said: Mapping[str, Any], document: Mapping[str, Any]) -> Field:
    return Field(
        name=said["name"],
        place=said["in"],
        kind=_kind(said.get("schema", {}), document),
        is_required=bool(said.get("required")),
        words=said.get("description", ""),
    )


def _data(answers: Mapping[str, Any], document: Mapping[str, Any]) -> Iterator[Field]:
    """Yield the fields of what the envelope of the first good answer holds."""
    for status, said in answers.items():
        schema = said.get("content", {}).get(_JSON, {}).get("schema", {})
        if status.startswith("2"):
            whole = _resolved(schema, document).get("properties", {})
            yield from _fields(whole.get("data", {}), document, "data")
            return


def _fields(schema: Mapping[str, Any], document: Mapping[str, Any], place: str) -> Iterator[Field]:
    found = _resolved(schema, document)
    needed = found.get("required", ())
    for name, said in found.get("properties", {}).items():
        yield Field(
            name=name,
            place=place,
            kind=_kind(said, document),
            is_required=name in needed,
            words=said.get("description", ""),
        )


def _resolved(schema: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a schema says itself: behind a reference, or the first of several."""
    for word in ("anyOf", "oneOf", "allOf"):
        if word in schema:
            return _resolved(schema[word][0], document)
    name = schema.get("$ref", "").rpartition("/")[2]
    found: Mapping[str, Any] = document["components"]["schemas"][name] if name else schema
    return found


def _kind(schema: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    """Return a type in words: `text`, `list of Job`, `one of high, low`."""
    several = schema.get("anyOf") or schema.get("oneOf") or ()
    if several:
        return " or ".join(dict.fromkeys(_kind(one, document) for one in several))
    if "$ref" in schema:
        enum = _resolved(schema, document).get("enum")
        return _kind({"enum": enum}, document) if enum else str(schema["$ref"]).rpartition("/")[2]
    if "enum" in schema:
        return f"one of {', '.join(map(str, schema['enum']))}"
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}), document)}"
    words = {"string": "text", "date-time": "time", "boolean": "true or false"}
    kind = str(schema.get("format") or schema.get("const") or schema.get("type") or "any")
    return words.get(kind, kind)

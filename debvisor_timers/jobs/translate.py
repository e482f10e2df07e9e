# SPDX-License-Identifier: Apache-2.0
"""What pydantic reports, in our words: which key, what is wrong with it, how to mend it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from debvisor_timers.jobs.faults import FAULT, did_you_mean, kind_of, nearest, quoted
from debvisor_timers.jobs.field import fields_of, model_in
from debvisor_timers.jobs.scalar import NULL

KEY_MARK = "[key]"
"""How pydantic says that a key of a mapping is wrong, not its value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """A wrong value in a tree of values, before it has a place in a file.

    path: the keys and indexes that lead to it.
    on_key: the key itself is wrong, or something under it is missing.
    about_parent: the message names the key itself, so that what is above it is the subject.
    start, length: which characters of the value are wrong; a length of 0 means all of it.
    """

    path: tuple[str | int, ...]
    message: str
    fix: str = ""
    on_key: bool = False
    about_parent: bool = False
    start: int = 0
    length: int = 0


def complaints_of(error: ValidationError, model: type[BaseModel]) -> list[Complaint]:
    """Return every fault that `error` carries; `model` tells which keys there are."""
    details = error.errors(include_url=False)
    return [_complaint(detail, model) for detail in details]


def complaint_of(error: PydanticCustomError, path: tuple[str | int, ...] = ()) -> Complaint:
    """Return the fault that one of our own checks raised."""
    return _own(path, error.context or {})


def _complaint(detail: ErrorDetails, model: type[BaseModel]) -> Complaint:
    path = detail["loc"]
    if path and path[-1] == KEY_MARK:
        return _of_key(path[:-1], detail)
    if detail["input"] is NULL and detail["type"] != "extra_forbidden":
        fix = "give it a value, or remove the key"
        return Complaint(path=path, message="has no value", fix=fix, on_key=True)
    if detail["type"] == FAULT:
        return _own(path, detail.get("ctx", {}))
    if detail["type"] == "extra_forbidden":
        return unknown_key(path, keys_at(model, path[:-1]))
    if detail["type"] == "missing":
        fix = f"add {path[-1]}"
        return Complaint(path=path[:-1], message=f"the key {path[-1]} is missing", fix=fix)
    return _wrong_type(path, detail)


def _of_key(path: tuple[str | int, ...], detail: ErrorDetails) -> Complaint:
    context = detail.get("ctx", {})
    message = str(context.get("message", detail["msg"]))
    fix = str(context.get("fix", ""))
    return Complaint(path=path, message=message, fix=fix, on_key=True, about_parent=True)


def _own(path: tuple[str | int, ...], context: Mapping[str, Any]) -> Complaint:
    return Complaint(
        path=path,
        message=str(context["message"]),
        fix=str(context["fix"]),
        on_key=not path,
        start=int(context["start"]),
        length=int(context["length"]),
    )


def unknown_key(path: tuple[str | int, ...], known: Iterable[str]) -> Complaint:
    """Return the complaint on a key that is none of `known`."""
    known = list(known)
    name = str(path[-1])
    match = nearest(name, known)
    fix = f"write {match}, or remove it" if match else f"remove it; known keys: {_some(known)}"
    message = f"unknown key {quoted(name)}{did_you_mean(name, known)}"
    return Complaint(path=path, message=message, fix=fix, on_key=True, about_parent=True)


def _some(known: list[str]) -> str:
    return ", ".join(known) if len(known) <= 8 else "see debvisor-timers explain"


def keys_at(model: type[BaseModel], path: Iterable[str | int]) -> list[str]:
    """Return the keys of the mapping at `path` below `model`; empty where the names are free."""
    here: type[BaseModel] | None = model
    for step in path:
        if here is None:
            return []
        if isinstance(step, str):
            field = fields_of(here).get(step)
            here = None if field is None else model_in(field.annotation)
    return [name for name, field in fields_of(here).items() if field.description] if here else []


def _wrong_type(path: tuple[str | int, ...], detail: ErrorDetails) -> Complaint:
    value = detail["input"]
    if detail["type"] == "enum":
        return _not_in_set(path, value, detail)
    say = _TYPES.get(detail["type"])
    if say is None:
        return Complaint(path=path, message=detail["msg"])
    message, fix = say(value)
    return Complaint(path=path, message=message, fix=fix)


def _not_in_set(path: tuple[str | int, ...], value: object, detail: ErrorDetails) -> Complaint:
    expected = str(detail.get("ctx", {}).get("expected", ""))
    words = [word.strip("'") for part in expected.split(", ") for word in part.split(" or ")]
    match = did_you_mean(value, words) if isinstance(value, str) else ""
    return Complaint(
        path=path,
        message=f"{kind_of(value)} is not one of {', '.join(words)}{match}",
        fix=f"write one of {', '.join(words)}",
    )


def _not_text(value: object) -> tuple[str, str]:
    return f"{kind_of(value)} is not text", "write one text, in quotes if it has special characters"


def _not_mapping(value: object) -> tuple[str, str]:
    return f"{kind_of(value)} is not a mapping", "write keys with values: {key: value}"


def _not_list(value: object) -> tuple[str, str]:
    return f"{kind_of(value)} is not a list", "write a list: [one, two]"


_TYPES: Mapping[str, Callable[[object], tuple[str, str]]] = {
    "string_type": _not_text,
    "dict_type": _not_mapping,
    "model_type": _not_mapping,
    "tuple_type": _not_list,
}

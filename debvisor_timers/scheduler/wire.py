# SPDX-License-Identifier: Apache-2.0
"""Values as JSON and back, between the agent and who asks it.

A value that JSON has nothing for becomes an object whose member `@` says what it is:
`{"@": "datetime", "value": "2026-11-27T02:00:00+00:00"}`, or the class of ours that it is of, with
its fields.
"""

from __future__ import annotations

import base64
import importlib
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import Any

KIND = "@"
_OURS = "debvisor_timers."
_WAYS: Mapping[str, tuple[type, Callable[[Any], object], Callable[[Any], object]]] = {
    "datetime": (datetime, datetime.isoformat, datetime.fromisoformat),
    "duration": (timedelta, timedelta.total_seconds, lambda value: timedelta(seconds=value)),
    "path": (Path, str, Path),
    "bytes": (bytes, lambda value: base64.b64encode(value).decode(), base64.b64decode),
}
"""Leaves: their type, how they are written, how they are read."""


def encode(value: object) -> Any:
    """Return a value as JSON has it. Raises TypeError for what is no value of ours."""
    if isinstance(value, Enum):
        return {KIND: _name(type(value)), "value": value.value}
    if value is None or isinstance(value, str | int | float):
        return value
    for kind, (type_, write, _) in _WAYS.items():
        if isinstance(value, type_):
            return {KIND: kind, "value": write(value)}
    if is_dataclass(value) and not isinstance(value, type):
        own = {field.name: encode(getattr(value, field.name)) for field in fields(value)}
        return {KIND: _name(type(value)), **own}
    return _encode_several(value)


def _encode_several(value: object) -> Any:
    if isinstance(value, Mapping):
        return {KIND: "map", "items": [[encode(key), encode(one)] for key, one in value.items()]}
    if isinstance(value, AbstractSet):
        return {KIND: "set", "items": [encode(each) for each in sorted(value)]}
    if isinstance(value, Sequence):
        return [encode(each) for each in value]
    raise TypeError(f"{type(value).__name__} is no value that can be sent")


def decode(document: Any) -> Any:
    """Return the value that `encode` has written; lists as tuples.

    Classes that are not of this package are none. Raises ValueError for what was not written so.
    """
    if isinstance(document, list):
        return tuple(map(decode, document))
    if not isinstance(document, dict):
        return document
    members = dict(document)
    return _decode_object(members.pop(KIND, None), members)


def _decode_object(kind: Any, members: Mapping[str, Any]) -> Any:
    if kind == "map":
        return MappingProxyType({decode(key): decode(one) for key, one in members["items"]})
    if kind == "set":
        return frozenset(map(decode, members["items"]))
    if kind in _WAYS:
        return _WAYS[kind][2](members["value"])
    type_ = _class(str(kind))
    if issubclass(type_, Enum):
        return type_(members["value"])
    return type_(**{name: decode(value) for name, value in members.items()})


def _name(type_: type) -> str:
    return f"{type_.__module__.removeprefix(_OURS)}.{type_.__qualname__}"


def _class(name: str) -> Any:
    module, _, own = name.rpartition(".")
    try:
        found = getattr(importlib.import_module(_OURS + module), own)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"{name!r} is no class of ours") from error
    if not (isinstance(found, type) and (is_dataclass(found) or issubclass(found, Enum))):
        raise ValueError(f"{name!r} is no class of values")
    return found

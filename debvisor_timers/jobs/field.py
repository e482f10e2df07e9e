# SPDX-License-Identifier: Apache-2.0
"""How a key is declared: the default, and what people and editors are told about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, get_args

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler
from pydantic.fields import FieldInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

REQUIRED: Final[Any] = ...
"""The default of a key that must be there."""

SINCE = "0.1"


@dataclass(frozen=True, slots=True)
class Shown:
    """How a type is shown; stands among the annotations of the type.

    name: what people call it.
    schema: JSON Schema for editors; empty where pydantic's own is right.
    """

    name: str
    schema: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Return a copy of the schema: pydantic adds the key's own words to what it is given."""
        return dict(self.schema) or handler(core_schema)


def key(  # noqa: PLR0913 - the row of a table: each column is named where it is written
    default: Any,
    *,
    help: str,  # noqa: A002 - the word that `explain` and the man page show
    example: object,
    directive: str = "",
    since: str = SINCE,
    shown_default: str | None = None,
    alias: str | None = None,
    beside: Mapping[str, object] | None = None,
) -> Any:
    """Return the pydantic field of a key, with its row in the table of keys.

    default: REQUIRED, or the value of a job that lacks the key.
    help: one or more sentences for people; the first says what the key does.
    example: a value as YAML would hold it (text, number, list, mapping).
    directive: what it becomes in a unit, such as `TimeoutStartSec=`; may name several.
    shown_default: how the default is told, where its value says too little.
    alias: the name in YAML, where it cannot be one in Python.
    beside: keys that the example needs beside this one, with their values.
    """
    extra: Mapping[str, Any] = {
        "x-directive": directive,
        "x-since": since,
        "x-default": shown_default,
        "x-beside": beside,
    }
    told: dict[str, Any] = {
        "description": help,
        "examples": [example],
        "json_schema_extra": dict(extra),
        "alias": alias,
    }
    if isinstance(default, BaseModel):
        # Frozen, so all may share it; pydantic would copy it for each job.
        return Field(default_factory=lambda: default, **told)
    if default == {}:
        return Field(default_factory=dict, **told)  # pydantic would copy it deeply
    return Field(default, **told)


def fields_of(model: type[BaseModel]) -> Mapping[str, FieldInfo]:
    """Return the fields of `model` by their names in YAML, those that are no keys among them."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


class Model(BaseModel):
    """The base of all models: frozen, no unknown keys."""

    # A model is made ready when it is first used: most are only ever parts of others, and a default
    # is made by model_construct().
    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=False, defer_build=True)


def model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the model that values of a type are, or that its items are; None where it is none."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(model_in, get_args(annotation))), None)

# SPDX-License-Identifier: Apache-2.0
"""The guide's envelope, and the problem (RFC 9457) that stands in it where something is wrong."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import BaseModel, Field

T = TypeVar("T")

Url = Annotated[str, Field(json_schema_extra={"format": "uri-reference"})]


class Envelope(BaseModel, Generic[T]):
    """What every answer is wrapped in."""

    status: Literal["success"]
    data: T
    timestamp: datetime


class FileProblem(BaseModel):
    """What is wrong at a place of a file, or with a field of the request."""

    key: str
    message: str
    file: str | None = None
    line: int | None = None
    column: int | None = None
    severity: Literal["error", "warning"] | None = None
    fix: str | None = None


class ProblemDetails(BaseModel):
    """Problem details by RFC 9457; `fix` says how to mend it, `error` names it for programs."""

    type: Url
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str
    instance: Url | None = None
    fix: Annotated[str, Field(min_length=1)]
    error: str | None = None
    problems: list[FileProblem] | None = None


class ErrorEnvelope(BaseModel):
    """What is wrong."""

    status: Literal["error"]
    data: None
    error: ProblemDetails
    timestamp: datetime

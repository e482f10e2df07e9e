# SPDX-License-Identifier: Apache-2.0
"""Parameters that several routes have."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated

from fastapi import Path, Query

from debvisor_timers.errors import UsageError
from debvisor_timers.web.backend import Backend
from debvisor_timers.web.questions import timestamp

JobText = Annotated[
    str, Path(min_length=1, max_length=200, description="An id, how one begins, or a name.")
]
RunText = Annotated[
    str, Path(min_length=1, max_length=64, description="The id of a run, or how it begins.")
]
Tags = Annotated[list[str], Query(description="NAME=VALUE; each must be there.")]
Time = Annotated[
    str,
    Query(
        max_length=100,
        description="A time: ISO 8601, or as systemd.time(7) has it: yesterday, -3h.",
    ),
]


_SPACE_FOR_PLUS = re.compile(r"(T\S+) (\d\d:?\d\d)$")


def tags_of(texts: Sequence[str]) -> Mapping[str, str]:
    """Return tags by their names. Raises UsageError for a text without `=`."""
    pairs = [text.partition("=") for text in texts]
    for text, (name, sign, _) in zip(texts, pairs, strict=True):
        if not (name and sign):
            raise UsageError(f"{text!r} is no tag", fix="write it as NAME=VALUE")
    return {name: value for name, _, value in pairs}


async def moment(backend: Backend, text: str) -> datetime | None:
    """Return the instant that a text names; None for an empty one. Raises UsageError."""
    if not text:
        return None
    try:
        # In a query a + that was not escaped is a space.
        at = datetime.fromisoformat(_SPACE_FOR_PLUS.sub(r"\1+\2", text))
    except ValueError:
        at = None
    if at is not None and at.tzinfo is not None:
        return at
    return await backend.read(timestamp, text)

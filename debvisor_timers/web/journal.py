# SPDX-License-Identifier: Apache-2.0
"""The journal, followed by one journalctl for the whole server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from debvisor_timers.history.records import JournalRecord
from debvisor_timers.operations.runs.log_lines import LogLine, follow_command, line_of

_LONGEST = 16 * 1024 * 1024
"""Bytes of a record as JSON, which no line of a job comes near."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


async def followed() -> AsyncGenerator[LogLine, None]:
    """Yield the newest line, then each that comes, until the generator is closed."""
    process = await asyncio.create_subprocess_exec(
        *follow_command(),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        limit=_LONGEST,
    )
    try:
        while process.stdout is not None and (text := await process.stdout.readline()):
            with suppress(ValueError):
                yield line_of(_record(json.loads(text)))
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _record(said: Mapping[str, Any]) -> JournalRecord:
    usec = int(said["__REALTIME_TIMESTAMP"])
    return JournalRecord(
        cursor=str(said["__CURSOR"]),
        realtime=_EPOCH + timedelta(microseconds=usec),
        boot_id="",
        fields={name: _texts(value) for name, value in said.items() if name[:2] != "__"},
    )


def _texts(value: Any) -> tuple[str, ...]:
    """Return the values of a field: a text, its bytes as numbers, or several of these."""
    if isinstance(value, list) and all(isinstance(each, int) for each in value):
        return (bytes(value).decode("utf-8", "replace"),)
    if isinstance(value, list):
        return tuple(text for each in value for text in _texts(each))
    return ("" if value is None else str(value),)

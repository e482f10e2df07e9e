# SPDX-License-Identifier: Apache-2.0
"""How runs look: in words, and in JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator

from debvisor_timers.cli.output import printable
from debvisor_timers.operations.runs.words import result_words, trigger_words

__all__ = ["result_words", "task_result_lines", "trigger_words"]

_MOST_LINES = 40
"""Of the result of a task."""


def task_result_lines(text: str) -> list[str]:
    """Return the result of a task for people, a line for each name."""
    from debvisor_timers.history.document import task_result_of

    result = task_result_of(text)
    lines = list(_named("", result)) if isinstance(result, dict) else []
    more = len(lines) - _MOST_LINES
    return [
        *lines[:_MOST_LINES],
        *([f"and {more} more: --json shows them all"] if more > 0 else []),
    ]


def _named(name: str, value: object) -> Iterator[str]:
    if isinstance(value, dict) and value:
        for key, each in value.items():
            yield from _named(f"{name}.{key}" if name else str(key), each)
    else:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        yield printable(f"{name}: {text}")  # the job's user decides what is in it

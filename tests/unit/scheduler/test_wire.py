# SPDX-License-Identifier: Apache-2.0
"""Values that go to the agent's callers and come back as they were."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from debvisor_timers.operations.applying.plan import Change
from debvisor_timers.scheduler.wire import decode, encode
from debvisor_timers.source import Problem, Span

NOON = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        5,
        2.5,
        "text \x00 with ü",
        b"\xff\x00",
        NOON,
        timedelta(minutes=5),
        Path("/etc/debvisor"),
        Change.CREATE,
        frozenset({"a", "b"}),
        ("a", ("b", None)),
        {"a": 1, "@": "datetime"},
        {Path("/a"): NOON},
        Problem(span=Span(file=Path("/a.yaml"), line=3, column=4), message="wrong"),
    ],
)
def test_a_value_comes_back_as_it_was(value: object) -> None:
    found = decode(json.loads(json.dumps(encode(value))))

    assert found == value
    assert type(found) is type(value) or isinstance(value, dict)


def test_what_is_no_value_cannot_be_sent() -> None:
    with pytest.raises(TypeError, match="object is no value"):
        encode(object())


@pytest.mark.parametrize(
    "document",
    [
        {"@": "os.system", "command": "id"},
        {"@": "scheduler.Scheduler"},
        {"@": "cli.main.main"},
        {"@": "nothing.at.all"},
        {"no": "kind"},
    ],
)
def test_nothing_but_values_of_ours_is_made(document: Any) -> None:
    with pytest.raises(ValueError, match="no class of"):
        decode(document)

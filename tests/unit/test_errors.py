# SPDX-License-Identifier: Apache-2.0
"""Errors go from one process to another as they are."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from debvisor_timers.errors import (
    DebvisorTimersError,
    DefinitionError,
    NotFoundError,
    ScheduleError,
    SystemdError,
    UnreachableError,
)
from debvisor_timers.source import Problem, Span


@pytest.mark.parametrize(
    "error",
    [
        NotFoundError("there is no job 'a'", fix="see: debvisor-timers list"),
        ScheduleError("hour 25 is outside 0-23", fix="use 0 to 23", start=2, length=2),
        SystemdError("no", dbus_name="org.freedesktop.DBus.Error.AccessDenied"),
        UnreachableError("nobody is there"),
        DefinitionError([Problem(span=Span(file=Path("a.yaml"), line=3, column=7), message="no")]),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_copy_of_an_error_is_the_same(error: DebvisorTimersError) -> None:
    copy = pickle.loads(pickle.dumps(error))

    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)

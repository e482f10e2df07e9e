# SPDX-License-Identifier: Apache-2.0
"""The manual page of the Python API has every name that a program can use, and no other."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterable

import pytest

import debvisor_timers
from debvisor_timers import JobExecutionResult, JobScheduler, ScheduledJob, errors
from debvisor_timers.scheduler.keys import JobFields
from tests.documents import ROOT

PAGE = (ROOT / "docs" / "debvisor-timers.3.scd").read_text(encoding="utf-8")
PLAIN = PAGE.replace("\\", "")
ERRORS = [
    kind
    for kind in vars(errors).values()
    if inspect.isclass(kind) and issubclass(kind, errors.DebvisorTimersError)
]


def described(names: Iterable[str]) -> list[str]:
    """Return those of `names` that the page does not have as a word in * or _."""
    words = set(re.findall(r"[*_]([A-Za-z][A-Za-z_]*?)[*_](?=\W|$)", PLAIN))
    return sorted(set(names) - words)


def test_the_page_has_every_name_of_the_package() -> None:
    assert described(set(debvisor_timers.__all__) - {"__version__", "Scheduler"}) == []


def test_the_page_has_every_call_of_the_guide() -> None:
    own = {name for name in vars(JobScheduler) if not name.startswith("_")}

    assert described(own - {"counts", "workers"}) == []


def test_the_page_has_every_argument_of_a_job() -> None:
    assert described(JobFields.__optional_keys__) == []


@pytest.mark.parametrize("kind", [ScheduledJob, JobExecutionResult])
def test_the_page_has_every_field(kind: type) -> None:
    fields = {field.name for field in dataclasses.fields(kind)}
    properties = {name for name, value in vars(kind).items() if isinstance(value, property)}

    assert described(name for name in fields | properties if not name.startswith("_")) == []


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_the_page_has_every_error_with_its_exit_status(
    kind: type[errors.DebvisorTimersError],
) -> None:
    code = "" if kind is errors.DebvisorTimersError else f" ({int(kind.exit_code)})"

    assert re.search(rf"\*{kind.__name__}\*{re.escape(code)}(,|$)", PAGE, re.MULTILINE)

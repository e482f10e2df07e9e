# SPDX-License-Identifier: Apache-2.0
"""The page of a job."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from debvisor_timers.history.trend import TrendKind
from debvisor_timers.operations.access.roles import Role
from debvisor_timers.operations.past.trend_words import unusual_words
from debvisor_timers.operations.times import span
from debvisor_timers.web.access import needs
from debvisor_timers.web.backend import BackendOf
from debvisor_timers.web.pages.cards import card
from debvisor_timers.web.pages.job_read import JobFacts, Numbers, read_job
from debvisor_timers.web.pages.job_view import around, coming, keys, length, run_row
from debvisor_timers.web.pages.rendering import page
from debvisor_timers.web.principal import Principal

router = APIRouter()

_ODD = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A number in large letters: what it is, and a word about it. moment: instead of `value`."""

    title: str
    value: str
    about: str = ""
    tone: str = ""


@router.get("/jobs/{job_id}")
async def job(
    request: Request,
    job_id: str,
    who: Annotated[Principal, Depends(needs(Role.VIEWER))],
    backend: BackendOf,
) -> Response:
    """Return the page of a job, or the part of it that goes on while it is looked at."""
    text = request.query_params.get("page", "1")
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else 1
    facts = await backend.read(read_job, job_id, max(number, 1))
    row = facts.details.row
    template = "runs.html.j2" if request.query_params.get("part") == "runs" else "job.html.j2"
    newest = facts.numbers.newest if facts.numbers else ()
    return page(
        request,
        template,
        who,
        facts=facts,
        card=card(row, newest),
        job=row.job,
        figures=list(_figures(facts)),
        around=around(facts),
        coming=coming(facts),
        keys=list(keys(facts)),
        runs=[run_row(run) for run in facts.runs],
        number=max(number, 1),
        odd=[
            (one, unusual_words(one))
            for one in (_numbers(facts).unusual[:_ODD] if facts.numbers else ())
        ],
    )


def _numbers(facts: JobFacts) -> Numbers:
    assert facts.numbers is not None  # noqa: S101 - for mypy: who calls has asked
    return facts.numbers


def _figures(facts: JobFacts) -> Iterator[Fact]:
    """Yield what the runs come to."""
    numbers = facts.numbers
    if numbers is None or not numbers.statistics.total:
        return
    found = numbers.statistics
    if found.success_rate is not None:
        rate = found.success_rate * 100
        words = f"{found.succeeded} of {found.succeeded + found.failed} runs"
        is_worse = numbers.failures.kind is TrendKind.GROWING
        yield Fact(
            title="Succeeded",
            value=f"{rate:.1f} %".replace(".0 ", " "),
            about=f"{words}; fails more often" if is_worse else words,
            tone="bad" if is_worse else "",
        )
    if found.durations is not None:
        about = f"95 of 100 within {length(found.durations.p95)}"
        yield Fact(title="Takes", value=length(found.durations.median), about=about)
    if found.retried:
        runs = "1 run" if found.retried == 1 else f"{found.retried} runs"
        yield Fact(title="Retried", value=runs, about=f"{found.further_attempts} further attempts")
    if found.streak is not None and not found.streak.succeeded:
        runs = "1 run" if found.streak.length == 1 else f"{found.streak.length} runs"
        yield Fact(title="Failing for", value=runs, about="in a row", tone="bad")
    elif found.waits:
        waited = span(None) if not found.waits else length(found.waited / found.waits)
        yield Fact(title="Waits", value=waited, about=f"for others, in {found.waits} runs")

# SPDX-License-Identifier: Apache-2.0
"""The page of a job."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from debvisor_timers.history.trend import TrendKind
from debvisor_timers.operations.access.roles import Role
from debvisor_timers.operations.past.trend_words import unusual_words
from debvisor_timers.operations.times import span
from debvisor_timers.web.access import needs
from debvisor_timers.web.backend import BackendOf, JobsSnapshot
from debvisor_timers.web.pages.cards import card
from debvisor_timers.web.pages.job_read import JobFacts, read_job
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
    """Return the page of a job; 304 to a script that has it, while nothing has happened to it."""
    etag = _etag(await backend.jobs(), job_id, who)
    is_asked = request.query_params.get("part") == "live"
    if is_asked and request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers={"ETag": etag})
    text = request.query_params.get("page", "1")
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else 1
    facts = await backend.read(read_job, job_id, max(number, 1))
    newest = facts.numbers.newest if facts.numbers else ()
    unusual = facts.numbers.unusual[:_ODD] if facts.numbers else ()
    answer = page(
        request,
        "job.html.j2",
        who,
        facts=facts,
        card=card(facts.details.row, newest),
        job=facts.details.row.job,
        figures=list(_figures(facts)),
        around=around(facts),
        coming=coming(facts),
        keys=list(keys(facts)),
        runs=[run_row(run) for run in facts.runs],
        number=max(number, 1),
        odd=[(one, unusual_words(one)) for one in unusual],
        etag=etag,
    )
    answer.headers["ETag"] = etag
    answer.headers["Cache-Control"] = "no-cache"
    return answer


def _etag(snapshot: JobsSnapshot, job_id: str, who: Principal) -> str:
    """Return what changes when a job does something, or is applied anew."""
    row = next((each for each in snapshot.jobs.rows if each.job_id == job_id), None)
    return f'"{sha256(f"{row!r} {who.role}".encode()).hexdigest()[:20]}"'


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

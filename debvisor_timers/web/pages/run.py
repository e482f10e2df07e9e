# SPDX-License-Identifier: Apache-2.0
"""The page of a run: how it went, its attempts, and what it printed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from debvisor_timers.history.attempt import Attempt
from debvisor_timers.history.document import task_result_of
from debvisor_timers.history.outcome import FAILURES, UNDER_WAY
from debvisor_timers.history.runs import Run
from debvisor_timers.operations.access.roles import Role
from debvisor_timers.operations.times import span
from debvisor_timers.web.access import needs
from debvisor_timers.web.backend import BackendOf, JobsSnapshot
from debvisor_timers.web.pages.cards import LOOKS
from debvisor_timers.web.pages.job_view import run_row
from debvisor_timers.web.pages.rendering import page
from debvisor_timers.web.pages.run_read import STREAMS, read_run
from debvisor_timers.web.principal import Principal

router = APIRouter()


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """An attempt; pause: how long after the one before it began."""

    number: int
    tone: str
    sign: str
    words: str
    start: datetime
    took: str
    pause: str


@router.get("/jobs/{job_id}/runs/{run_id}")
async def run(
    request: Request,
    job_id: str,
    run_id: str,
    who: Annotated[Principal, Depends(needs(Role.VIEWER))],
    backend: BackendOf,
) -> Response:
    """Return the page of a run, or its log alone."""
    facts = await backend.read(read_run, job_id, run_id)
    found = facts.run
    template = "log.html.j2" if request.query_params.get("part") == "log" else "run.html.j2"
    answer = page(
        request,
        template,
        who,
        facts=facts,
        run=found,
        row=run_row(found),
        title=title_of(await backend.jobs(), found.job),
        tries=list(_tries(found)),
        keys=list(_keys(found)),
        result=_result(found),
        streams=STREAMS,
        is_running=found.outcome in UNDER_WAY,
        has_failed=found.outcome in FAILURES,
    )
    answer.headers["X-Run-Outcome"] = str(found.outcome)
    return answer


def title_of(snapshot: JobsSnapshot, job_id: str) -> str:
    """Return what people call a job; its id where no file has it any more."""
    for row in snapshot.jobs.rows:
        if row.job_id == job_id and row.job:
            return row.job.title
    return job_id


def _tries(found: Run) -> Iterator[Try]:
    before: Attempt | None = None
    for attempt in found.each_attempt:
        tone, sign = LOOKS[attempt.ending.outcome]
        pause = attempt.start - before.end if before and before.end else None
        yield Try(
            number=attempt.number,
            tone=tone,
            sign=sign,
            words=attempt.ending.words,
            start=attempt.start,
            took=span(attempt.duration) if attempt.duration is not None else "",
            pause=span(pause) if pause else "",
        )
        before = attempt


def _keys(found: Run) -> Iterator[tuple[str, str]]:
    yield "Run", found.id
    if found.scheduled_for is not None and found.scheduled_for != found.start:
        yield "Was due", f"{found.scheduled_for.astimezone():%a %Y-%m-%d %H:%M:%S}"
    if found.retry_of:
        yield "Retry of", found.retry_of
    for name in found.trigger_runs:
        yield "Answers", f"{name.job} {name.id}"
    if found.overlapped:
        yield "Kept off by", found.overlapped
    if found.exit_status is not None:
        yield "Exit status", str(found.exit_status)
    if found.signal:
        yield "Signal", found.signal
    if found.generation is not None:
        yield "Generation", str(found.generation)
    if found.invocation_ids:
        yield "Invocation", found.invocation_ids[-1]


def _result(found: Run) -> str:
    """Return what the handler of a task has returned, as JSON that people can read."""
    if not found.task_result:
        return ""
    return json.dumps(task_result_of(found.task_result), indent=2, ensure_ascii=False)

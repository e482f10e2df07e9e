# SPDX-License-Identifier: Apache-2.0
"""The first page: what needs attention, then all jobs."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from debvisor_timers.history.figures import RunFigures
from debvisor_timers.operations.access.roles import Role
from debvisor_timers.operations.holding.words import maintenance_words
from debvisor_timers.operations.list import JobList, JobRow
from debvisor_timers.operations.times import relative
from debvisor_timers.web.access import needs
from debvisor_timers.web.backend import BackendOf
from debvisor_timers.web.pages.asked import FILTERS, ORDERS, PER_PAGE, Asked, Chosen, choose, owners
from debvisor_timers.web.pages.attention import Alert, Looked, alerts
from debvisor_timers.web.pages.cards import BUSY, Card, card
from debvisor_timers.web.pages.newest import newest_of
from debvisor_timers.web.pages.rendering import page
from debvisor_timers.web.pages.watching import watching_of
from debvisor_timers.web.principal import Principal

router = APIRouter()

_TURN = 15.0
_SHOWN_ALERTS, _MOST_ALERTS = 6, 60
_PARTS = {"": "overview.html.j2", "rows": "rows.html.j2", "attention": "attention.html.j2"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A choice by state: where it leads, and how many jobs it has."""

    words: str
    href: str
    count: int
    tone: str
    is_here: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """All that the template shows."""

    now: datetime
    asked: Asked
    summary: str
    maintenance: str
    alerts: Sequence[Alert]
    kinds: Mapping[str, int]
    is_bad: bool
    calm: str
    owners: Sequence[str]
    filters: Sequence[Filter]
    rows: Sequence[Card]
    total: int
    from_to: str
    pages: int
    before: str
    after: str
    orders: Mapping[str, str]
    is_looking: bool
    shown_alerts: int = _SHOWN_ALERTS
    most_alerts: int = _MOST_ALERTS


@router.get("/")
async def overview(
    request: Request,
    who: Annotated[Principal, Depends(needs(Role.VIEWER))],
    backend: BackendOf,
) -> Response:
    """Return the overview, or a part of it, which a script puts in its place."""
    asked = Asked.read(request.query_params)
    part = request.query_params.get("part", "")
    snapshot = await backend.jobs()
    watching = watching_of(request)
    looked = await watching.look(backend) if part != "rows" else Looked()
    # What is late or slow becomes so by the time alone.
    since = str(int(time.monotonic() / _TURN)) if part != "rows" else ""
    etag = _etag(snapshot.etag, watching.stamp, request.url.query, str(who.role), since)
    if part and request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers={"ETag": etag})
    jobs = snapshot.jobs
    chosen = choose(jobs.rows, asked)
    busy = [row for row in jobs.rows if row.state in BUSY]
    wanted = {row.job_id: row for row in (*chosen.rows, *busy)}
    runs, now = await newest_of(request).runs(backend, wanted.values())
    shown = _overview(jobs, asked, chosen, _Read(runs=runs, now=now, looked=looked))
    answer = page(request, _PARTS.get(part, _PARTS[""]), who, overview=shown)
    answer.headers["ETag"] = etag
    answer.headers["Cache-Control"] = "no-cache"
    return answer


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    runs: Mapping[str, Sequence[RunFigures]]
    now: datetime
    looked: Looked | None


def _overview(jobs: JobList, asked: Asked, chosen: Chosen, read: _Read) -> Overview:
    needing = alerts(jobs, read.looked or Looked(), read.runs, read.now)
    return Overview(
        now=read.now,
        asked=asked,
        summary=_summary(jobs, read.now),
        maintenance=maintenance_words(jobs.maintenance) if jobs.maintenance else "",
        alerts=needing,
        kinds=Counter(each.kind for each in needing),
        is_bad=any(each.tone == "bad" for each in needing),
        calm=_calm(jobs.rows) if read.looked else "Drift and missed runs are still looked for.",
        owners=owners(jobs.rows),
        filters=[
            Filter(
                words=words,
                href=asked.address(show=name),
                count=chosen.counts[name],
                tone=tone,
                is_here=name == asked.show,
            )
            for name, (words, tone, _) in FILTERS.items()
            if name in {"", asked.show} or chosen.counts[name]
        ],
        rows=[card(row, read.runs.get(row.job_id, ())) for row in chosen.rows],
        total=len(jobs.rows),
        from_to=_from_to(chosen),
        pages=chosen.pages,
        before=asked.address(page=chosen.page - 1) if chosen.page > 1 else "",
        after=asked.address(page=chosen.page + 1) if chosen.page < chosen.pages else "",
        orders=ORDERS,
        is_looking=read.looked is None,
    )


def _summary(jobs: JobList, now: datetime) -> str:
    count = len(jobs.rows)
    running = sum(row.state in BUSY for row in jobs.rows)
    coming = [row for row in jobs.rows if row.next_start and not row.skipped]
    following = min(coming, key=lambda row: row.next_start or now, default=None)
    words = ["1 job" if count == 1 else f"{count} jobs", f"{running} running"]
    if following is not None:
        title = following.job.title if following.job else following.job_id
        words.append(f"next: {title} {relative(following.next_start, now=now)}")
    return " · ".join(words)


def _calm(rows: Sequence[JobRow]) -> str:
    ended = sum(row.last is not None for row in rows)
    if not ended:
        return "No job has run yet."
    return "The last run of every job that ran was good, and units are as they were written."


def _from_to(chosen: Chosen) -> str:
    last = min(chosen.first + PER_PAGE, chosen.total)
    return f"{chosen.first + 1 if chosen.total else 0} to {last} of {chosen.total}"


def _etag(*parts: str) -> str:
    return f'"{sha256("|".join(parts).encode()).hexdigest()[:20]}"'

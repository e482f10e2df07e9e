# SPDX-License-Identifier: Apache-2.0
"""What was: runs, one by one and page by page, and their statistics."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from debvisor_timers.history.buckets import Period
from debvisor_timers.operations.access.roles import Role
from debvisor_timers.web import paging
from debvisor_timers.web.access import needs
from debvisor_timers.web.backend import Backend, BackendOf
from debvisor_timers.web.catalogue import CatalogueOf
from debvisor_timers.web.envelope import success
from debvisor_timers.web.openapi import spec, with_header
from debvisor_timers.web.parameters import JobText, RunText, Tags, Time, moment, tags_of
from debvisor_timers.web.principal import Principal
from debvisor_timers.web.questions import PastQuestion, past_runs, run_details, statistics
from debvisor_timers.web.schemas.runs import (
    AllStatistics,
    ExecutionDetails,
    Executions,
    JobStatistics,
)

router = APIRouter(tags=["history"])

Viewer = Annotated[Principal, Depends(needs(Role.VIEWER))]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """Which runs are wanted; times as they were written."""

    since: str
    until: str
    asked: PastQuestion
    cursor: str

    async def question(self, backend: Backend) -> PastQuestion:
        """Return what is asked for; a cursor holds when the first page was made."""
        since, until = await moment(backend, self.since), await moment(backend, self.until)
        offset = 0
        if self.cursor:
            at, place = paging.place_of(self.cursor, float, int)
            until, offset = datetime.fromtimestamp(float(at), UTC), int(place)
        return replace(self.asked, since=since, until=until, offset=offset)


async def _wanted(
    *,
    since: Time = "",
    until: Time = "",
    status: Annotated[
        list[str],
        Query(description="One of these: completed, failed, lost, ..."),
    ] = [],
    trigger: Annotated[
        list[str],
        Query(description="Started by one of these: timer, manual, ..."),
    ] = [],
    limit: paging.Limit = 20,
    cursor: paging.Cursor = "",
) -> _Wanted:
    asked = PastQuestion(statuses=status, triggers=trigger, limit=limit)
    return _Wanted(since=since, until=until, asked=asked, cursor=cursor)


Wanted = Annotated[_Wanted, Depends(_wanted)]
_PAGE = with_header(
    spec(Role.VIEWER, Executions, fails=[404]), 200, Link="The page with older runs."
)


@router.get("/runs", summary="List runs of all jobs", **_PAGE)
async def list_runs(
    request: Request,
    _who: Viewer,
    backend: BackendOf,
    wanted: Wanted,
    tag: Tags = [],
    job: Annotated[
        list[str],
        Query(description="Of these jobs; of all where none is named."),
    ] = [],
    owner: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """Past runs of all jobs, or of some, newest first; with those that are under way."""
    asked = await wanted.question(backend)
    asked = replace(asked, jobs=job, owner=owner, tags=tags_of(tag))
    return await _page(request, backend, asked)


@router.get("/jobs/{job}/history", summary="Get execution history", **_PAGE)
async def job_history(
    request: Request,
    _who: Viewer,
    backend: BackendOf,
    catalogue: CatalogueOf,
    job: JobText,
    wanted: Wanted,
) -> Response:
    """Past runs of a job, newest first; also of one that was deleted."""
    job_id = await catalogue.meant(backend, job)
    asked = replace(await wanted.question(backend), jobs=(job_id,))
    return await _page(request, backend, asked)


_RUN = spec(Role.VIEWER, ExecutionDetails, fails=[404])


@router.get("/jobs/{job}/runs/{run}", summary="Get a run", **_RUN)
@router.get("/jobs/{job}/executions/{run}", summary="Get an execution", **_RUN)
async def get_run(
    _who: Viewer, backend: BackendOf, catalogue: CatalogueOf, job: JobText, run: RunText
) -> Response:
    """One run, with its attempts and the newest lines that it printed."""
    job_id = await catalogue.meant(backend, job)
    return success(await backend.read(run_details, job_id, run))


@router.get(
    "/jobs/{job}/stats",
    summary="Get job statistics",
    **spec(Role.VIEWER, JobStatistics, fails=[404]),
)
async def job_stats(
    _who: Viewer,
    backend: BackendOf,
    catalogue: CatalogueOf,
    job: JobText,
    since: Time = "",
    until: Time = "",
    by: Annotated[Period | None, Query(description="Add each day or week.")] = None,
) -> Response:
    """How a job has run: how often it failed, how long it took, what it used, and trends."""
    job_id = await catalogue.meant(backend, job)
    window = await moment(backend, since), await moment(backend, until)
    (document,), _ = await backend.read(statistics, (job_id,), *window, by)
    return success(document)


@router.get("/stats", summary="Get statistics of all jobs", **spec(Role.VIEWER, AllStatistics))
async def all_stats(
    _who: Viewer, backend: BackendOf, since: Time = "", until: Time = ""
) -> Response:
    """The same of every job that is applied or has runs."""
    window = await moment(backend, since), await moment(backend, until)
    documents, notes = await backend.read(statistics, (), *window, None)
    return success({"jobs": documents, "count": len(documents), "notes": notes})


async def _page(request: Request, backend: Backend, asked: PastQuestion) -> Response:
    page = await backend.read(past_runs, asked)
    following = None
    if page.has_more:
        # What begins while somebody turns pages would move them.
        until = (asked.until or page.at).timestamp()
        cursor = paging.cursor_of(until, asked.offset + asked.limit)
        following = paging.next_link(request, cursor)
    data = {
        "executions": page.runs,
        "count": len(page.runs),
        "next": following,
        "notes": page.notes,
    }
    return success(data, headers=paging.link_header(following))

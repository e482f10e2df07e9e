# SPDX-License-Identifier: Apache-2.0
"""The host as a whole: status, settings, plan and apply, graph, timeline, tasks, audit, metrics."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from debvisor_timers.errors import DefinitionError
from debvisor_timers.history.audit import Verb
from debvisor_timers.operations.access.roles import Role
from debvisor_timers.operations.applying.apply import ApplyOptions
from debvisor_timers.operations.auditing.audit_read import AuditFilter
from debvisor_timers.operations.documents.plans import apply_document
from debvisor_timers.scheduler.guide import JobScheduler
from debvisor_timers.web import paging, questions
from debvisor_timers.web.access import needs
from debvisor_timers.web.backend import BackendOf
from debvisor_timers.web.envelope import failure_of, success
from debvisor_timers.web.openapi import spec, with_content, with_header
from debvisor_timers.web.parameters import Time, moment
from debvisor_timers.web.principal import Principal
from debvisor_timers.web.schemas.host import (
    Applied,
    Audit,
    Graph,
    HostStatus,
    Plan,
    Proof,
    Settings,
    TaskType,
    TaskTypes,
    Timeline,
)
from debvisor_timers.web.schemas.requests import ApplyWish

router = APIRouter(tags=["host"])

Viewer = Annotated[Principal, Depends(needs(Role.VIEWER))]
Editor = Annotated[Principal, Depends(needs(Role.EDITOR))]
_METRICS = "text/plain; version=0.0.4; charset=utf-8"


@router.get("/status", summary="Get what needs attention", **spec(Role.VIEWER, HostStatus))
async def get_status(_who: Viewer, backend: BackendOf) -> Response:
    """Whether all is well: YAML, disk, systemd, what is enabled, failed jobs."""
    return success(await backend.read(questions.status))


@router.get("/config", summary="Get scheduler configuration", **spec(Role.VIEWER, Settings))
async def get_config(_who: Viewer, backend: BackendOf) -> Response:
    """The settings in force: paths, defaults, pools, channels, calendars, handlers; no secrets."""
    return success(await backend.read(questions.settings))


@router.get(
    "/plan", summary="Get what an apply would change", **spec(Role.VIEWER, Plan, fails=[409])
)
async def get_plan(
    who: Viewer,
    backend: BackendOf,
    diff: Annotated[bool, Query(description="With the lines that change.")] = False,  # noqa: FBT002
) -> Response:
    """What files say and systemd has not: jobs that an apply would create, update, remove."""
    try:
        # What was applied is root's: the agent looks.
        return success(await backend.change(who, questions.plan, with_diff=diff))
    except DefinitionError as error:
        return failure_of(error, status=409)  # nothing is wrong with the request


@router.post("/apply", summary="Apply", **spec(Role.EDITOR, Applied))
async def apply(who: Editor, backend: BackendOf, body: ApplyWish | None = None) -> Response:
    """Make the timers of this host what the YAML says: all of it or nothing.

    Where files are wrong, the answer is 409 and names every place.
    """
    try:
        return success(await backend.change(who, _apply, (body or ApplyWish()).model_dump()))
    except DefinitionError as error:
        return failure_of(error, status=409)


@router.get("/graph", summary="Get the graph of jobs", **spec(Role.VIEWER, Graph, fails=[404]))
async def get_graph(
    _who: Viewer,
    backend: BackendOf,
    job: Annotated[str, Query(max_length=200, description="All around this one.")] = "",
) -> Response:
    """Which job depends on which other, and how each ended last."""
    return success(await backend.read(questions.graph, job))


@router.get("/timeline", summary="Get a day or a week", **spec(Role.VIEWER, Timeline, fails=[404]))
async def get_timeline(
    _who: Viewer,
    backend: BackendOf,
    job: Annotated[
        list[str],
        Query(description="Of these jobs; all where none is named."),
    ] = [],
    day: Time = "",
    span: Literal["day", "week"] = "day",
) -> Response:
    """How jobs ran on the day that `day` lies in, or in its week, and how they will."""
    days = 7 if span == "week" else 1
    return success(await backend.read(questions.timeline, job, day, days))


@router.get("/tasks", summary="List task types", **spec(Role.VIEWER, TaskTypes))
async def list_tasks(_who: Viewer, backend: BackendOf) -> Response:
    """The types that a job's task can name: their parameters, and what they do."""
    found = await backend.read(questions.task_types)
    return success({"tasks": found, "count": len(found)})


@router.get("/tasks/{type}", summary="Get a task type", **spec(Role.VIEWER, TaskType, fails=[404]))
async def get_task(
    _who: Viewer,
    backend: BackendOf,
    name: Annotated[str, Path(alias="type", max_length=200)],
) -> Response:
    """One task type, by its name or another name of it."""
    return success(await backend.read(questions.task_type, name))


@router.get(
    "/audit",
    summary="List who changed what",
    **with_header(spec(Role.VIEWER, Audit), 200, Link="The page with older entries."),
)
async def list_audit(
    request: Request,
    _who: Viewer,
    backend: BackendOf,
    job: Annotated[str, Query(max_length=200)] = "",
    who: Annotated[str, Query(max_length=200, description="A user or a token.")] = "",
    verb: Annotated[Verb | None, Query(description="What was asked for.")] = None,
    since: Time = "",
    until: Time = "",
    limit: paging.Limit = 20,
    cursor: paging.Cursor = "",
) -> Response:
    """Who changed what on this host, newest first; refused attempts too."""
    offset, last = 0, await moment(backend, until)
    if cursor:
        at, place = paging.place_of(cursor, float, int)
        offset, last = int(place), datetime.fromtimestamp(float(at), UTC)
    wanted = AuditFilter(
        job=job,
        who=who,
        verb=verb or "",
        since=await moment(backend, since),
        until=last,
        limit=offset + limit + 1,
    )
    found = (await backend.read(questions.audit, wanted))[offset:]
    following = None
    if len(found) > limit:
        begins = (last or datetime.now(UTC)).timestamp()
        following = paging.next_link(request, paging.cursor_of(begins, offset + limit))
    entries = found[:limit]
    data = {"entries": entries, "count": len(entries), "next": following}
    return success(data, headers=paging.link_header(following))


@router.get("/audit/proof", summary="Check the audit", **spec(Role.VIEWER, Proof))
async def get_proof(_who: Viewer, backend: BackendOf) -> Response:
    """Whether nothing of the audit was changed or taken away."""
    return success(await backend.read(questions.proof))


@router.get(
    "/metrics",
    summary="Get metrics",
    response_class=Response,
    **with_content(spec(Role.VIEWER, None), 200, "text/plain", {"type": "string"}),
)
async def get_metrics(_who: Viewer, backend: BackendOf) -> Response:
    """Metrics of all jobs in the text format of Prometheus."""
    return Response(await backend.read(questions.metrics), media_type=_METRICS)


def _apply(scheduler: JobScheduler, wish: dict[str, object]) -> dict[str, object]:
    removes = bool(wish["remove"])
    options = ApplyOptions(
        confirm_removal=lambda _plan: removes,
        allow_empty=bool(wish["allow_empty"]),
        overwrite_edits=bool(wish["overwrite_edits"]),
        expect_generation=wish["expect_generation"],  # type: ignore[arg-type]
    )
    return apply_document(scheduler.apply(options))

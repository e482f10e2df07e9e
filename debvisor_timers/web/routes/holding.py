# SPDX-License-Identifier: Apache-2.0
"""Jobs held back, and let go again."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from debvisor_timers.operations.access.roles import Role
from debvisor_timers.operations.documents.holding import (
    mark_document,
    paused_document,
    resumed_document,
    skipping_document,
)
from debvisor_timers.operations.holding.pause import Wish
from debvisor_timers.operations.holding.selecting import Choice
from debvisor_timers.scheduler.guide import JobScheduler
from debvisor_timers.web.access import needs
from debvisor_timers.web.backend import BackendOf
from debvisor_timers.web.catalogue import CatalogueOf
from debvisor_timers.web.envelope import success
from debvisor_timers.web.openapi import spec
from debvisor_timers.web.parameters import JobText
from debvisor_timers.web.principal import Principal
from debvisor_timers.web.schemas.host import Maintenance
from debvisor_timers.web.schemas.jobs import Paused, Resumed, Skipping
from debvisor_timers.web.schemas.requests import Chosen, PauseWish, SkipWish, Until

router = APIRouter(tags=["holding back"])

Viewer = Annotated[Principal, Depends(needs(Role.VIEWER))]
Operator = Annotated[Principal, Depends(needs(Role.OPERATOR))]
Admin = Annotated[Principal, Depends(needs(Role.ADMIN))]


@router.post("/jobs/{job}/pause", summary="Hold a job back", **spec(Role.OPERATOR, Paused))
async def pause_job(
    who: Operator,
    backend: BackendOf,
    catalogue: CatalogueOf,
    job: JobText,
    body: Until | None = None,
) -> Response:
    """Let neither schedule nor trigger start a job; such runs are skipped. A run goes on."""
    job_id = await catalogue.meant(backend, job)
    wish = _wish(body)
    return success(await backend.change(who, _pause, Choice(jobs=(job_id,)), wish))


@router.post("/jobs/{job}/resume", summary="Let a job start again", **spec(Role.OPERATOR, Resumed))
async def resume_job(
    who: Operator, backend: BackendOf, catalogue: CatalogueOf, job: JobText
) -> Response:
    """Let a job start again by its schedule and triggers; nothing is caught up."""
    job_id = await catalogue.meant(backend, job)
    return success(await backend.change(who, _resume, Choice(jobs=(job_id,))))


@router.post("/pause", summary="Hold jobs back", **spec(Role.OPERATOR, Paused))
async def pause_jobs(who: Operator, backend: BackendOf, body: PauseWish) -> Response:
    """Hold several jobs back: by their ids, by tags, or all."""
    wish = _wish(body)
    return success(await backend.change(who, _pause, _choice(body), wish))


@router.post("/resume", summary="Let jobs start again", **spec(Role.OPERATOR, Resumed))
async def resume_jobs(who: Operator, backend: BackendOf, body: Chosen) -> Response:
    """Let several jobs start again: by their ids, by tags, or all."""
    return success(await backend.change(who, _resume, _choice(body)))


@router.post("/jobs/{job}/skip-next", summary="Skip next runs", **spec(Role.OPERATOR, Skipping))
async def skip_next(
    who: Operator,
    backend: BackendOf,
    catalogue: CatalogueOf,
    job: JobText,
    body: SkipWish | None = None,
) -> Response:
    """Skip the next runs of a job by its schedule; 0 takes it back."""
    job_id = await catalogue.meant(backend, job)
    return success(await backend.change(who, _skip, job_id, (body or SkipWish()).count))


@router.get("/maintenance", summary="Get maintenance", **spec(Role.VIEWER, Maintenance))
async def get_maintenance(_who: Viewer, catalogue: CatalogueOf) -> Response:
    """The maintenance that the host is in: meanwhile its schedules start nothing."""
    return success({"maintenance": mark_document(catalogue.snapshot.jobs.maintenance)})


@router.put("/maintenance", summary="Begin maintenance", **spec(Role.ADMIN, Maintenance))
async def begin_maintenance(who: Admin, backend: BackendOf, body: Until | None = None) -> Response:
    """Let no schedule and no boot start any job of this host."""
    wish = _wish(body)
    return success(await backend.change(who, _begin, wish))


@router.delete("/maintenance", summary="End maintenance", **spec(Role.ADMIN, Maintenance))
async def end_maintenance(who: Admin, backend: BackendOf) -> Response:
    """End it; nothing starts by this."""
    return success(await backend.change(who, _end))


def _wish(body: Until | None) -> Wish:
    """Return until when, and why; a time without an offset is one of this host."""
    if body is None:
        return Wish()
    return Wish(until=body.until and body.until.astimezone(), reason=body.reason)


def _choice(body: Chosen) -> Choice:
    return Choice(jobs=tuple(body.jobs), tags=body.tags, all=body.all)


def _pause(scheduler: JobScheduler, choice: Choice, wish: Wish) -> dict[str, object]:
    paused = scheduler.pause(choice, wish)
    return {"paused": paused_document(paused), "running": list(paused.running)}


def _resume(scheduler: JobScheduler, choice: Choice) -> dict[str, object]:
    return resumed_document(scheduler.resume(choice))


def _skip(scheduler: JobScheduler, job_id: str, count: int) -> dict[str, object]:
    return skipping_document(job_id, scheduler.skip_next(job_id, count))


def _begin(scheduler: JobScheduler, wish: Wish) -> dict[str, object]:
    return {"maintenance": mark_document(scheduler.begin_maintenance(wish).mark)}


def _end(scheduler: JobScheduler) -> dict[str, object]:
    scheduler.end_maintenance()
    return {"maintenance": None}
